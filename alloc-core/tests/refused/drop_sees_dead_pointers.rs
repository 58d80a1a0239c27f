//! A type with traced pointers cannot have a `Drop` that could look at them.

use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'gc, String>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        println!("{}", self.next);
    }
}

fn main() {}
