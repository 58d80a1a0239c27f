//! A handle's family does not become another one with a shorter lifetime.

use alloc_core::gc::*;
use core::marker::PhantomData;

struct Family<'a>(PhantomData<&'a ()>);

impl<'gc, 'a> Rootable<'gc> for Family<'a> {
    type Root = fn(&'a str);
}

fn shorten<'a>(handle: DynamicRoot<Family<'static>>, _: &'a str) -> DynamicRoot<Family<'a>> {
    handle
}

fn main() {
    let _ = shorten;
}
