//! Huge pages: where an arena asks for them, what it thinks of the pages then, and when it takes its
//! advice back.

mod common;

use alloc_arena::{Arena, HugePages, Os};
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Layer, Layout};
use common::{TINY_HUGE_BYTES, TinyHuge};
use std::ptr::NonNull;
use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 4 * KIB).unwrap()
}

fn tiny() -> Arena<TinyHuge> {
    Arena::new(TinyHuge::new(Os::new())).with_purge_delay(None)
}

fn take<S: alloc_arena::Source>(arena: &Arena<S>, bytes: usize) -> NonNull<u8> {
    arena.allocate(layout(bytes)).unwrap().cast()
}

/// Frees what `take` took.
fn give<S: alloc_arena::Source>(arena: &Arena<S>, run: NonNull<u8>, bytes: usize) {
    // SAFETY: the tests give each run back once, with its length.
    unsafe { arena.deallocate(run, layout(bytes)) }
}

#[test]
fn huge_pages_are_asked_for_piece_by_piece_once_memory_is_dense() {
    let arena = tiny();
    let dense_bytes = 6 * TINY_HUGE_BYTES;
    for _ in 0..dense_bytes / (8 * KIB) {
        take(&arena, 8 * KIB);
        assert_eq!(arena.figures().huge_bytes, 0);
    }
    // The next run begins a piece; the rest of the piece has memory from now on, and is used first.
    take(&arena, 8 * KIB);
    let figures = arena.figures();
    assert_eq!(figures.huge_bytes, TINY_HUGE_BYTES);
    assert_eq!(arena.below().advised_bytes(), TINY_HUGE_BYTES);
    assert_eq!(figures.dirty_bytes, TINY_HUGE_BYTES - 8 * KIB);
    for piece in 1..4 {
        for _ in 0..TINY_HUGE_BYTES / (8 * KIB) {
            assert_eq!(arena.figures().huge_bytes, piece * TINY_HUGE_BYTES);
            take(&arena, 8 * KIB);
        }
    }
    arena.verify().unwrap();
}

#[test]
fn huge_pages_are_asked_for_within_long_runs() {
    let arena = tiny();
    take(&arena, 4 * KIB);
    take(&arena, MIB + 8 * KIB);
    // The run begins where a huge page can, and its tail stays small.
    assert_eq!(arena.figures().huge_bytes, MIB);
    assert_eq!(arena.figures().dirty_bytes, 0);
    // Not so if it has to be zero: it may be a sparse table.
    let sparse = tiny();
    sparse.allocate_zeroed(layout(4 * MIB)).unwrap();
    assert_eq!(sparse.figures().huge_bytes, 0);
    // Nor if it is out of all proportion.
    take(&sparse, 100 * MIB);
    assert_eq!(sparse.figures().huge_bytes, 0);
}

#[test]
fn huge_pages_are_asked_for_when_a_run_grows() {
    let arena = tiny();
    let run = take(&arena, 256 * KIB);
    assert_eq!(arena.figures().huge_bytes, 0);
    // SAFETY: live with that layout.
    let grown = unsafe { arena.grow(run, layout(256 * KIB), layout(2 * MIB)).unwrap() };
    assert_eq!(grown.cast(), run);
    assert_eq!(arena.figures().huge_bytes, 2 * MIB - 256 * KIB);
    arena.verify().unwrap();
}

/// What came with a huge page reads as zero, and is not cleared.
#[test]
fn huge_pages_bring_zeroes() {
    let arena = tiny();
    take(&arena, 2 * MIB);
    take(&arena, 8 * KIB);
    let run = arena.allocate_zeroed(layout(40 * KIB)).unwrap();
    // SAFETY: live, and used through this slice alone.
    let bytes = unsafe { &mut *run.as_ptr() };
    assert!(bytes.iter().all(|&byte| byte == 0));
    bytes.fill(7);
    give(&arena, run.cast(), 40 * KIB);
    let run = arena.allocate_zeroed(layout(44 * KIB)).unwrap();
    // SAFETY: as above.
    assert!(unsafe { &*run.as_ptr() }.iter().all(|&byte| byte == 0));
    arena.verify().unwrap();
}

#[test]
fn huge_pages_that_are_purged_are_not_advised_any_more() {
    let arena = tiny();
    let long = take(&arena, 4 * MIB);
    let end = take(&arena, 8 * KIB);
    let advised_bytes = arena.below().advised_bytes();
    assert_eq!(advised_bytes, 4 * MIB + TINY_HUGE_BYTES);
    give(&arena, long, 4 * MIB);
    // The source checks that no advice is in force where it is to decommit.
    assert_eq!(arena.reclaim(100 * KIB), 100 * KIB);
    assert_eq!(arena.below().advised_bytes(), advised_bytes - 2 * TINY_HUGE_BYTES);
    arena.reclaim(usize::MAX);
    assert_eq!(arena.below().advised_bytes(), 0);
    assert_eq!(arena.figures().dirty_bytes, 0);
    // Purged pieces are fresh again.
    let asked_bytes = arena.figures().huge_bytes;
    take(&arena, 3 * MIB);
    assert_eq!(arena.figures().huge_bytes, asked_bytes + 3 * MIB);
    give(&arena, end, 8 * KIB);
    arena.verify().unwrap();
}

#[test]
fn huge_page_advice_is_taken_back_after_a_delay() {
    let arena = tiny().with_purge_delay(Some(Duration::from_millis(80)));
    take(&arena, 2 * MIB);
    assert_eq!(arena.below().advised_bytes(), 2 * MIB);
    let began = std::time::Instant::now();
    while arena.below().advised_bytes() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
        for _ in 0..16 {
            let page = take(&arena, 4 * KIB);
            give(&arena, page, 4 * KIB);
        }
    }
    assert!(began.elapsed() > Duration::from_millis(60));
}

#[test]
fn huge_pages_are_what_the_user_says() {
    let of = |huge_pages| {
        let arena = tiny().with_huge_pages(huge_pages);
        take(&arena, 2 * MIB);
        (
            arena.below().advised_bytes() > 0,
            arena.figures().huge_bytes > 0,
            arena.figures().calls.advise,
        )
    };
    assert_eq!(of(HugePages::System), (false, false, 0));
    assert_eq!(of(HugePages::Avoid), (false, false, 1));
    assert_eq!(of(HugePages::Prefer), (true, false, 1));
    assert_eq!(of(HugePages::Dense), (true, true, 1));
}

#[test]
fn huge_pages_of_the_system_back_a_dense_arena() {
    let arena = Arena::new(Os::new());
    for _ in 0..192 {
        take(&arena, 64 * KIB);
    }
    assert_eq!(arena.figures().huge_bytes, 0);
    take(&arena, 64 * KIB);
    assert_eq!(arena.figures().huge_bytes, 2 * MIB);
    assert_eq!(arena.figures().calls.failed, 0);
}

#[test]
fn huge_pages_keep_the_contract() {
    Kit::layer(tiny).threads().check();
    let purging = || tiny().with_purge_delay(Some(Duration::ZERO));
    Kit::layer(purging).threads().check();
    let lazy = || Arena::new(TinyHuge::new(Os::lazy())).with_purge_delay(Some(Duration::ZERO));
    Kit::layer(lazy).check();
}
