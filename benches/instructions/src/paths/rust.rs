//! The default stack by its Rust interface: sized frees, and layouts known at compile time.
//!
//! Above: `mod.rs`. Below: `STACK`, as a value and as the global allocator.

use super::bare::{HAND_OVER_SLOTS, HAND_OVERS, WAVE_SLOTS, WAVES};
use super::{Path, threads};
use crate::{LIMITED, OBSERVED, PROFILED, SAMPLED, STACK};
use alloc_core::api2::vec::Vec as StackVec;
use alloc_core::{Allocator, Layout};
use alloc_sizeclass::{ClassTable, Fine, Lookup};
use std::hint::black_box;
use std::ptr::{self, NonNull};

pub(super) const PATHS: &[Path] = &[
    Path::new("rust/pair", "allocate and free 64 bytes, layout known at compile time", pair)
        .at_most(20.0),
    Path::new("rust/pair-any", "the same, layout known at run time", pair_any),
    Path::new("rust/pair-global", "the same through std::alloc", pair_global),
    Path::new(
        "rust/pair-profile",
        "64 bytes, known at compile time, below a Profile",
        pair_profile,
    )
    .rounds_of(1_000_000, 1),
    Path::new("rust/pair-sampled", "64 bytes, known at compile time, below Sampled", pair_sampled)
        .rounds_of(1_000_000, 1),
    Path::new("rust/pair-observe", "64 bytes, known at compile time, below Observe", pair_observe),
    Path::new("rust/pair-limit", "64 bytes, known at compile time, below a Limit", pair_limit),
    Path::new("rust/pair-address", "64 bytes by size alone, freed by address", pair_address),
    Path::new("rust/pair-zeroed", "allocate 64 zeroed bytes and free them", pair_zeroed),
    Path::new("rust/pair-medium", "allocate and free 256 KiB", pair_medium),
    Path::new("rust/pair-large", "allocate and free 2 MiB, past the cache", pair_large),
    Path::new("rust/grow-stays", "grow 100 bytes to 110 and shrink them, in place", grow_stays),
    Path::new("rust/grow-moves", "allocate 64 bytes, grow to 128, free", grow_moves),
    Path::new("rust/vec", "a vector of u64: 64 pushes, and free; per push", vec_push)
        .rounds_of(1000, VEC_PUSHES),
    Path::new("rust/fresh", "64 bytes that nobody had before; per slot", fresh)
        .rounds_of(100_000, 1),
    Path::new("rust/wave", "allocate 5000 times 64 bytes, free all; per slot", wave)
        .rounds_of(WAVES, WAVE_SLOTS)
        .less("bare/wave"),
    Path::new("rust/remote", "allocate 64 bytes, free on another thread; per slot", remote)
        .rounds_of(HAND_OVERS, HAND_OVER_SLOTS)
        .less("bare/hand-over"),
];

const VEC_PUSHES: usize = 64;

pub(super) const fn layout(bytes: usize) -> Layout {
    match Layout::from_size_align(bytes, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("too large"),
    }
}

#[inline(always)]
pub(super) fn start<A: Allocator>(allocator: &A, layout: Layout) -> NonNull<u8> {
    match allocator.allocate(layout) {
        Ok(slot) => slot.cast(),
        Err(_) => std::alloc::handle_alloc_error(layout),
    }
}

#[inline(never)]
fn pair(rounds: usize) {
    constant_pair::<64>(rounds);
}

#[inline(never)]
fn pair_medium(rounds: usize) {
    constant_pair::<{ 256 << 10 }>(rounds);
}

#[inline(never)]
fn pair_large(rounds: usize) {
    constant_pair::<{ 2 << 20 }>(rounds);
}

#[inline(always)]
fn constant_pair<const BYTES: usize>(rounds: usize) {
    for _ in 0..rounds {
        let slot = black_box(start(&STACK, layout(BYTES)));
        // SAFETY: allocated right above, for this layout.
        unsafe { STACK.deallocate(slot, layout(BYTES)) };
    }
}

#[inline(never)]
fn pair_any(rounds: usize) {
    for _ in 0..rounds {
        let layout = black_box(layout(64));
        let slot = black_box(start(&STACK, layout));
        // SAFETY: allocated right above, for this layout.
        unsafe { STACK.deallocate(slot, black_box(layout)) };
    }
}

#[inline(never)]
fn pair_global(rounds: usize) {
    for _ in 0..rounds {
        // SAFETY: the layout is not empty; what is freed was allocated for it right above.
        unsafe { std::alloc::dealloc(black_box(std::alloc::alloc(layout(64))), layout(64)) };
    }
}

#[inline(never)]
fn pair_profile(rounds: usize) {
    // The first slot of a span begins on a page, where samples begin, too: that is asked about once more.
    black_box(start(&STACK, layout(64)));
    for _ in 0..rounds {
        let slot = black_box(start(&PROFILED, layout(64)));
        // SAFETY: allocated right above, for this layout.
        unsafe { PROFILED.deallocate(slot, layout(64)) };
    }
}

#[inline(never)]
fn pair_observe(rounds: usize) {
    for _ in 0..rounds {
        let slot = black_box(start(&OBSERVED, layout(64)));
        // SAFETY: allocated right above, for this layout.
        unsafe { OBSERVED.deallocate(slot, layout(64)) };
    }
}

#[inline(never)]
fn pair_limit(rounds: usize) {
    for _ in 0..rounds {
        let slot = black_box(start(&LIMITED, layout(64)));
        // SAFETY: allocated right above, for this layout.
        unsafe { LIMITED.deallocate(slot, layout(64)) };
    }
}

#[inline(never)]
fn pair_sampled(rounds: usize) {
    for _ in 0..rounds {
        let slot = black_box(start(&SAMPLED, layout(64)));
        // SAFETY: allocated right above, for this layout.
        unsafe { SAMPLED.deallocate(slot, layout(64)) };
    }
}

#[inline(never)]
fn pair_address(rounds: usize) {
    for _ in 0..rounds {
        let class = Fine::class_of_size(black_box(64));
        let slot = class.and_then(|class| STACK.allocate_cached(class));
        let slot = slot.unwrap_or_else(|| start(&STACK, layout(64)));
        // SAFETY: allocated right above.
        unsafe { STACK.deallocate_at(black_box(slot)) };
    }
}

#[inline(never)]
fn pair_zeroed(rounds: usize) {
    for _ in 0..rounds {
        let Ok(slot) = STACK.allocate_zeroed(layout(64)) else {
            std::alloc::handle_alloc_error(layout(64))
        };
        // SAFETY: allocated right above, for this layout.
        unsafe { STACK.deallocate(black_box(slot).cast(), layout(64)) };
    }
}

#[inline(never)]
fn grow_stays(rounds: usize) {
    let slot = start(&STACK, layout(100));
    for _ in 0..rounds {
        // SAFETY: the slot is live, of this size by turns; neither step moves it.
        let stayed = unsafe {
            STACK.grow(slot, layout(100), layout(110)).is_ok_and(|grown| grown.cast() == slot)
                && STACK.shrink(slot, layout(110), layout(100)).is_ok()
        };
        assert!(black_box(stayed), "both sizes have the same class");
    }
}

#[inline(never)]
fn grow_moves(rounds: usize) {
    for _ in 0..rounds {
        let slot = black_box(start(&STACK, layout(64)));
        // SAFETY: allocated right above, for this layout; grown, and freed by the larger one.
        unsafe {
            let Ok(grown) = STACK.grow(slot, layout(64), layout(128)) else {
                std::alloc::handle_alloc_error(layout(128))
            };
            STACK.deallocate(grown.cast(), layout(128));
        }
    }
}

#[inline(never)]
fn vec_push(rounds: usize) {
    for _ in 0..rounds {
        let mut list = StackVec::<u64, _>::new_in(&STACK);
        for n in 0..VEC_PUSHES as u64 {
            list.push(black_box(n));
        }
        black_box(&list);
    }
}

#[inline(never)]
fn fresh(rounds: usize) {
    for _ in 0..rounds {
        black_box(start(&STACK, layout(64)));
    }
}

#[inline(never)]
fn wave(rounds: usize) {
    let mut slots = vec![ptr::dangling_mut::<u8>(); WAVE_SLOTS];
    for _ in 0..rounds {
        slots.iter_mut().for_each(|slot| *slot = start(&STACK, layout(64)).as_ptr());
        black_box(&mut slots);
        for slot in &slots {
            // SAFETY: allocated right above, for this layout, and freed once.
            unsafe { STACK.deallocate(NonNull::new_unchecked(*slot), layout(64)) };
        }
    }
}

fn remote(rounds: usize) {
    threads::hand_over(
        rounds,
        || start(&STACK, layout(64)).as_ptr().expose_provenance(),
        |slot| {
            let slot = ptr::with_exposed_provenance_mut(slot);
            // SAFETY: allocated on the other thread, for this layout, and freed once.
            unsafe { STACK.deallocate(NonNull::new_unchecked(slot), layout(64)) };
        },
    );
}
