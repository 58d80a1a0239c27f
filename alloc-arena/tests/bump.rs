//! `Bump`: the conformance kit over several layers, and what it promises beyond the contract.

use alloc_arena::{Arena, Bump, Fixed, Lifo, Os};
use alloc_core::api2::{alloc::Global, vec::Vec};
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Layer, Layout, Observe};
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
fn bump_with_a_limit() {
    Kit::layer(|| Bump::new(Global).with_limit_bytes(1 << 20))
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
fn bump_reset_keeps_all_chunks_and_their_order() {
    let below = Observe::new(Global);
    let mut bump = Bump::new(&below);
    let fill = |bump: &Bump<_>| -> Vec<usize> {
        let mut addresses = Vec::new();
        addresses.extend((0..5000).map(|n| (&raw const *bump.alloc([n as u8; 100])).addr()));
        addresses
    };
    let first = fill(&bump);
    let (chunk_bytes, calls) = (bump.chunk_bytes(), below.figures().allocations);
    assert!(chunk_bytes > 500_000);
    bump.reset();
    assert_eq!((bump.allocated_bytes(), bump.chunk_bytes()), (0, chunk_bytes));
    bump.verify().unwrap();
    assert_eq!(fill(&bump), first);
    assert_eq!(below.figures().allocations, calls, "the second pass asked for nothing");
    bump.verify().unwrap();
    bump.reset();
    assert!(bump.reclaim(usize::MAX) >= chunk_bytes);
    assert_eq!((bump.chunk_bytes(), below.figures().live_bytes), (0, 0));
    assert_eq!(*bump.alloc(3), 3);
}

/// A spare chunk that is too short for an object is passed over, and not lost.
#[test]
fn bump_passes_over_short_chunks() {
    let mut bump = Bump::new(Global).with_chunk_bytes(256, 16 << 10);
    for _ in 0..250 {
        bump.alloc([7_u8; 100]);
    }
    let chunk_bytes = bump.chunk_bytes();
    bump.reset();
    for n in 0..4_u8 {
        bump.alloc([n; 3500]);
        bump.verify().unwrap();
    }
    for _ in 0..100 {
        bump.alloc([7_u8; 100]);
        bump.verify().unwrap();
    }
    assert_eq!(bump.chunk_bytes(), chunk_bytes);
}

/// The limit counts chunks and large objects; what waits is given up before anything is refused.
#[test]
fn bump_keeps_to_its_limit() {
    const LIMIT_BYTES: usize = 100 << 10;
    let below = Observe::new(Global);
    let mut bump =
        Bump::new(&below).with_chunk_bytes(4 << 10, 64 << 10).with_limit_bytes(LIMIT_BYTES);
    for round in 0..3_u8 {
        let mut served = 0;
        while bump.try_alloc([round; 1000]).is_ok() {
            served += 1;
            assert!(below.figures().live_bytes <= LIMIT_BYTES);
            assert_eq!(below.figures().live_bytes, bump.chunk_bytes());
        }
        assert!(served >= 80, "only {served} thousand bytes of 100 KiB");
        bump.verify().unwrap();
        bump.reset();
        // A large object takes the place of chunks that wait.
        assert_eq!(bump.try_alloc([round; 60_000]).map(|bytes| bytes[59_999]), Ok(round));
        let mut grown = Vec::<u8, _>::with_capacity_in(20_000, &bump);
        assert!(grown.try_reserve(LIMIT_BYTES).is_err());
        grown.push(1);
        drop(grown);
        bump.verify().unwrap();
        bump.reset();
        assert!(below.figures().live_bytes <= LIMIT_BYTES);
    }
}

#[test]
fn bump_rolls_back() {
    let below = Observe::new(Global);
    let bump = Bump::new(&below).with_chunk_bytes(1 << 10, 16 << 10);
    let empty = bump.checkpoint();
    for round in 0..20_u32 {
        let kept = bump.alloc_iter(0..round);
        let (before, live) = (bump.checkpoint(), bump.allocated_bytes());
        for n in 0..(round * 10) as usize {
            bump.alloc_slice_fill(n, &7_u8);
            bump.alloc_slice_fill(4000 + n, &8_u8);
        }
        // SAFETY: nothing of what was allocated since is used, and nothing older was touched.
        unsafe { bump.rollback(before) };
        assert_eq!(bump.allocated_bytes(), live);
        bump.verify().unwrap();
        assert!(kept.iter().copied().eq(0..round));
    }
    // SAFETY: nothing is used any more.
    unsafe { bump.rollback(empty) };
    assert_eq!(bump.allocated_bytes(), 0);
    assert!(bump.reclaim(usize::MAX) > 0);
    assert_eq!(below.figures().live_bytes, 0);
}

#[test]
fn bump_shows_its_parts() {
    let mut bump = Bump::new(Global).with_chunk_bytes(256, 8 << 10);
    assert_eq!(bump.used_parts().count(), 0);
    for n in 0..100_u64 {
        bump.alloc(n);
    }
    bump.alloc_slice_fill(5000, &1_u8);
    let parts: Vec<usize> = {
        let mut lens = Vec::new();
        lens.extend(bump.used_parts().map(<[_]>::len));
        lens
    };
    assert_eq!(parts.last(), Some(&5000));
    assert_eq!(parts.iter().sum::<usize>(), 5800);
    // Youngest first, and each chunk's in order.
    let mut numbers = Vec::new();
    for part in bump.used_parts().filter(|part| part.len() < 5000) {
        let words = part.chunks_exact(8).map(|word| {
            // SAFETY: nothing but numbers was allocated there.
            u64::from_ne_bytes(std::array::from_fn(|at| unsafe { word[at].assume_init() }))
        });
        let mut chunk = Vec::new();
        chunk.extend(words);
        assert!(chunk.windows(2).all(|two| two[0] + 1 == two[1]));
        numbers.push(chunk[0]);
    }
    assert!(numbers.windows(2).all(|two| two[0] > two[1]));
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
    assert!(arena.figures().used_bytes < 1 << 20);
}

#[test]
fn bump_reclaims_empty_chunks() {
    let arena = Arena::new(Os::new());
    let bump = Bump::new(&arena);
    let keep = bump.alloc(1_u64);
    let layout = Layout::new::<[u8; 5000]>();
    let one = bump.allocate(layout).unwrap();
    let used_bytes = arena.figures().used_bytes;
    // SAFETY: allocated above with the same layout.
    unsafe { bump.deallocate(one.cast(), layout) };
    assert!(bump.reclaim(usize::MAX) > 0);
    assert!(arena.figures().used_bytes < used_bytes);
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
        assert!(arena.figures().used_bytes > 3 << 20);
    }
    assert_eq!(arena.figures().used_bytes, 0);
}
