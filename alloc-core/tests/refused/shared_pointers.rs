//! `Rc` and `Arc` cannot hold pointers in a heap.

use alloc_core::gc::*;

use std::rc::Rc;

#[derive(Trace)]
struct Node<'gc> {
    rc: Rc<Gc<'gc, u8>>,
}

fn main() {}
