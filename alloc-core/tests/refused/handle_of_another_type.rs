//! A handle gives back the type that it was made for.

use alloc_core::Rootable;
use alloc_core::gc::*;

Rootable!(type One<'gc> = u8);
Rootable!(type Other<'gc> = u64);

fn main() {
    let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
    let handle = heap.mutate(|mc, ()| mc.stash::<One>(Gc::new(mc, 1)));
    heap.mutate(|mc, ()| _ = mc.fetch::<Other>(&handle));
}
