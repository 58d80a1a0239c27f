//! The compiler names the field whose type cannot be traced.

use alloc_core::gc::*;

struct Foreign;

#[derive(Trace)]
struct Node {
    number: u8,
    foreign: Foreign,
}

fn main() {}
