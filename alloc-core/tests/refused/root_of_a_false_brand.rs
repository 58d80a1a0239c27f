//! A root from whose type the compiler would conclude that the brand is 'static.

use alloc_core::Rootable;
use alloc_core::gc::*;
use core::marker::PhantomData;

Rootable!(type Forever<'gc> = PhantomData<&'static &'gc ()>);

/// The same, behind a trait object's associated type.
trait Has<'a> {
    type Type;
}

Rootable!(type Hidden<'gc> =
    <dyn for<'a> Has<'a, Type = PhantomData<&'static &'a ()>> as Has<'gc>>::Type);

fn leave<'gc>(
    mc: &'gc Mutation<'gc, Reference>,
    _: &'gc PhantomData<&'static &'gc ()>,
) -> Gc<'static, u8> {
    Gc::new(mc, 1)
}

fn main() {
    let mut heap = Heap::<_, Forever>::new(Reference::default(), |_| PhantomData);
    let _stolen = heap.mutate(leave);
}
