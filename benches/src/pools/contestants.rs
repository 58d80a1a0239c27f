//! Who takes part in `pools`.
//!
//! Above: the command, `rounds`, `bytes`. Below: the kinds, and the programs that each can run.

use super::bytes;
use super::kinds::{self, Heap};
use super::programs::latency::{self, Time, latency};
use super::programs::{COUNT, alone, threads};
use crate::turns::Run;
use mimalloc::MiMalloc;
use std::alloc::System;

/// A kind of pools, or what stands beside them for comparison.
#[derive(Debug)]
pub struct Contestant {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Whether it is of this workspace.
    pub is_ours: bool,
    /// In the order of [`programs::ALL`](super::programs::ALL); `None` for what it cannot do.
    pub runs: [Option<Run>; COUNT],
    /// Single operations.
    pub(super) time: Option<Time>,
    /// Bytes beside a value; to be called in a process that counts.
    pub(super) weigh: Option<fn() -> f64>,
}

const NONE: Contestant = Contestant {
    name: "",
    about: "",
    is_ours: false,
    runs: [None; COUNT],
    time: None,
    weigh: None,
};

/// For one thread.
macro_rules! alone {
    ($name:literal, $about:literal, $kind:ty) => {
        Contestant {
            name: $name,
            about: $about,
            runs: [
                Some(alone::hot::<$kind>),
                Some(alone::batches::<$kind>),
                Some(alone::fill::<$kind>),
                None,
                None,
            ],
            time: Some(latency::<$kind>),
            weigh: Some(bytes::counted::<$kind>),
            ..NONE
        }
    };
}

/// For many threads, of which none frees what another allocated.
macro_rules! side_by_side {
    ($name:literal, $about:literal, $kind:ty) => {{
        let mut who = alone!($name, $about, $kind);
        who.runs[3] = Some(threads::hot::<$kind>);
        who
    }};
}

/// For many threads.
macro_rules! shared {
    ($name:literal, $about:literal, $kind:ty) => {{
        let mut who = side_by_side!($name, $about, $kind);
        who.runs[4] = Some(threads::passing::<$kind>);
        who
    }};
}

const fn ours(who: Contestant) -> Contestant {
    Contestant { is_ours: true, ..who }
}

/// All of them, in the order of tables.
pub static ALL: &[Contestant] = &[
    Contestant {
        name: "nothing",
        about: "the ring of `passing` with words in it; the timer of single operations",
        runs: [None, None, None, None, Some(threads::words)],
        time: Some(latency::nothing),
        ..NONE
    },
    alone!("list", "an intrusive list in a cell, by hand: the floor of one thread", kinds::List),
    side_by_side!(
        "list-tls",
        "the same in thread-local storage: the floor of two threads that share nothing",
        kinds::LocalList
    ),
    ours(alone!("pool", "pool_prealloc::Pool", kinds::OwnPool)),
    ours(alone!("key-pool", "pool_prealloc::KeyPool", kinds::KeyPool)),
    ours(alone!("static-pool", "pool_prealloc::StaticPool", kinds::StaticPool)),
    ours(alone!(
        "block-pool",
        "pool_prealloc::BlockPool, under allocator_api2's Box",
        kinds::BlockPool
    )),
    ours(shared!("sync-pool", "pool_prealloc::SyncPool", kinds::SyncPool)),
    alone!("vec-box", "boxes in a Vec, by hand", kinds::Stack),
    alone!("slab", "slab 0.4", kinds::Slab),
    alone!("slotmap", "slotmap 1: SlotMap", kinds::SlotMap),
    Contestant {
        // It cannot free.
        runs: [None, None, Some(alone::fill::<kinds::TypedArena>), None, None],
        time: None,
        ..alone!("typed-arena", "typed-arena 2, which only allocates", kinds::TypedArena)
    },
    #[cfg(feature = "plurality")]
    Contestant {
        runs: [
            Some(alone::hot::<kinds::Plurality>),
            Some(alone::batches::<kinds::Plurality>),
            Some(alone::fill::<kinds::Plurality>),
            Some(threads::hot::<kinds::LockedPlurality>),
            Some(kinds::plurality_passing),
        ],
        ..alone!(
            "plurality",
            "plurality 0.2: Alloc on one thread; Box, behind a Mutex, on two",
            kinds::Plurality
        )
    },
    alone!("opool-local", "opool 0.2: LocalPool of boxes", kinds::OpoolLocal),
    shared!("opool", "opool 0.2: Pool of boxes", kinds::Opool),
    shared!("array-queue", "boxes in crossbeam's ArrayQueue, by hand", kinds::Queue),
    shared!("heapless", "heapless 0.9: box_pool", kinds::Blocks),
    shared!("object-pool", "object-pool 0.6, of boxes", kinds::Objects),
    shared!("lockfree-pool", "lockfree-object-pool 0.1: LinearObjectPool", kinds::Linear),
    shared!("sharded-slab", "sharded-slab 0.1: Slab", kinds::ShardedSlab),
    Contestant {
        weigh: Some(bytes::resident::<Heap<MiMalloc>>),
        ..shared!("mimalloc", "Box on mimalloc: no pool, no bound", Heap<MiMalloc>)
    },
    Contestant {
        weigh: Some(bytes::resident::<Heap<System>>),
        ..shared!("system", "Box on the system's malloc: no pool, no bound", Heap<System>)
    },
];

/// The contestant of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Contestant> {
    ALL.iter().find(|who| who.name == name)
}
