//! A type that holds pointers is no leaf.

use alloc_core::gc::*;

#[derive(Trace)]
#[trace(leaf)]
struct Node<'gc> {
    next: Gc<'gc, u8>,
}

fn main() {
    let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
    heap.mutate(|mc, ()| _ = Gc::new(mc, Node { next: Gc::new(mc, 1) }));
}
