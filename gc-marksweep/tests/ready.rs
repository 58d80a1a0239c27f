//! Empty spans that a helper makes ready: as many as asked for, touched, counted, and none where memory is short.

mod common;

use alloc_core::api2::alloc::{AllocError, Allocator, System};
use alloc_core::gc::{Gc, Heap};
use alloc_core::{Foreign, Layout, Limit, Rootable};
use common::heap;
use gc_marksweep::heap::{Mutator, ObjectHeap};
use gc_marksweep::{Config, MarkSweep};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SPAN: usize = 64 << 10;
const HALF_KIB: Layout = match Layout::from_size_align(512, 8) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

#[test]
fn a_heap_without_a_helper_makes_nothing_ready() {
    let mut mutator = heap::<_, 64>(System);
    for _ in 0..64 * 127 {
        mutator.allocate(HALF_KIB, false).unwrap();
    }
    assert_eq!(mutator.heap().make_ready(|| true), 0);
    // The reserve alone.
    assert_eq!(mutator.figures().pool_bytes, 4 * SPAN);
}

#[test]
fn a_helper_makes_a_part_ready_and_is_called_when_half_is_used() {
    let mut mutator = heap::<_, 64>(System);
    assert!(mutator.heap().set_helper(std::thread::current()));
    assert!(!mutator.heap().set_helper(std::thread::current()));
    let mut made = Vec::new();
    for _ in 0..127 * 512 {
        mutator.allocate(HALF_KIB, false).unwrap();
        let before_bytes = mutator.figures().run_bytes;
        match mutator.heap().make_ready(|| true) {
            0 => {}
            spans => {
                made.push(spans);
                assert_eq!(mutator.figures().run_bytes, before_bytes + spans * SPAN);
                mutator.verify().unwrap();
            }
        }
    }
    // At first, single ones; then the half of eight that were used, and the one that used them up.
    assert_eq!((made[0], *made.last().unwrap()), (1, 5));
    assert!(mutator.figures().pool_bytes <= 16 * SPAN);
    // Each of them was used: no more lies ready than should.
    assert!((15..130).contains(&made.len()), "{}", made.len());
    // Asked once, made once; and not against the will of who made it.
    assert_eq!(mutator.heap().make_ready(|| true), 0);
    let all_bytes = mutator.figures().pool_bytes;
    assert_eq!(mutator.heap().reclaim(usize::MAX), all_bytes);
    assert_eq!(mutator.figures().pool_bytes, 0);
    mutator.verify().unwrap();
}

#[test]
fn what_lies_ready_is_given_up_before_anything_fails() {
    let mut mutator = heap::<_, 64>(Limit::new(256 * SPAN, System));
    mutator.heap().set_helper(std::thread::current());
    let mut allocated = 0;
    while mutator.allocate(HALF_KIB, false).is_ok() {
        allocated += 1;
        mutator.heap().make_ready(|| true);
    }
    // The first span's worth is kept apart, and the limit counts it.
    assert_eq!(allocated, 255 * 124);
    assert_eq!((mutator.figures().pool_bytes, mutator.heap().is_short()), (0, true));
    assert_eq!(mutator.heap().make_ready(|| true), 0);
    mutator.verify().unwrap();
}

/// Real threads: the mutator verifies, and its allocations never see a span twice, while the helper makes some ready.
#[test]
fn a_helper_beside_the_mutator() {
    let shared = Arc::new(ObjectHeap::<_, 64>::new(System));
    let stop = Arc::new(AtomicBool::new(false));
    let (of_helper, stops) = (shared.clone(), stop.clone());
    let helper = std::thread::spawn(move || {
        let mut spans = 0;
        while !stops.load(Ordering::Relaxed) {
            spans += of_helper.make_ready(|| !stops.load(Ordering::Relaxed));
            std::thread::yield_now();
        }
        spans
    });
    shared.set_helper(helper.thread().clone());
    // SAFETY: the heap's only mutator; an `Arc` leads to the same heap always.
    let mutator = unsafe { Mutator::new(shared) };
    let mut seen = std::collections::HashSet::new();
    for number in 0..127 * 256 {
        assert!(seen.insert(mutator.allocate(HALF_KIB, false).unwrap()));
        if number % 1024 == 0 {
            mutator.verify().unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(helper.join().unwrap() > 0);
    mutator.verify().unwrap();
}

/// Counts what the collector's helper takes.
#[derive(Clone, Default)]
struct Watched(Arc<AtomicUsize>);

// SAFETY: it is `System`.
unsafe impl Allocator for Watched {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if std::thread::current().name() == Some("gc-marksweep") {
            self.0.fetch_add(usize::from(layout.size() == SPAN), Ordering::Relaxed);
        }
        System.allocate(layout)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.deallocate(ptr, layout) }
    }
}

Rootable!(type Kept<'gc> = Vec<Gc<'gc, [u64; 30]>>);

#[test]
fn a_growing_heap_whose_marker_helps() {
    let watched = Watched::default();
    let collector =
        MarkSweep::background(Config::default(), Foreign::new(watched.clone())).unwrap();
    let mut heap = Heap::<_, Kept>::new(collector, |_| Vec::new());
    let began = std::time::Instant::now();
    while watched.0.load(Ordering::Relaxed) < 16 {
        heap.mutate_root(|mc, kept| {
            kept.extend((0..1000).map(|n| Gc::new(mc, [n; 30])));
            if kept.len() > 200_000 {
                kept.clear();
            }
        });
        assert!(began.elapsed().as_secs() < 60, "the helper takes nothing");
    }
}
