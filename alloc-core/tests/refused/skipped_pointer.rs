//! A pointer cannot be left out.

use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    next: Gc<'gc, u8>,
}

fn main() {}
