//! What it costs to grow a vector: the time from the first element to the last.
//!
//! The vector doubles from 64 bytes to its full size by `realloc`, as `Vec` does; each time, a word
//! on every page of the new part is written. Small vectors move from size class to size class; large
//! ones show whether growth copies, or moves pages. There is no floor: what is the least to do here
//! depends on the system.

mod common;

use benches::heap::Heap;
use common::each;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use std::alloc::Layout;

const FIRST_BYTES: usize = 64;
const PAGE_BYTES: usize = 4096;

fn growth(c: &mut Criterion) {
    for full_bytes in [4 << 10, 64 << 10, 1 << 20, 64 << 20] {
        let mut group = c.benchmark_group(format!("growth to {} KiB", full_bytes >> 10));
        group.throughput(Throughput::Bytes(full_bytes as u64));
        each!(|name, heap| bench(&mut group, name, heap, full_bytes));
        group.finish();
    }
}

fn bench<H: Heap>(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    heap: &H,
    full_bytes: usize,
) {
    let of = |bytes| Layout::from_size_align(bytes, 8).expect("a size below the address space");
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut bytes = FIRST_BYTES;
            let mut ptr = heap.alloc(of(bytes));
            assert!(!ptr.is_null());
            while bytes < full_bytes {
                // SAFETY: `ptr` was allocated for `bytes`, here or the time before.
                ptr = unsafe { heap.realloc(ptr, of(bytes), of(2 * bytes)) };
                assert!(!ptr.is_null());
                for at in (bytes..2 * bytes).step_by(PAGE_BYTES) {
                    // SAFETY: below the new size, which is a multiple of 8.
                    unsafe { ptr.add(at).cast::<u64>().write(1) };
                }
                bytes *= 2;
            }
            // SAFETY: as for `realloc`.
            unsafe { heap.free(ptr, of(bytes)) };
        });
    });
}

criterion_group! { name = all; config = common::criterion(); targets = growth }
criterion_main!(all);
