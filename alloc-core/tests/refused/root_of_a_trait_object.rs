//! A family is a type with an implementation, which the compiler has checked.

use alloc_core::gc::*;
use core::marker::PhantomData;

type Forever = dyn for<'gc> Rootable<'gc, Root = PhantomData<&'static &'gc ()>>;

fn main() {
    let mut heap = Heap::<_, Forever>::new(Reference::default(), |_| PhantomData);
    heap.collect();
}
