//! What it costs to allocate and to free at once: the time of one pair, by size.
//!
//! The layout is known when the bench is compiled, the memory is hot, nothing is written to it. So
//! this is the fast path alone: what every allocation of a program pays at least. `floor` is a pop
//! and a push on a list in thread-local storage.

mod common;

use benches::heap::Heap;
use common::{Floor, each, layout};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn pair<const BYTES: usize>(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("pair of {BYTES}"));
    group.bench_function("floor", |bencher| bencher.iter(|| once::<_, BYTES>(&Floor)));
    each!(|name, heap| {
        group.bench_function(name, |bencher| bencher.iter(|| once::<_, BYTES>(heap)));
    });
    group.finish();
}

#[inline(always)]
fn once<H: Heap, const BYTES: usize>(heap: &H) {
    let ptr = black_box(heap.alloc(layout::<BYTES>()));
    // SAFETY: allocated right above, for this layout.
    unsafe { heap.free(ptr, layout::<BYTES>()) };
}

fn pairs(c: &mut Criterion) {
    pair::<16>(c);
    pair::<64>(c);
    pair::<256>(c);
    pair::<1024>(c);
    pair::<4096>(c);
    pair::<32_768>(c);
    pair::<262_144>(c);
    pair::<1_048_576>(c);
}

criterion_group! { name = all; config = common::criterion(); targets = pairs }
criterion_main!(all);
