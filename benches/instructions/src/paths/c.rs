//! The default stack by C's interface: `benches/preload`, under this program by `LD_PRELOAD`.
//!
//! Above: `mod.rs`. Below: the C library's names, which the preload library answers to.

use super::bare::{HAND_OVER_SLOTS, HAND_OVERS, WAVE_SLOTS, WAVES};
use super::{Path, threads};
use libc::{c_void, calloc, free, malloc, realloc};
use std::hint::black_box;
use std::ptr;

pub(super) const PATHS: &[Path] = &[
    Path::new("c/pair", "malloc 64 bytes and free", pair).calls("bare/calls", 2),
    Path::new("c/pair-hardened", "the same under STRATA_HARDENED", pair).calls("bare/calls", 2),
    Path::new("c/pair-other", "malloc 20 KiB and free", pair_other).calls("bare/calls", 2),
    Path::new(
        "c/pair-other-watched",
        "the same under STRATA_SAMPLED, without a sample",
        pair_other,
    )
    .calls("bare/calls", 2),
    Path::new("c/calloc", "calloc 64 bytes and free", zeroed).calls("bare/calls", 2),
    Path::new("c/calloc-watched", "the same under STRATA_SAMPLED, without a sample", zeroed)
        .calls("bare/calls", 2),
    Path::new("c/realloc-stays", "realloc 100 bytes to 110, in place", stays).calls("bare/call", 1),
    Path::new("c/realloc-stays-watched", "the same under STRATA_SAMPLED", stays)
        .calls("bare/call", 1),
    Path::new("c/realloc-moves", "malloc 64 bytes, realloc to 128, free", moves)
        .calls("bare/calls-3", 3),
    Path::new("c/realloc-moves-watched", "the same under STRATA_SAMPLED, without a sample", moves)
        .calls("bare/calls-3", 3),
    Path::new("c/wave", "malloc 5000 times 64 bytes, free all; per slot", wave)
        .rounds_of(WAVES, WAVE_SLOTS)
        .less("bare/wave"),
    Path::new("c/wave-watched", "the same under STRATA_SAMPLED, without a sample", wave)
        .rounds_of(WAVES, WAVE_SLOTS)
        .less("bare/wave"),
    Path::new("c/remote", "malloc 64 bytes, free on another thread; per slot", remote)
        .rounds_of(HAND_OVERS, HAND_OVER_SLOTS)
        .less("bare/hand-over"),
];

#[inline(never)]
fn pair(rounds: usize) {
    for _ in 0..rounds {
        // SAFETY: freed once, right after it was allocated.
        unsafe { free(black_box(malloc(64))) };
    }
}

#[inline(never)]
fn pair_other(rounds: usize) {
    for _ in 0..rounds {
        // SAFETY: freed once, right after it was allocated.
        unsafe { free(black_box(malloc(20 << 10))) };
    }
}

#[inline(never)]
fn zeroed(rounds: usize) {
    for _ in 0..rounds {
        // SAFETY: freed once, right after it was allocated.
        unsafe { free(black_box(calloc(1, 64))) };
    }
}

#[inline(never)]
fn stays(rounds: usize) {
    // SAFETY: `realloc` is given what it or `malloc` answered last.
    unsafe {
        let mut place = malloc(100);
        for _ in 0..rounds {
            place = black_box(realloc(place, 110));
        }
        free(place);
    }
}

#[inline(never)]
fn moves(rounds: usize) {
    for _ in 0..rounds {
        // SAFETY: freed once, under the address that it has moved to.
        unsafe { free(black_box(realloc(black_box(malloc(64)), 128))) };
    }
}

#[inline(never)]
fn wave(rounds: usize) {
    let mut slots = vec![ptr::null_mut::<c_void>(); WAVE_SLOTS];
    for _ in 0..rounds {
        // SAFETY: each is freed once, after all were allocated.
        unsafe {
            slots.iter_mut().for_each(|slot| *slot = malloc(64));
            black_box(&mut slots);
            slots.iter().for_each(|slot| free(*slot));
        }
    }
}

fn remote(rounds: usize) {
    threads::hand_over(
        rounds,
        // SAFETY: no more than an allocation.
        || unsafe { malloc(64) }.expose_provenance(),
        // SAFETY: allocated on the other thread, and freed once.
        |slot| unsafe { free(ptr::with_exposed_provenance_mut(slot)) },
    );
}
