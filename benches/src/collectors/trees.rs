//! The programs with trees: binary-trees, as in the benchmarks game, and Boehm's GCBench.
//!
//! Above: the table of programs. Below: a system's [`Forest`].

use super::clock::Clock;
use super::outcome::Own;
use super::{Contestant, Scale};

/// Which node the trees are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Two children.
    Bare,
    /// Two children and two numbers.
    Numbered,
}

/// A system that makes trees.
pub trait Forest {
    /// Makes a tree from its leaves up, and counts its nodes.
    fn grow(&mut self, depth: u32) -> u64;
    /// Makes a tree from its root down, by writing to nodes that are there, and counts its nodes.
    fn populate(&mut self, depth: u32) -> u64;
    /// Keeps a tree that is made as by `populate` if `down`, and an array of so many numbers.
    fn keep(&mut self, depth: u32, down: bool, numbers: usize);
    /// Counts what was kept: nodes, and the numbers that are not 0.
    fn count_kept(&mut self) -> (u64, u64);
    /// What the collector says of itself.
    fn own(&self) -> Option<Own> {
        None
    }
}

const BINARY_DEPTH: u32 = 21;
const BINARY_LEAST: u32 = 4;
const GCBENCH_STRETCH: u32 = 18;
const GCBENCH_KEPT: u32 = 16;
const GCBENCH_NUMBERS: usize = 500_000;

const fn nodes(depth: u32) -> u64 {
    (2 << depth) - 1
}

pub(super) fn binary_bytes(scale: Scale) -> (u64, u64) {
    let depth = scale.depth(BINARY_DEPTH);
    // Before a tree is kept, one of twice the size is made.
    (nodes(depth + 1) * 24, nodes(depth) * 24 * 8 * u64::from(depth - BINARY_LEAST))
}

/// binary-trees.
pub(super) fn binary(on: &Contestant, scale: Scale, clock: &mut Clock) -> u64 {
    let depth = scale.depth(BINARY_DEPTH);
    let mut forest = (on.forest)(Nodes::Bare);
    let mut answer = forest.grow(depth + 1);
    forest.keep(depth, false, 0);
    for small in (BINARY_LEAST..=depth).step_by(2) {
        for _ in 0..1_u64 << (depth - small + BINARY_LEAST) {
            answer += forest.grow(small);
        }
    }
    clock.own = forest.own();
    answer + forest.count_kept().0
}

pub(super) fn gcbench_bytes(scale: Scale) -> (u64, u64) {
    let (kept, all) = (scale.depth(GCBENCH_KEPT), scale.depth(GCBENCH_STRETCH));
    let kept_bytes = nodes(kept) * 32 + scale.of(GCBENCH_NUMBERS) as u64 * 8;
    // The first tree is gone before any is kept; then there is the one that is kept, and one more.
    let alive_bytes = (nodes(all) * 32).max(kept_bytes + nodes(kept) * 32);
    (alive_bytes, nodes(all) * 32 * 4 * u64::from(kept / 2))
}

/// GCBench.
pub(super) fn gcbench(on: &Contestant, scale: Scale, clock: &mut Clock) -> u64 {
    let (stretch, kept) = (scale.depth(GCBENCH_STRETCH), scale.depth(GCBENCH_KEPT));
    let mut forest = (on.forest)(Nodes::Numbered);
    let mut answer = forest.grow(stretch);
    forest.keep(kept, true, scale.of(GCBENCH_NUMBERS));
    for depth in (4..=kept).step_by(2) {
        let times = 2 * nodes(stretch) / nodes(depth);
        for _ in 0..times {
            answer += forest.populate(depth);
        }
        for _ in 0..times {
            answer += forest.grow(depth);
        }
    }
    clock.own = forest.own();
    let (kept, numbers) = forest.count_kept();
    answer + kept + numbers
}
