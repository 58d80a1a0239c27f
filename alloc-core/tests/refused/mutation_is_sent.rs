//! Neither a mutation nor its pointers go to another thread.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type Root<'gc> = Gc<'gc, u8>);

fn main() {
    let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, 1));
    heap.mutate(|_, root| {
        std::thread::scope(|scope| _ = scope.spawn(|| println!("{root}")));
    });
}
