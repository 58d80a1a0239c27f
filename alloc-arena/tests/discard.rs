//! Memory of used runs that goes back: what of it goes, what stays, and what the figures say.

mod common;

use alloc_arena::source::{Contents, Reserved};
use alloc_arena::{
    Adopted, Advice, Arena, Bump, Call, Failures, Fixed, Os, Purge, Scheduled, Source,
};
use alloc_core::{
    AllocError, Allocator, Failing, Fallback, Layer, Layout, Limit, Locked, Null, Observe,
    Reclaiming, Schedule, Segregate,
};
use common::{TINY_HUGE_BYTES, TinyHuge};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::OnceLock;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const PAGE: usize = 4 * KIB;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, PAGE).unwrap()
}

/// A run full of sevens.
fn sevens(layer: &impl Layer, bytes: usize) -> NonNull<u8> {
    let run = layer.allocate(layout(bytes)).unwrap().cast::<u8>();
    // SAFETY: live, and that long.
    unsafe { run.write_bytes(7, bytes) };
    run
}

fn bytes_of<'r>(run: NonNull<u8>, bytes: usize) -> &'r mut [u8] {
    // SAFETY: the tests use a run through one such slice at a time.
    unsafe { core::slice::from_raw_parts_mut(run.as_ptr(), bytes) }
}

/// Discards `from..to` of a run of sevens, and checks that the pages in between are zero and all else
/// is as it was. Returns how many bytes went.
fn discard(layer: &impl Layer, run: NonNull<u8>, bytes: usize, from: usize, to: usize) -> usize {
    // SAFETY: live, and nobody needs the bytes.
    let given_bytes = unsafe { layer.discard(run.add(from), to - from) };
    let (first, last) = (from.next_multiple_of(PAGE), to - to % PAGE);
    let expected_bytes = last.saturating_sub(first);
    assert!(given_bytes == 0 || given_bytes == expected_bytes, "{given_bytes}");
    for (at, &byte) in bytes_of(run, bytes).iter().enumerate() {
        let gone = given_bytes > 0 && (first..last).contains(&at);
        assert_eq!(byte, if gone { 0 } else { 7 }, "byte {at} of {from}..{to}");
    }
    bytes_of(run, bytes).fill(7);
    given_bytes
}

#[test]
fn discard_takes_whole_pages_of_a_used_run() {
    let arena = Arena::new(Os::new()).with_dedicated_bytes(MIB);
    let before = sevens(&arena, PAGE);
    for bytes in [64 * KIB, 2 * MIB] {
        let run = sevens(&arena, bytes);
        assert_eq!(discard(&arena, run, bytes, 0, bytes), bytes);
        assert_eq!(discard(&arena, run, bytes, 1, bytes), bytes - PAGE);
        assert_eq!(discard(&arena, run, bytes, 5 * PAGE, 6 * PAGE), PAGE);
        assert_eq!(discard(&arena, run, bytes, PAGE - 1, 3 * PAGE + 1), 2 * PAGE);
        assert_eq!(discard(&arena, run, bytes, 1, 2 * PAGE - 1), 0);
        assert_eq!(discard(&arena, run, bytes, 3, 3), 0);
        arena.verify().unwrap();
        // SAFETY: live.
        unsafe { arena.deallocate(run, layout(bytes)) };
    }
    assert!(bytes_of(before, PAGE).iter().all(|&byte| byte == 7));
}

#[test]
fn discard_is_counted_and_the_run_stays_used() {
    let arena = Arena::new(Os::new()).with_purge_delay(None);
    let run = sevens(&arena, 64 * KIB);
    discard(&arena, run, 64 * KIB, 0, 32 * KIB);
    let figures = arena.figures();
    assert_eq!(
        (figures.used_bytes, figures.discarded_bytes, figures.purged_bytes),
        (64 * KIB, 32 * KIB, 0)
    );
    assert_eq!((figures.dirty_bytes, figures.calls.decommit, figures.calls.failed), (0, 1, 0));
    // SAFETY: live.
    unsafe { arena.deallocate(run, layout(64 * KIB)) };
    // Whether its user has written to it since is not known.
    assert_eq!(arena.figures().dirty_bytes, 64 * KIB);
    let zeroed = arena.allocate_zeroed(layout(64 * KIB)).unwrap();
    assert!(bytes_of(zeroed.cast(), 64 * KIB).iter().all(|&byte| byte == 0));
}

#[test]
fn discard_leaves_alone_what_must_not_go() {
    let fixed = Arena::new(Fixed::new(vec![MaybeUninit::uninit(); 256 * KIB].leak()));
    let run = sevens(&fixed, 16 * KIB);
    assert_eq!(discard(&fixed, run, 16 * KIB, 0, 16 * KIB), 0);
    assert_eq!(fixed.figures().calls.decommit, 0);

    for (purge, goes) in [(Purge::Never, false), (Purge::Allowed, false), (Purge::ToZero, true)] {
        let arena = Arena::new(Os::new());
        let memory = Os::new().map(MIB, PAGE).unwrap();
        let memory = NonNull::slice_from_raw_parts(memory.base, memory.bytes);
        // SAFETY: mapped just now; the source may have it in the end.
        unsafe { arena.adopt_raw(Adopted { memory, purge, unreserve: true }).unwrap() };
        let run = sevens(&arena, 16 * KIB);
        assert_eq!(discard(&arena, run, 16 * KIB, 0, 16 * KIB) > 0, goes, "{purge:?}");
    }

    // Addresses that are not this arena's, and free runs' neighbours.
    let arena = Arena::new(Os::new());
    let _own = sevens(&arena, PAGE);
    let other = Arena::new(Os::new());
    let run = sevens(&other, PAGE);
    // SAFETY: live in another arena; nobody needs the bytes.
    assert_eq!(unsafe { arena.discard(run, PAGE) }, 0);
}

#[test]
fn discard_that_the_source_refuses_changes_nothing() {
    let arena = Arena::new(Scheduled::new(Os::new()));
    let run = sevens(&arena, 64 * KIB);
    arena.below().fail(Call::Decommit, Failures::From(1));
    assert_eq!(discard(&arena, run, 64 * KIB, 0, 64 * KIB), 0);
    assert_eq!(arena.figures().discarded_bytes, 0);
    arena.below().fail(Call::Decommit, Failures::Never);
    assert_eq!(discard(&arena, run, 64 * KIB, 0, 64 * KIB), 64 * KIB);
    arena.verify().unwrap();
}

/// The source checks that no advice for huge pages is in force where it is to decommit.
#[test]
fn discard_takes_advice_for_huge_pages_back() {
    let arena = Arena::new(TinyHuge::new(Os::new())).with_purge_delay(None);
    let run = sevens(&arena, 4 * MIB);
    assert_eq!(arena.below().advised_bytes(), 4 * MIB);
    discard(&arena, run, 4 * MIB, 100 * KIB, 140 * KIB);
    assert_eq!(arena.below().advised_bytes(), 4 * MIB - 2 * TINY_HUGE_BYTES);

    let arena = Arena::new(TinyHuge::new(Os::new())).with_dedicated_bytes(MIB);
    let run = sevens(&arena, 4 * MIB);
    assert_eq!(arena.below().advised_bytes(), 4 * MIB);
    discard(&arena, run, 4 * MIB, 100 * KIB, 140 * KIB);
    assert_eq!(arena.below().advised_bytes(), 0);
}

/// `Os`, but each decommit asks the arena for its figures first: for ever, if its lock is held.
struct Asking(Os);
static ASKING: OnceLock<Arena<Asking>> = OnceLock::new();

// SAFETY: S1 to S6: every call goes to `Os`, which keeps the rules.
unsafe impl Source for Asking {
    fn page_bytes(&self) -> usize {
        self.0.page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.0.reserve(bytes, align_bytes)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { self.0.unreserve(base, bytes) }
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.0.commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        ASKING.get().unwrap().verify().unwrap();
        // SAFETY: as above.
        unsafe { self.0.decommit(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.0.map(bytes, align_bytes)
    }
    unsafe fn advise(&self, _: NonNull<u8>, _: usize, _: Advice) -> Result<(), AllocError> {
        Err(AllocError)
    }
}

#[test]
fn discard_holds_no_lock_while_the_source_works() {
    let arena = ASKING.get_or_init(|| Arena::new(Asking(Os::new())));
    let run = sevens(arena, 64 * KIB);
    assert_eq!(discard(arena, run, 64 * KIB, 0, 64 * KIB), 64 * KIB);
}

#[test]
fn discard_goes_through_every_layer() {
    let arena = Arena::new(Os::new());
    let failing = Failing::new(Schedule::Never, &arena);
    let plain = Limit::new(MIB, Observe::new(Reclaiming::new(Locked::new(failing))));
    let bump = Bump::new(&arena).with_chunk_bytes(256 * KIB, 256 * KIB);
    let foreign = alloc_core::api2::alloc::System;
    // A side that owns everything and gives nothing back stands before the right one.
    let stack = Segregate::new(PAGE, foreign, Fallback::new(Null, plain));
    let run = sevens(&stack, 64 * KIB);
    assert_eq!(discard(&stack, run, 64 * KIB, PAGE, 60 * KIB), 56 * KIB);
    let run = sevens(&bump, 64 * KIB);
    assert_eq!(discard(&bump, run, 64 * KIB, PAGE, 60 * KIB), 56 * KIB);
    let stack: &dyn Layer = &stack;
    // SAFETY: live; nobody needs the bytes.
    assert_eq!(unsafe { stack.discard(run, PAGE) }, PAGE);
    assert_eq!(arena.figures().discarded_bytes, 2 * 56 * KIB + PAGE);
}
