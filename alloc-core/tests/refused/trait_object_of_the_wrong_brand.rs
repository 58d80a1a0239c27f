//! An object in a trait object cannot hide another heap's pointers.

use alloc_core::Rootable;
use alloc_core::gc::*;

trait Any {}
impl<T> Any for T {}

Rootable!(type Root<'gc> = Gc<'gc, Lock<Option<Gc<'gc, dyn Any + 'gc>>>>);

fn main() {
    let make = || Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, Lock::new(None)));
    let (mut one, mut two) = (make(), make());
    one.mutate(|first, _| {
        let pointer = Gc::new(first, 7);
        two.mutate(|second, root| {
            let hidden = alloc_core::unsize!(Gc::new(second, pointer) => dyn Any + '_);
            root.set(second, Some(hidden));
        });
    });
}
