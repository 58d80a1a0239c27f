//! The programs, each written once for all kinds.
//!
//! Above: the systems. In `acyclic`: what std's pointers do as well. In `cyclic`: what they leak, unless a pointer back is
//! weak. In `threads`: what is shared. Below: a kind's `Counted`.

mod acyclic;
mod cyclic;
mod threads;

use super::clock::Clock;
use super::kinds::{Counted, Values};
use crate::collectors::Scale;

/// A program.
#[derive(Debug)]
pub struct Program {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Which it is.
    pub(super) work: Work,
}

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    CloneLeaf,
    CloneNode,
    Churn,
    Trees,
    Lists,
    Graph,
    LongLived,
    ThreadsLeaf,
    ThreadsNode,
    ThreadsGraph,
}

const fn program(name: &'static str, about: &'static str, work: Work) -> Program {
    Program { name, about, work }
}

/// All programs, in the order of tables.
pub static ALL: &[Program] = &[
    program("clone-drop-leaf", "a clone of a pointer to a number, dropped", Work::CloneLeaf),
    program("clone-drop-node", "the same to a type that may be in a cycle", Work::CloneNode),
    program("churn", "numbers made, and dropped a thousand numbers later", Work::Churn),
    program("trees", "binary trees of depth 20: a node made, counted and dropped", Work::Trees),
    program(
        "lists",
        "doubly linked lists of 100: an element made, walked by twice and left (std: weak back)",
        Work::Lists,
    ),
    program(
        "graph",
        "100 000 nodes, linked in groups and beyond, rewired, replaced alone or with their group (std leaks)",
        Work::Graph,
    ),
    program(
        "long-lived",
        "a million nodes that stay: one read through a clone, and a ring of three made and left \
         for every 16 (std leaks those)",
        Work::LongLived,
    ),
    program(
        "threads-leaf",
        "2 threads clone and drop a pointer to the same number",
        Work::ThreadsLeaf,
    ),
    program("threads-node", "the same to a type that may be in a cycle", Work::ThreadsNode),
    program(
        "threads-graph",
        "the same by 4 threads that share 10 000 nodes (std leaks)",
        Work::ThreadsGraph,
    ),
];

/// The program of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Program> {
    ALL.iter().find(|program| program.name == name)
}

impl Work {
    pub(super) const fn needs_threads(self) -> bool {
        matches!(self, Self::ThreadsLeaf | Self::ThreadsNode | Self::ThreadsGraph)
    }
}

/// Runs a program of one thread; the number is its answer.
pub(super) fn alone<K: Counted>(work: Work, scale: Scale, clock: &mut Clock) -> u64 {
    match work {
        Work::CloneLeaf => acyclic::clone_drop(K::leaf(1), scale, clock),
        Work::CloneNode => acyclic::clone_drop(K::node(1, [None, None]), scale, clock),
        Work::Churn => acyclic::churn::<K>(scale, clock),
        Work::Trees => acyclic::trees::<K>(scale, clock),
        Work::Lists => cyclic::lists::<K>(scale, clock),
        Work::Graph => cyclic::graph::<K>(scale, clock),
        Work::LongLived => cyclic::long_lived::<K>(scale, clock),
        Work::ThreadsLeaf | Work::ThreadsNode | Work::ThreadsGraph => {
            unreachable!("pointers of this kind stay on their thread")
        }
    }
}

/// Runs any program.
pub(super) fn shared<K>(work: Work, scale: Scale, clock: &mut Clock) -> u64
where
    K: Counted + Values<Leaf: Send + Sync, Node: Send + Sync>,
{
    match work {
        Work::ThreadsLeaf => threads::clone_drop(&K::leaf(1), scale, clock),
        Work::ThreadsNode => threads::clone_drop(&K::node(1, [None, None]), scale, clock),
        Work::ThreadsGraph => threads::graph::<K>(scale, clock),
        _ => alone::<K>(work, scale, clock),
    }
}
