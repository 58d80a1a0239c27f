//! The suite of collectors, on the simplest one: standing still, moving, and after every mutation.

use alloc_core::gc::{Reference, suite};

#[test]
fn reference() {
    suite::run(Reference::default, 5_000);
}

#[test]
fn reference_moving() {
    suite::run(|| Reference::default().moving(), 2_000);
}

#[test]
fn reference_eager() {
    suite::run(|| Reference::default().eager(), 1_000);
}

#[test]
fn reference_moving_eager() {
    suite::run(|| Reference::default().moving().eager(), 1_000);
}
