//! The barrier of another heap does not count.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, Lock<u8>>);

fn main() {
    let make = || Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, Lock::new(1)));
    let (mut one, mut two) = (make(), make());
    one.mutate(|_, first| two.mutate(|second, _| first.set(second, 2)));
}
