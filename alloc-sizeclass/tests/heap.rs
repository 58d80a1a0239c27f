//! `SizeClassHeap` over several layers: the conformance kit, and what the kit cannot ask.

use alloc_core::api2::alloc::{Global, System};
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{BatchHeap, ClassTable, Compact, Fine, Lookup, SizeClassHeap};
use std::ptr::NonNull;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn a_slot_is_reused_and_spans_go_back() {
    let heap: SizeClassHeap<Global> = SizeClassHeap::new(Global);
    let all: Vec<_> =
        (0..10_000).map(|_| heap.allocate(layout(100, 8)).unwrap().cast::<u8>()).collect();
    heap.verify().unwrap();
    let mut sorted: Vec<_> = all.iter().map(|p| p.addr()).collect();
    sorted.sort_unstable();
    assert!(sorted.windows(2).all(|w| w[1].get() - w[0].get() >= 112));
    for ptr in all {
        // SAFETY: allocated above with this layout, freed once.
        unsafe { heap.deallocate(ptr, layout(100, 8)) };
    }
    heap.verify().unwrap();
    assert!(heap.reclaim(usize::MAX) > 0);
    let tree = alloc_core::report::Tree::of(&heap);
    assert_eq!(tree.figure("SizeClassHeap", "spans"), Some(0));
}

/// What its slot has room for stays where it is; what the contract does not ask for, so the kit does not.
#[test]
fn an_allocation_stays_in_its_slot() {
    let heap: SizeClassHeap<Global> = SizeClassHeap::new(Global);
    let all = [(); 8].map(|()| heap.allocate(layout(100, 1)).unwrap().cast::<u8>());
    for ptr in all {
        // SAFETY: live, with a layout that fits, until the line that takes it.
        unsafe {
            for (old, new) in [(100, 112), (112, 97), (97, 98)] {
                let (old, new) = (layout(old, 1), layout(new, 16));
                let slice = if new.size() > old.size() {
                    heap.grow(ptr, old, new).unwrap()
                } else {
                    heap.shrink(ptr, old, new).unwrap()
                };
                assert_eq!((slice.cast(), slice.len()), (ptr, 112));
            }
            let moved = heap.grow(ptr, layout(98, 16), layout(113, 16)).unwrap();
            assert!(moved.cast() != ptr && moved.len() == 128);
            heap.deallocate(moved.cast(), layout(113, 16));
        }
    }
    heap.verify().unwrap();
}

/// What no slot holds is the layer below's to resize: it may have room behind the run.
#[test]
fn a_large_run_is_resized_below() {
    let below = alloc_core::Observe::new(System);
    let heap: SizeClassHeap<_> = SizeClassHeap::new(&below);
    let (small, large) = (layout(2 << 20, 8), layout(3 << 20, 8));
    let ptr = heap.allocate(small).unwrap().cast::<u8>();
    // SAFETY: live, with the layout given, until the line that takes it.
    unsafe {
        let ptr = heap.grow(ptr, small, large).unwrap().cast();
        let ptr = heap.shrink(ptr, large, small).unwrap().cast();
        assert_eq!((below.figures().grows, below.figures().shrinks), (1, 1));
        heap.deallocate(ptr, small);
    }
}

#[test]
fn lookup_knows_slots_and_large_runs() {
    let heap: SizeClassHeap<System> = SizeClassHeap::new(System);
    for size in [1, 16, 17, 1000, 32 << 10, (32 << 10) + 1, 1 << 20, (1 << 20) + 1] {
        let wanted = layout(size, 1);
        let slice = heap.allocate(wanted).unwrap();
        let found = heap.layout_at(slice.cast()).unwrap();
        assert_eq!(found.size(), slice.len());
        // SAFETY: the allocation has at least one byte; its end may be pointed to.
        let inside = unsafe { slice.cast::<u8>().add(1) };
        assert_eq!(heap.layout_at(inside), None);
        // SAFETY: allocated above, freed once.
        unsafe { assert!(heap.deallocate_at(slice.cast())) };
    }
    let mut foreign = 0u8;
    assert_eq!(heap.layout_at(NonNull::from(&mut foreign)), None);
    // SAFETY: the address is no memory of the heap's.
    unsafe { assert!(!heap.deallocate_at(NonNull::from(&mut foreign))) };
    heap.verify().unwrap();
}

#[test]
fn batches_come_back_through_the_transfer_cache() {
    let heap: SizeClassHeap<Global> = SizeClassHeap::new(Global);
    let class = Fine::class_of(layout(64, 8)).unwrap();
    let whole = Fine::info(class).batch_slots as usize;
    let batch = heap.refill(class, whole).unwrap();
    assert_eq!(batch.len(), whole);
    // SAFETY: the batch came from this heap, of this class.
    unsafe { heap.flush(class, batch) };
    // Whole batches move: fewer are asked for, all come.
    let batch = heap.refill(class, 8).unwrap();
    assert_eq!(batch.len(), whole);
    // SAFETY: the batch came from this heap, of this class.
    unsafe { heap.flush(class, batch) };
    heap.verify().unwrap();
}

#[test]
fn a_dropped_heap_gives_everything_back() {
    let below = alloc_core::Observe::new(System);
    let heap: SizeClassHeap<_, Compact> = SizeClassHeap::new(&below);
    for size in [8, 100, 1000, 5000, 1 << 20] {
        heap.allocate(layout(size, 8)).unwrap();
    }
    assert!(below.figures().live_bytes > 0);
    drop(heap);
    assert_eq!(below.figures().live_bytes, 0);
}
