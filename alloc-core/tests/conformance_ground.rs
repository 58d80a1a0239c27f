//! The grounds that come with Rust, put through the kit: alone, by reference, shared, boxed.

use alloc_core::api2::alloc::{Global, System};
use alloc_core::conformance::Kit;
use alloc_core::{Boxed, Layer, Shared};

#[test]
fn global() {
    Kit::layer(|| Global).threads().clones().check();
}

#[test]
fn system_as_a_plain_allocator() {
    Kit::new(|| System).threads().clones().check();
}

#[test]
fn references_and_pointers() {
    let layer: &dyn Layer = &System;
    Kit::layer(|| layer).cases(32).clones().check();
    Kit::layer(|| Shared::new(Global)).cases(32).threads().clones().check();
    Kit::layer(|| Boxed(Box::new(System) as Box<dyn Layer>)).cases(32).check();
}
