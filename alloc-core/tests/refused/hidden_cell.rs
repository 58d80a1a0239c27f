//! A `Cell` by another name is found as well.

use alloc_core::gc::*;

type Hidden<T> = std::cell::Cell<T>;

#[derive(Trace)]
struct Node<'gc> {
    next: Hidden<Option<Gc<'gc, u8>>>,
}

fn main() {}
