//! A lock cannot be set without the barrier.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, (Lock<u8>, RefLock<u8>)>);

fn main() {
    let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| {
        Gc::new(mc, (Lock::new(1), RefLock::new(1)))
    });
    heap.mutate(|_, root| root.0.set(2));
    heap.mutate(|_, root| *root.1.borrow_mut() = 2);
}
