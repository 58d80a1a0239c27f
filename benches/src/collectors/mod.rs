//! Collectors side by side: the same programs on garbage collectors, and on malloc and free.
//!
//! Above: the command `collectors`. Below: gc-marksweep on the default stack, and its peers.
//!
//! In `trees`, `cache`, `graph`, `text`: the programs, each written once against a trait. In `ours`,
//! `arena` (gc-arena), `gc_crate` (the `gc` crate), `boehm` (bdwgc), `boxed`, `bump` (bumpalo): those traits,
//! as somebody who uses the system would write them. In `outside`: the programs once more, in other
//! languages. In `contestants`: who takes part. In `clock`: steps timed from inside. In `child`: a process
//! for each. In `course`: memory over time. In `results`: all of it together.
//!
//! A program does the same on every system and answers with a number; all answers must agree.

mod arena;
mod boehm;
mod boxed;
mod bump;
mod cache;
pub mod child;
pub mod clock;
pub mod contestants;
pub mod course;
mod gc_crate;
mod graph;
pub mod histogram;
mod ours;
pub mod outcome;
pub mod outside;
pub mod results;
mod text;
mod trees;

pub use cache::Cache;
pub use contestants::Contestant;
pub use graph::Graph;
pub use outcome::Outcome;
pub use text::{Step as TextStep, Texts};
pub use trees::{Forest, Nodes};

use clock::Clock;

/// A program that all systems run.
#[derive(Debug)]
pub struct Workload {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What is alive at most, roughly, and what it allocates in all, at this scale.
    pub bytes: fn(Scale) -> (u64, u64),
    /// Runs it; the number is its answer.
    pub run: fn(&Contestant, Scale, &mut Clock) -> u64,
}

/// All programs, in the order of tables.
pub static ALL: &[Workload] = &[
    Workload {
        name: "binary-trees",
        about: "trees that die young beside one that lives; depth 21",
        bytes: trees::binary_bytes,
        run: trees::binary,
    },
    Workload {
        name: "gcbench",
        about: "trees built from both ends beside a large tree and an array; depth 18",
        bytes: trees::gcbench_bytes,
        run: trees::gcbench,
    },
    Workload {
        name: "lru",
        about: "a cache of a million linked nodes, 20 million operations",
        bytes: cache::bytes,
        run: cache::run,
    },
    Workload {
        name: "graph",
        about: "a gibibyte of linked nodes, replaced bit by bit and rewired",
        bytes: graph::bytes,
        run: graph::run,
    },
    Workload {
        name: "text",
        about: "100 000 strings, joined, cut and replaced, 8 million times",
        bytes: text::bytes,
        run: text::run,
    },
];

/// The program of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

/// How much of its work a program does, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(pub u32);

impl Scale {
    /// The part of `whole` that this scale asks for; at least 1.
    #[must_use]
    pub const fn of(self, whole: usize) -> usize {
        let part = whole * self.0 as usize / 100;
        if part == 0 { 1 } else { part }
    }

    /// A tree's depth, so that it has about this part of the nodes of one of depth `whole`.
    #[must_use]
    pub fn depth(self, whole: u32) -> u32 {
        (whole - (100 / self.0.max(1)).ilog2().min(whole)).max(6)
    }
}
