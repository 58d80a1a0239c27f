//! A pointer of one heap cannot be stored in another one.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, Lock<Option<Gc<'gc, u8>>>>);

fn main() {
    let make = || Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, Lock::new(None)));
    let (mut one, mut two) = (make(), make());
    one.mutate(|first, root| {
        let pointer = Gc::new(first, 7);
        let _ = root;
        two.mutate(|second, root| root.set(second, Some(pointer)));
    });
}
