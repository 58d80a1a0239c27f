//! The program with a cache: linked nodes by their last use, found through chains.
//!
//! Above: the table of programs. Below: a system's [`Cache`].

use super::clock::Clock;
use super::outcome::Own;
use super::{Contestant, Scale};
use crate::memory::Random;

/// How many entries a piece of a table has. Tables are in two levels, as a write barrier may look at
/// whole objects.
pub(super) const PIECE: usize = 1024;

/// A cache that forgets what was not used for longest.
pub trait Cache {
    /// Uses these keys, one by one: a node that is there comes to the front and counts; one that is
    /// not is made, and the last one goes. Returns how many were there.
    fn serve(&mut self, keys: &[u64]) -> u64;
    /// The sum of what the nodes have counted, from front to back, and how many there are.
    fn sum(&mut self) -> (u64, u64);
    /// What the collector says of itself.
    fn own(&self) -> Option<Own> {
        None
    }
}

const NODES: usize = 1_000_000;
const OPERATIONS: usize = 20_000_000;
/// Operations of one step.
const STEP: usize = 32;

pub(super) fn bytes(scale: Scale) -> (u64, u64) {
    (scale.of(NODES) as u64 * 56, scale.of(OPERATIONS) as u64 * 56 / 5)
}

/// The chain of a key, of so many.
pub(super) const fn chain(key: u64, chains: usize) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % chains
}

pub(super) fn run(on: &Contestant, scale: Scale, clock: &mut Clock) -> u64 {
    let nodes = scale.of(NODES);
    let mut cache = (on.cache)(nodes);
    let mut random = Random::new(7);
    let (mut keys, mut hits) = ([0; STEP], 0);
    for _ in 0..scale.of(OPERATIONS) / STEP {
        for key in &mut keys {
            let range = if random.one_in(5) { nodes * 4 } else { nodes };
            *key = random.below(range) as u64;
        }
        hits += clock.step(|| cache.serve(&keys));
    }
    clock.own = cache.own();
    let (sum, count) = cache.sum();
    hits + sum * 3 + count * 5
}
