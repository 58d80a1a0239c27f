//! References into a heap cannot be in a heap.

use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'gc> {
    borrowed: &'gc u8,
}

fn main() {}
