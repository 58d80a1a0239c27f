//! What callers may do without `unsafe`, however odd: nothing of it may break the heap.

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Layer, Layout, Observe};
use alloc_sizeclass::{
    BatchHeap, Class, ClassTable, Compact, Fine, Lookup, MAX_CLASSES, SizeClassHeap, SizeClasses,
    ThreadCache,
};
use std::ptr::NonNull;

const SMALLEST: Layout = Layout::new::<[u64; 2]>();

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn a_class_of_another_table_is_refused_and_costs_nothing() {
    let below = Observe::new(System);
    let heap: SizeClassHeap<_, Compact> = SizeClassHeap::new(&below);
    for index in Compact::SLOT_BYTES.len() + 1..MAX_CLASSES {
        for _ in 0..100 {
            assert!(heap.refill(Class::new(index), 4).is_err());
        }
    }
    assert_eq!(below.figures().live_bytes, 0, "refusals take memory");
    let stack = ThreadCache::new(SizeClassHeap::<System, Compact>::new(System));
    for index in Compact::SLOT_BYTES.len() + 1..MAX_CLASSES {
        assert!(stack.allocate_class(Class::new(index)).is_err());
    }
    stack.verify().unwrap();
}

/// A batch may be of any length; a thread cache's lists count in 16 bits.
#[test]
fn a_huge_batch_stays_out_of_the_thread_caches() {
    let stack = ThreadCache::new(SizeClassHeap::<System>::new(System));
    let class = Fine::class_of(SMALLEST).unwrap();
    // Many spans, each but for one slot free: so one refill can take a great many slots.
    let all: Vec<_> = (0..90_000).map(|_| stack.below().allocate(SMALLEST).unwrap()).collect();
    let keep = |at: usize| at.is_multiple_of(2000);
    for (_, slot) in all.iter().enumerate().filter(|(at, _)| !keep(*at)) {
        // SAFETY: allocated above with this layout, freed once.
        unsafe { stack.below().deallocate(slot.cast(), SMALLEST) };
    }
    let batch = stack.refill(class, 80_000).unwrap();
    assert!(batch.len() > usize::from(u16::MAX), "{} slots", batch.len());
    // SAFETY: the batch is of this heap and class.
    unsafe { stack.flush(class, batch) };
    let slots: Vec<_> = (0..1000).map(|_| stack.allocate_class(class).unwrap()).collect();
    stack.verify().unwrap();
    for slot in slots {
        // SAFETY: allocated above, freed once.
        unsafe { stack.deallocate_class(slot, class) };
    }
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    for (_, slot) in all.iter().enumerate().filter(|(at, _)| keep(*at)) {
        // SAFETY: allocated above with this layout, freed once.
        unsafe { stack.below().deallocate(slot.cast(), SMALLEST) };
    }
    let used = alloc_core::report::Tree::of(&stack)
        .figure("SizeClassHeap", "slots in use (caches included)");
    // This thread's record, and nothing else.
    assert!(used.unwrap() < 4096, "{used:?}");
}

/// Slots whose alignment does not ascend with their size: 1536 is a multiple of 512 only.
struct Crooked;

impl SizeClasses for Crooked {
    const SLOT_BYTES: &'static [usize] = &[16, 80, 208, 1536, 2048];
    const GRANULE_BYTES: usize = 4096;
}

#[test]
fn layouts_that_fit_agree_in_every_table() {
    fn check<T: SizeClasses>(below: impl Layer) {
        let heap = SizeClassHeap::<_, T>::new(below);
        let most = T::SLOT_BYTES.last().unwrap() + 100;
        for align in (0..16).map(|shift| 1 << shift) {
            for size in (1..200).chain((200..most).step_by(23)) {
                let usable = heap.usable_size(layout(size, align));
                let class = T::class_of(layout(size, align));
                for fits in [size, size + (usable - size) / 2, usable] {
                    let fits = layout(fits, align);
                    assert_eq!(heap.usable_size(fits), usable, "{size} and {fits:?}");
                    assert_eq!(T::class_of(fits), class, "{size} and {fits:?}");
                }
            }
        }
    }
    check::<Crooked>(Arena::new(Os::new()));
    check::<Fine>(Arena::new(Os::new()));
    check::<Compact>(Arena::new(Os::new()));
    check::<Crooked>(System);
}

#[test]
fn a_crooked_table_conforms() {
    let over_pages = || SizeClassHeap::<_, Crooked>::new(Arena::new(Os::new()));
    Kit::layer(over_pages).threads().cases(48).check();
    let cached = || ThreadCache::new(SizeClassHeap::<System, Crooked>::new(System));
    Kit::layer(cached).threads().cases(48).check();
}

/// Two heaps on one arena: a large run of one may end in the granule where a run of the other's
/// begins. Each must know its own.
#[test]
fn a_heap_does_not_free_its_neighbours_memory() {
    let arena = Arena::new(Os::new());
    let ours = SizeClassHeap::<_>::new(&arena);
    let wanted = layout((1 << 20) + 40_000, 8);
    let run = ours.allocate(wanted).unwrap().cast::<u8>();
    let granule = <Fine as SizeClasses>::GRANULE_BYTES;
    // SAFETY: the address lies in the last granule of the run; it is not read.
    let beyond =
        unsafe { NonNull::new_unchecked(run.as_ptr().wrapping_add((1 << 20) + granule - 4096)) };
    assert_eq!(ours.layout_at(beyond), None);
    // SAFETY: the address is no memory of this heap: the run ends before it.
    unsafe { assert!(!ours.deallocate_at(beyond)) };
    assert!(ours.layout_at(run).is_some(), "the run is still there");
    // SAFETY: allocated above with this layout.
    unsafe { ours.deallocate(run, wanted) };
    ours.verify().unwrap();
}
