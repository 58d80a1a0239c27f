//! A map by another name is found as well.

use alloc_core::gc::*;

type Hidden<K> = std::collections::HashMap<K, u8>;

#[derive(Trace)]
struct Node<'gc> {
    map: Hidden<Gc<'gc, str>>,
}

fn main() {}
