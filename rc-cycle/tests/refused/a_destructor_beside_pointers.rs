// It could look at a value of the same cycle that is gone.
use alloc_core::gc::Trace;
use rc_cycle::Cc;
use std::cell::RefCell;

#[derive(Trace)]
struct Node(RefCell<Option<Cc<Node>>>);

impl Drop for Node {
    fn drop(&mut self) {}
}

fn main() {}
