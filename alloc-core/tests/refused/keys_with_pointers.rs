//! Keys with pointers in them could not be rewritten.

use alloc_core::gc::*;

use std::collections::HashMap;

#[derive(Trace)]
struct Node<'gc> {
    map: HashMap<Gc<'gc, str>, u8>,
}

fn main() {}
