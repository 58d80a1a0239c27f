//! `Bump`: the conformance kit over several layers, and what it promises beyond the contract.

use alloc_arena::{Arena, Bump, Fixed, Os};
use alloc_core::api2::{alloc::Global, vec::Vec};
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Layer, Layout};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

#[test]
fn bump_over_global() {
    Kit::layer(|| Bump::new(Global)).frees_give_nothing_back().check();
}

/// Many objects are chunks of their own, and grow through the layer below.
#[test]
fn bump_with_small_chunks() {
    Kit::layer(|| Bump::new(Global).with_chunk_bytes(256, 4096)).check();
}

#[test]
fn bump_over_an_arena() {
    Kit::layer(|| Bump::new(Arena::new(Os::new()))).frees_give_nothing_back().check();
}

#[test]
fn bump_over_an_arena_of_dedicated_runs() {
    let arena = || Arena::new(Os::new()).with_dedicated_bytes(16 << 10);
    Kit::layer(|| Bump::new(arena()).with_chunk_bytes(4 << 10, 32 << 10)).check();
}

#[test]
fn bump_over_a_buffer() {
    Kit::layer(|| {
        let buffer = vec![MaybeUninit::new(0xA5); 1 << 20].leak();
        Bump::new(Arena::new(Fixed::new(buffer).with_page_bytes(256)))
    })
    .frees_give_nothing_back()
    .may_run_out()
    .check();
}

#[test]
fn bump_by_reference() {
    // A static would have to be `Sync`; a leaked bump serves all sequences of one thread.
    let bump: &Bump<Global> = Box::leak(Box::new(Bump::new(Global)));
    Kit::layer(|| bump).clones().frees_give_nothing_back().check();
}

#[test]
fn bump_grows_the_last_allocation_in_place() {
    let bump = Bump::new(Global).with_chunk_bytes(64 << 10, 4 << 20);
    let mut numbers = Vec::with_capacity_in(1, &bump);
    numbers.push(0_u64);
    let first = numbers.as_ptr();
    for n in 1..4000 {
        numbers.push(n);
    }
    assert_eq!(numbers.as_ptr(), first);
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert_eq!(bump.allocated_bytes(), 80);
    assert_eq!(numbers.as_ptr(), first);
    drop(numbers);
    assert_eq!(bump.allocated_bytes(), 0);
}

#[test]
fn bump_reset_keeps_the_largest_chunk() {
    let mut bump = Bump::new(Global);
    for _ in 0..1000 {
        bump.alloc([1_u8; 100]);
    }
    let chunk_bytes = bump.chunk_bytes();
    assert!(chunk_bytes > 100_000);
    bump.reset();
    assert_eq!(bump.allocated_bytes(), 0);
    let kept = bump.chunk_bytes();
    assert!(kept >= chunk_bytes / 2 && kept < chunk_bytes, "{kept} of {chunk_bytes}");
    // What fits in that chunk needs no other.
    for _ in 0..kept / 128 {
        bump.alloc([1_u8; 100]);
    }
    assert_eq!(bump.chunk_bytes(), kept);
    bump.verify().unwrap();
}

#[test]
fn bump_serves_odd_layouts() {
    #[repr(align(4096))]
    struct Page(u8);
    struct Nothing;

    let bump = Bump::new(Global);
    for n in 0..20_u8 {
        let page = bump.alloc(Page(n));
        assert_eq!((&raw const *page).addr() % 4096, 0);
        assert_eq!(page.0, n);
        bump.alloc(n);
    }
    let before = bump.allocated_bytes();
    let _: &mut Nothing = bump.alloc(Nothing);
    assert_eq!(bump.alloc_slice_copy::<u64>(&[]).len(), 0);
    assert_eq!(bump.allocated_bytes(), before);
    assert_eq!(bump.alloc_str("gneiss"), "gneiss");
    bump.alloc_slice_copy(&[1_u16, 2, 3])[1] = 7;
}

#[test]
fn bump_gives_large_objects_back() {
    let arena = Arena::new(Os::new());
    let bump = Bump::new(&arena);
    let small = bump.alloc(7);
    let mut large = Vec::<u8, _>::with_capacity_in(2 << 20, &bump);
    large.push(1);
    assert!(bump.chunk_bytes() > 2 << 20);
    assert!(bump.owns(NonNull::from(&large[0])));
    drop(large);
    assert!(bump.chunk_bytes() < 1 << 20);
    assert_eq!(*small, 7);
    assert!(arena.stat().used_bytes < 1 << 20);
}

#[test]
fn bump_reclaims_empty_chunks() {
    let arena = Arena::new(Os::new());
    let bump = Bump::new(&arena);
    let keep = bump.alloc(1_u64);
    let layout = Layout::new::<[u8; 5000]>();
    let one = bump.allocate(layout).unwrap();
    let used_bytes = arena.stat().used_bytes;
    // SAFETY: allocated above with the same layout.
    unsafe { bump.deallocate(one.cast(), layout) };
    assert!(bump.reclaim(usize::MAX) > 0);
    assert!(arena.stat().used_bytes < used_bytes);
    assert_eq!(*keep, 1);
    bump.verify().unwrap();
    assert_eq!(*bump.alloc(2), 2);
}

#[test]
fn bump_returns_everything_when_dropped() {
    let arena = Arena::new(Os::new());
    {
        let bump = Bump::new(&arena);
        for n in 0..100_000_u64 {
            bump.alloc(n);
        }
        bump.allocate(Layout::new::<[u8; 3 << 20]>()).unwrap();
        assert!(arena.stat().used_bytes > 3 << 20);
    }
    assert_eq!(arena.stat().used_bytes, 0);
}
