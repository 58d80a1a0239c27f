//! `field!` does not follow a pointer into another object.

use alloc_core::Rootable;
use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'gc, Tail>,
}

#[derive(Trace)]
struct Tail {
    value: Lock<u8>,
}

Rootable!(type Root<'gc> = Gc<'gc, Node<'gc>>);

fn main() {
    let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| {
        Gc::new(mc, Node { next: Gc::new(mc, Tail { value: Lock::new(1) }) })
    });
    heap.mutate(|mc, root| {
        let next = alloc_core::field!(root.write(mc), Node, next);
        alloc_core::field!(next, Tail, value).set(2);
    });
}
