//! What it costs to allocate many objects and then to free them: the time of one whole batch.
//!
//! A batch is 1000 objects of 64 bytes, or of sizes from 16 to 1024 bytes; the first word of each is
//! written, as a program would. They are freed in the order of their allocation (`fifo`), in
//! reverse (`lifo`), or in an order without order (`shuffled`). This is what thread caches meet when
//! they run full and empty: refills, flushes, spans that fill and drain.

mod common;

use benches::heap::Heap;
use common::{Floor, each};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use std::alloc::Layout;

const OBJECTS: usize = 1000;

type Group<'c> = BenchmarkGroup<'c, criterion::measurement::WallTime>;

/// Numbers without order, the same in each run.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    (*state >> 33) as usize
}

fn orders() -> [(&'static str, Vec<usize>); 3] {
    let fifo: Vec<usize> = (0..OBJECTS).collect();
    let mut shuffled = fifo.clone();
    let mut state = 7;
    for n in (1..OBJECTS).rev() {
        shuffled.swap(n, random(&mut state) % (n + 1));
    }
    [("fifo", fifo.clone()), ("lifo", fifo.into_iter().rev().collect()), ("shuffled", shuffled)]
}

fn layouts() -> [(&'static str, Vec<Layout>); 2] {
    let of = |size| Layout::from_size_align(size, 8).expect("a small size");
    let mut state = 3;
    let mixed = (0..OBJECTS).map(|_| of(16 << (random(&mut state) % 7))).collect();
    [("64", vec![of(64); OBJECTS]), ("16 to 1024", mixed)]
}

fn batches(c: &mut Criterion) {
    for (size, layouts) in layouts() {
        for (order, frees) in orders() {
            let mut group = c.benchmark_group(format!("batch of {size}, {order}"));
            group.throughput(Throughput::Elements(OBJECTS as u64));
            bench(&mut group, "floor", &Floor, &layouts, &frees);
            each!(|name, heap| bench(&mut group, name, heap, &layouts, &frees));
            group.finish();
        }
    }
}

fn bench<H: Heap>(
    group: &mut Group<'_>,
    name: &str,
    heap: &H,
    layouts: &[Layout],
    frees: &[usize],
) {
    let mut objects = vec![std::ptr::null_mut::<u8>(); OBJECTS];
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for (object, &layout) in objects.iter_mut().zip(layouts) {
                *object = heap.alloc(layout);
                // SAFETY: every layout has room for a word, and is aligned for it.
                unsafe { object.cast::<u64>().write(1) };
            }
            for &n in frees {
                // SAFETY: each object is freed once, with its layout.
                unsafe { heap.free(objects[n], layouts[n]) };
            }
        });
    });
}

criterion_group! { name = all; config = common::criterion(); targets = batches }
criterion_main!(all);
