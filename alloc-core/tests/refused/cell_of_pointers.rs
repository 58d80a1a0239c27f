//! A `Cell` or a `RefCell` of pointers bypasses the barrier.

use alloc_core::gc::*;

use std::cell::{Cell, RefCell};

#[derive(Trace)]
struct Node<'gc> {
    next: Cell<Option<Gc<'gc, u8>>>,
}

#[derive(Trace)]
struct Many<'gc> {
    more: Option<RefCell<Vec<Gc<'gc, u8>>>>,
}

fn main() {}
