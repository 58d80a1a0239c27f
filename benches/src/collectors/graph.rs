//! The program with a graph: much that lives, in rings of nodes, some of which is replaced all the time.
//!
//! Above: the table of programs. Below: a system's [`Graph`].

use super::clock::Clock;
use super::outcome::Own;
use super::{Contestant, Scale};
use crate::memory::Random;

/// Nodes of a ring.
pub(super) const RING: usize = 16;
/// Edges of a node: the next one of the ring, the first one, and two that are rewired.
pub(super) const EDGES: usize = 4;

/// A table of rings.
pub trait Graph {
    /// Makes a new ring, whose nodes hold `seed` and what follows, at `index`; an old one goes.
    fn replace(&mut self, index: usize, seed: u64);
    /// Points the third edge of node `from` of a ring at node `to`, and returns what that holds.
    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64;
    /// What the targets of the third edges hold, over all rings.
    fn sum(&mut self) -> u64;
    /// What the collector says of itself.
    fn own(&self) -> Option<Own> {
        None
    }
}

const LIVE_BYTES: usize = 1 << 30;
/// A node of four edges and four numbers.
const NODE_BYTES: usize = 64;
/// Each ring is replaced so often, on average.
const TURNOVER: usize = 2;

fn rings(scale: Scale) -> usize {
    (scale.of(LIVE_BYTES) / NODE_BYTES / RING).max(16)
}

pub(super) fn bytes(scale: Scale) -> (u64, u64) {
    let live_bytes = (rings(scale) * RING * NODE_BYTES) as u64;
    (live_bytes, live_bytes * (1 + TURNOVER as u64))
}

pub(super) fn run(on: &Contestant, scale: Scale, clock: &mut Clock) -> u64 {
    let rings = rings(scale);
    let mut graph = (on.graph)(rings);
    (0..rings).for_each(|ring| graph.replace(ring, ring as u64));
    let mut random = Random::new(11);
    let mut answer = 0_u64;
    for step in 0..rings * TURNOVER {
        let ring = random.below(rings);
        let wires: [_; 3] =
            std::array::from_fn(|_| (random.below(rings), random.below(RING), random.below(RING)));
        answer = answer.wrapping_add(clock.step(|| {
            graph.replace(ring, step as u64);
            wires.iter().map(|&(ring, from, to)| graph.rewire(ring, from, to)).sum()
        }));
    }
    clock.own = graph.own();
    answer.wrapping_add(graph.sum())
}
