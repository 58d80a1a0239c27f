//! The heap and the cache over every kind of ground, through the conformance kit; and how much of a
//! small buffer becomes slots.

use alloc_arena::{Arena, Fixed, Os};
use alloc_core::api2::alloc::{Global, System};
use alloc_core::conformance::Kit;
use alloc_core::{
    Allocator, Compat02, Fallback, Foreign, Layer, Layout, Limit, Locked, Null, Observe, Reclaiming,
};
use alloc_sizeclass::{ClassTable, Compact, Lookup, SizeClassHeap, ThreadCache};
use std::mem::MaybeUninit;
use talc::TalcCell;
use talc::source::Manual;

/// Keeps a value for as long as the process lives, and the way to it: a leak detector that finds
/// something in these tests has found a leak.
fn keep<T: ?Sized>(value: Box<T>) -> &'static mut T {
    static KEPT: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
    let value = Box::leak(value);
    KEPT.lock().unwrap().push(std::ptr::from_mut(value).cast::<u8>().expose_provenance());
    value
}

/// A buffer for one case, which stays as a static buffer does.
fn buffer(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    keep(vec![MaybeUninit::uninit(); bytes].into_boxed_slice())
}

#[test]
fn over_an_arena() {
    let heap = || SizeClassHeap::<_>::new(Arena::new(Os::new()));
    Kit::layer(heap).threads().cases(48).check();
    Kit::layer(|| ThreadCache::new(heap())).threads().cases(48).check();
    let compact = || SizeClassHeap::<_, Compact>::new(Arena::new(Os::new()));
    Kit::layer(compact).threads().cases(32).check();
}

#[test]
fn over_a_small_buffer() {
    for page_bytes in [1024, 4096] {
        let heap = || {
            let source = Fixed::new(buffer(256 << 10)).with_page_bytes(page_bytes);
            SizeClassHeap::<_, Compact>::new(Arena::new(source))
        };
        Kit::layer(heap)
            .may_run_out()
            .threads()
            .max_bytes(64 << 10)
            .max_align_bytes(4096)
            .cases(48)
            .check();
        let cache = || ThreadCache::new(heap());
        Kit::layer(cache)
            .may_run_out()
            .threads()
            .max_bytes(64 << 10)
            .max_align_bytes(4096)
            .cases(32)
            .check();
    }
}

#[test]
fn over_bumpalo() {
    // It gives nothing back, but spans are reused by the heap.
    let heap = || {
        let bump: &'static bumpalo::Bump = keep(Box::new(bumpalo::Bump::new()));
        SizeClassHeap::<_>::new(Foreign::new(Compat02(bump)))
    };
    Kit::layer(heap).cases(32).check();
}

#[test]
fn over_talc() {
    let talc = || {
        let memory = buffer(4 << 20);
        let talc = TalcCell::new(Manual);
        // SAFETY: the memory stays, and is talc's alone.
        unsafe { talc.claim(memory.as_mut_ptr().cast(), memory.len()).unwrap() };
        let talc: &'static TalcCell<Manual> = keep(Box::new(talc));
        Foreign::new(talc)
    };
    Kit::layer(|| SizeClassHeap::<_>::new(talc()))
        .may_run_out()
        .max_bytes(1 << 20)
        .max_align_bytes(1 << 16)
        .cases(32)
        .check();
    Kit::layer(|| SizeClassHeap::<_, Compact>::new(talc()))
        .may_run_out()
        .max_bytes(1 << 20)
        .max_align_bytes(1 << 16)
        .cases(32)
        .check();
}

#[test]
fn over_combinators() {
    let limited = || SizeClassHeap::<_>::new(Limit::new(4 << 20, System));
    Kit::layer(limited).may_run_out().threads().max_bytes(2 << 20).cases(32).check();
    let fallback = || {
        let first = Arena::new(Fixed::new(buffer(1 << 20)));
        SizeClassHeap::<_>::new(Fallback::new(first, System))
    };
    Kit::layer(fallback).threads().cases(32).check();
    let locked = || SizeClassHeap::<_>::new(Locked::new(Foreign::new(Global)));
    Kit::layer(locked).threads().cases(32).check();
    let nothing = || SizeClassHeap::<_>::new(Null);
    Kit::layer(nothing).may_refuse_everything().cases(8).check();
}

#[test]
fn reclaiming_over_a_limited_cache() {
    let stack = || {
        let ground = Limit::new(6 << 20, Observe::new(System));
        Reclaiming::new(ThreadCache::new(SizeClassHeap::<_>::new(ground)))
    };
    Kit::layer(stack).may_run_out().threads().max_bytes(2 << 20).cases(32).check();
    let over_pages = || {
        let ground = Limit::new(6 << 20, Arena::new(Os::new()));
        Reclaiming::new(ThreadCache::new(SizeClassHeap::<_>::new(ground)))
    };
    Kit::layer(over_pages).may_run_out().threads().max_bytes(2 << 20).cases(32).check();
}

#[test]
fn alignments_of_a_granule_and_more() {
    let heap = SizeClassHeap::<_>::new(Arena::new(Os::new()));
    let cache = ThreadCache::new(SizeClassHeap::<System>::new(System));
    fn check(stack: &impl Lookup) {
        for align in (0..=21).map(|shift| 1usize << shift) {
            for size in [0, 1, 100, align, align + 1, 3 * align] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let slice = stack.allocate(layout).unwrap();
                assert_eq!(slice.len(), stack.usable_size(layout), "{layout:?}");
                assert!(slice.cast::<u8>().addr().get().is_multiple_of(align), "{layout:?}");
                if size > 0 {
                    let found = stack.layout_at(slice.cast()).unwrap();
                    assert_eq!(found.size(), slice.len());
                    // SAFETY: the allocation has so many bytes.
                    unsafe { slice.cast::<u8>().write_bytes(0xa5, slice.len()) };
                }
                // SAFETY: allocated just now with this layout.
                unsafe { stack.deallocate(slice.cast(), layout) };
            }
        }
        stack.verify().unwrap();
    }
    check(&heap);
    check(&cache);
}

/// Percent of a buffer of 64 KiB that can be had as slots of one size.
fn usable_share(page_bytes: usize, size: usize) -> usize {
    const BYTES: usize = 64 << 10;
    let mut memory = vec![MaybeUninit::uninit(); BYTES];
    let source = Fixed::new(&mut memory).with_page_bytes(page_bytes);
    let heap = SizeClassHeap::<_, Compact>::new(Arena::new(source));
    let layout = Layout::from_size_align(size, 8).unwrap();
    let slot_bytes = Compact::info(Compact::class_of(layout).unwrap()).slot_bytes;
    let mut slots = 0;
    while heap.allocate(layout).is_ok() {
        slots += 1;
    }
    heap.verify().unwrap();
    slots * slot_bytes * 100 / BYTES
}

#[test]
fn most_of_a_small_buffer_becomes_slots() {
    for page_bytes in [256, 512, 1024, 2048, 4096] {
        let shares = [16, 64, 256, 768, 1024].map(|size| usable_share(page_bytes, size));
        println!("pages of {page_bytes} bytes: {shares:?} % are slots of 16, 64, 256, 768, 1024");
        if page_bytes <= 1024 {
            assert!(shares.iter().all(|share| *share >= 70), "{page_bytes}: {shares:?} %");
        }
    }
}
