//! What pools take of memory.
//!
//! Above: the contestants, each of which is weighed so in a process of its own (`child`). Below: `global`, which counts.
//!
//! Counted is what a pool of 1024 slots has taken from the allocator when all slots are used, and its own size, without the
//! handles that the program has. `malloc` is not counted so, as it has the memory of all: there it is what is resident of a million values.

use super::{CAPACITY, Pool, Value, View};
use crate::global;
use crate::measure::Resident;

/// Values on an allocator that is not counted.
const MANY: usize = 1 << 20;

/// Bytes beside a value, of a pool that takes its memory from this program's allocator.
pub(super) fn counted<P: Pool>() -> f64 {
    beside_a_value::<P>(CAPACITY, global::counted_bytes)
}

/// The same of an allocator that takes it from the system.
pub(super) fn resident<P: Pool>() -> f64 {
    let memory = Resident::open();
    beside_a_value::<P>(MANY, || memory.bytes())
}

fn beside_a_value<P: Pool>(count: usize, taken_bytes: impl Fn() -> u64) -> f64 {
    let start = taken_bytes();
    let mut pool = P::with_capacity(count);
    let made = taken_bytes();
    let mut view = pool.view();
    let mut handles = Vec::new();
    handles.resize_with(count, || None);
    let before = taken_bytes();
    for (word, place) in (0..).zip(&mut handles) {
        *place = Some(view.alloc(word));
    }
    // What the handles' table takes is not the pool's.
    let bytes = (made - start) + (taken_bytes() - before) + size_of::<P>() as u64;
    for handle in handles.into_iter().flatten() {
        view.free(handle);
    }
    bytes as f64 / count as f64 - size_of::<Value>() as f64
}
