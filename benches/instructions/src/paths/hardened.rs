//! The hardened stack by its Rust interface: with all parts, and with some alone, which have to cost nothing for the rest.
//!
//! Above: `mod.rs`. Below: a stack for each. By C's interface it is in `c.rs`.

use super::Path;
use super::rust::{layout, start};
use alloc_arena::{Arena, Os};
use alloc_core::Allocator;
use alloc_sizeclass::hardened;
use alloc_sizeclass::hardened::{Parts, Policy};
use std::hint::black_box;

/// A stack with these parts, and a loop that allocates 64 bytes and frees them.
macro_rules! stacks {
    ($($pair:ident $STACK:ident: $Parts:ident = $parts:expr;)*) => { $(
        enum $Parts {}
        impl Policy for $Parts {
            const PARTS: Parts = $parts;
        }
        hardened! {
            static $STACK: Arena<Os>, $Parts = Arena::new(Os::new());
        }
        #[inline(never)]
        fn $pair(rounds: usize) {
            for _ in 0..rounds {
                let layout = layout(64);
                let slot = black_box(start(&&$STACK, layout));
                // SAFETY: allocated right above, for this layout.
                unsafe { $STACK.deallocate(slot, layout) };
            }
        }
    )* };
}

stacks! {
    pair ALL: All = Parts::ALL;
    pair_none NONE: Nothing = Parts::NONE;
    pair_frees FREES: Frees = Parts { frees: true, ..Parts::NONE };
    pair_canaries CANARIES: Canaries = Parts { canaries: true, ..Parts::NONE };
    pair_look LOOK: Look = Parts { wipe: true, look: true, ..Parts::NONE };
    pair_rest REST: Rest = Parts { rest: true, shuffle: true, ..Parts::NONE };
}

pub(super) const PATHS: &[Path] = &[
    Path::new("hardened/pair", "allocate and free 64 bytes on the hardened stack", pair),
    Path::new("hardened/pair-none", "the same without any part", pair_none),
    Path::new("hardened/pair-frees", "frees are checked, no more", pair_frees),
    Path::new("hardened/pair-canaries", "canaries, no more", pair_canaries),
    Path::new("hardened/pair-look", "wiped and looked at, no more", pair_look),
    Path::new("hardened/pair-rest", "slots rest, and come at random; no more", pair_rest),
];
