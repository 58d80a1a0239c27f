use alloc_core::gc::Trace;
use rc_cycle::Cc;
use std::cell::RefCell;

// What is said is what to write.
#[derive(Trace)]
struct Node<T: 'static> {
    value: T,
    next: RefCell<Option<Cc<Node<T>>>>,
}

fn main() {}
