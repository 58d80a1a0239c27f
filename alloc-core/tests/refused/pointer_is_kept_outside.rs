//! A pointer cannot be put into a variable outside of its mutation.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, u8>);

fn main() {
    let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, 1));
    let mut kept = None;
    heap.mutate(|_, root| kept = Some(*root));
}
