//! Keys have to be traced, as values have.

use alloc_core::gc::*;

struct Foreign;

fn is_traced<'gc, T: Trace<'gc>>() {}

fn main() {
    is_traced::<Map<Foreign, u8>>();
}
