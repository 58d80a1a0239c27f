//! Nobody knows which field of a union is there.

use alloc_core::gc::*;

#[derive(Trace)]
union Either {
    one: u8,
    other: i8,
}

fn main() {}
