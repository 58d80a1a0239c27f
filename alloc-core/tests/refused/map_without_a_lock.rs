//! A map has no cell of its own: in an object, it is changed in a lock, after the barrier.

use alloc_core::gc::*;

fn insert<'gc>(map: Gc<'gc, Map<Gc<'gc, str>, u8>>, key: Gc<'gc, str>) {
    map.insert(key, 1);
}

fn insert_after_the_barrier<'gc, C: Collector>(
    mc: &Mutation<'gc, C>,
    map: Gc<'gc, Map<Gc<'gc, str>, u8>>,
    key: Gc<'gc, str>,
) {
    map.write(mc).insert(key, 1);
}

fn main() {}
