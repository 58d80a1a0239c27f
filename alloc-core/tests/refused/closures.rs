//! Closures that hold pointers cannot be in a heap: nobody sees what they hold.

use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'gc> {
    closure: Box<dyn Fn() + 'gc>,
}

fn main() {}
