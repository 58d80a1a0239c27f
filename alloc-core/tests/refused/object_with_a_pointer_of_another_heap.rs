//! A pointer of one heap cannot be part of a new object of another one.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = ());

fn main() {
    let make = || Heap::<_, Root>::new(Reference::default(), |_| ());
    let (mut one, mut two) = (make(), make());
    one.mutate(|first, ()| {
        let pointer = Gc::new(first, 7);
        two.mutate(|second, ()| _ = Gc::new(second, pointer));
    });
}
