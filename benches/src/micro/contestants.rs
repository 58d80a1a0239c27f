//! Who takes part: Strata's stacks through their `Allocator` and through `GlobalAlloc`, and the peers.
//!
//! Above: `rounds`, the criterion benches. Below: `stacks`, `peers`.

use super::{Run, TASKS, runs};
use crate::heap::{Flat, Heap};
use crate::peers::Peer;
use crate::stacks::{self, AsGlobalDefault, Ground, Mapped};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use mimalloc::MiMalloc;
use std::alloc::System;
use std::marker::PhantomData;

/// An allocator that takes part.
pub trait Contestant {
    /// What it is called.
    const NAME: &'static str;
    /// What it is called through.
    type Heap: Heap;
    /// The allocator: any such value stands for the same one.
    fn heap() -> Self::Heap;
}

/// A contestant as a value, with a function for each task.
#[derive(Clone, Copy, Debug)]
pub struct Entrant {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is of this workspace.
    pub is_ours: bool,
    /// In the order of [`tasks`](super::tasks).
    pub runs: [Run; TASKS],
}

impl Entrant {
    const fn of<C: Contestant>(is_ours: bool) -> Self {
        Self { name: C::NAME, is_ours, runs: runs::<C>() }
    }
    const fn peer<P: Peer>() -> Self {
        Self::of::<Other<P>>(false)
    }
}

/// All of them, in the order of tables.
pub static ALL: &[Entrant] = &[
    Entrant::of::<Default>(true),
    Entrant::of::<Global>(true),
    Entrant::of::<Uncached>(true),
    Entrant::peer::<System>(),
    Entrant::peer::<MiMalloc>(),
    #[cfg(feature = "mimalloc2")]
    Entrant::peer::<crate::peers::Mimalloc2>(),
    #[cfg(feature = "snmalloc")]
    Entrant::peer::<snmalloc_rs::SnMalloc>(),
    #[cfg(feature = "jemalloc")]
    Entrant::peer::<tikv_jemallocator::Jemalloc>(),
    #[cfg(feature = "rpmalloc")]
    Entrant::peer::<rpmalloc::RpMalloc>(),
    #[cfg(feature = "rallocator")]
    Entrant::peer::<rallocator::Rallocator>(),
    #[cfg(feature = "tcmalloc")]
    Entrant::peer::<tcmalloc_better::TCMalloc>(),
    #[cfg(feature = "scudo")]
    Entrant::peer::<scudo::GlobalScudoAllocator>(),
];

/// The default stack, through the `Allocator` trait.
struct Default;

impl Contestant for Default {
    const NAME: &'static str = "strata";
    type Heap = Mapped<ThreadCache<SizeClassHeap<Ground>, stacks::CACHED>>;
    fn heap() -> Self::Heap {
        stacks::cached()
    }
}

/// The default stack, through `GlobalAlloc`.
struct Global;

impl Contestant for Global {
    const NAME: &'static str = "strata-global";
    type Heap = Flat<AsGlobalDefault>;
    fn heap() -> Self::Heap {
        Flat(stacks::global())
    }
}

/// The stack without thread caches.
struct Uncached;

impl Contestant for Uncached {
    const NAME: &'static str = "strata-heap";
    type Heap = Mapped<SizeClassHeap<Ground>>;
    fn heap() -> Self::Heap {
        stacks::uncached()
    }
}

/// An allocator of others, through `GlobalAlloc`.
struct Other<P>(PhantomData<P>);

impl<P: Peer> Contestant for Other<P> {
    const NAME: &'static str = P::NAME;
    type Heap = Flat<P>;
    fn heap() -> Self::Heap {
        Flat(P::VALUE)
    }
}
