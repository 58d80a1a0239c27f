//! A `Write` cannot be made by hand.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, Lock<u8>>);

fn main() {
    let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, Lock::new(1)));
    heap.mutate(|_, root| {
        let write = Write { __value: root.as_ref() };
        let _ = write;
    });
}
