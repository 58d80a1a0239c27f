//! The allocators that are compared. To add one, add an entry to [`ALL`].
//!
//! Above: `run`, `list`. Below: `replay`, the stacks and the peers.
//!
//! Each is a static (Strata's are in `stacks`), so that no replay measures its construction; a process that replays on one
//! leaves the others alone.

use crate::heap::{Flat, Heap};
use crate::peers::Peer;
use crate::program::Program;
use crate::program::facts::Facts;
use crate::purpose::Purpose;
use crate::replay::{Fault, Outcome, Pass, replay};
use crate::stacks;
use crate::units::bytes;
use mimalloc::MiMalloc;
use std::alloc::System;

/// An allocator that can be chosen by its name.
#[derive(Debug)]
pub struct Candidate {
    /// What it is called in options, tables and plots.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// Of how many layers of this workspace it is made; 0 for the allocators of others.
    pub layers: u32,
    /// Its version.
    pub version: fn() -> String,
    /// Whether it can serve a trace at all, or why not.
    pub fits: fn(&Facts) -> Result<(), String>,
    /// Replays a program on it.
    pub replay: fn(&Program, Pass) -> Result<Outcome, Fault>,
    /// The allocator itself, for what needs no replay.
    pub heap: fn() -> Box<dyn Heap>,
    /// Asks it to give back to the system what it can spare, by its own means, for all threads or
    /// for the one that calls.
    pub reclaim: fn(&dyn Heap),
}

/// The candidate whose figures are 1 in every ratio, if it takes part.
pub const REFERENCE: &str = "system";

/// What a bump is given to hold at most.
const BUMP_MAX_BYTES: u64 = 1 << 30;

/// All candidates, in the order of tables and plots.
pub static ALL: &[Candidate] = &[
    Candidate::of::<System>(),
    Candidate {
        name: "strata",
        about: "the default stack: ThreadCache over SizeClassHeap over Arena",
        purpose: Purpose::General,
        layers: 3,
        version: strata_version,
        fits: anything,
        replay: |program, pass| on(&stacks::cached(), program, pass),
        heap: || Box::new(stacks::cached()),
        reclaim: by_its_layers,
    },
    Candidate {
        name: "strata-heap",
        about: "no thread caches: SizeClassHeap over Arena",
        purpose: Purpose::General,
        layers: 2,
        version: strata_version,
        fits: anything,
        replay: |program, pass| on(&stacks::uncached(), program, pass),
        heap: || Box::new(stacks::uncached()),
        reclaim: by_its_layers,
    },
    Candidate {
        name: "strata-profile",
        about: "with a heap profile: Profile over the default stack",
        purpose: Purpose::Watching,
        layers: 4,
        version: strata_version,
        fits: anything,
        replay: |program, pass| on(&stacks::profiled(), program, pass),
        heap: || Box::new(stacks::profiled()),
        reclaim: by_its_layers,
    },
    Candidate {
        name: "strata-sampled",
        about: "one allocation in 10,000 between guard pages: Sampled over the default stack",
        purpose: Purpose::Watching,
        layers: 4,
        version: strata_version,
        fits: anything,
        replay: |program, pass| on(&stacks::sampled(), program, pass),
        heap: || Box::new(stacks::sampled()),
        reclaim: by_its_layers,
    },
    Candidate {
        name: "strata-hardened",
        about: "stops programs that break their memory: Hardened over Arena",
        purpose: Purpose::Hardening,
        layers: 2,
        version: strata_version,
        fits: anything,
        replay: |program, pass| on(&stacks::hardened(), program, pass),
        heap: || Box::new(stacks::hardened()),
        reclaim: by_its_layers,
    },
    Candidate {
        name: "strata-bump",
        about: "hardly frees: Bump over Arena, behind a lock",
        purpose: Purpose::Keeping,
        layers: 3,
        version: strata_version,
        fits: little_in_all,
        replay: |program, pass| on(&stacks::bump(), program, pass),
        heap: || Box::new(stacks::bump()),
        reclaim: by_its_layers,
    },
    Candidate::of::<MiMalloc>(),
    #[cfg(feature = "mimalloc2")]
    Candidate::of::<crate::peers::Mimalloc2>(),
    #[cfg(feature = "snmalloc")]
    Candidate::of::<snmalloc_rs::SnMalloc>(),
    #[cfg(feature = "jemalloc")]
    Candidate::of::<tikv_jemallocator::Jemalloc>(),
    #[cfg(feature = "rpmalloc")]
    Candidate::of::<rpmalloc::RpMalloc>(),
    #[cfg(feature = "rallocator")]
    Candidate::of::<rallocator::Rallocator>(),
    #[cfg(feature = "tcmalloc")]
    Candidate::of::<tcmalloc_better::TCMalloc>(),
    #[cfg(feature = "scudo")]
    Candidate::of::<scudo::GlobalScudoAllocator>(),
];

impl Candidate {
    /// The candidate that an allocator of others is.
    #[must_use]
    pub const fn of<P: Peer>() -> Self {
        Self {
            name: P::NAME,
            about: P::ABOUT,
            purpose: P::PURPOSE,
            layers: 0,
            version: P::version,
            fits: anything,
            replay: |program, pass| on(&Flat(P::VALUE), program, pass),
            heap: || Box::new(Flat(P::VALUE)),
            reclaim: |_| P::reclaim(),
        }
    }
}

/// The candidate of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Candidate> {
    ALL.iter().find(|candidate| candidate.name == name)
}

fn on<H: Heap>(heap: &H, program: &Program, pass: Pass) -> Result<Outcome, Fault> {
    replay(heap, program, pass)
}

fn by_its_layers(heap: &dyn Heap) {
    heap.reclaim();
}

fn anything(_: &Facts) -> Result<(), String> {
    Ok(())
}

/// What a heap that never frees would have to hold in the end.
fn little_in_all(facts: &Facts) -> Result<(), String> {
    if facts.asked_bytes <= BUMP_MAX_BYTES {
        return Ok(());
    }
    Err(format!(
        "it would keep up to {} (more than {})",
        bytes(facts.asked_bytes),
        bytes(BUMP_MAX_BYTES)
    ))
}

fn strata_version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
