//! The value of an ephemeron can be set, so its type does not become another one.

use alloc_core::gc::*;

fn lengthen<'gc, 's>(
    pair: Ephemeron<'gc, u8, fn(&'s str)>,
) -> Ephemeron<'gc, u8, fn(&'static str)> {
    pair
}

fn main() {
    let _ = lengthen;
}
