//! Rings of nodes in a bump: an old ring stays where it is.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: bumpalo.

use super::super::Graph;
use super::super::graph::{EDGES, RING};
use super::lasting;
use bumpalo::Bump;
use std::cell::Cell;

type Found = Option<&'static Node>;

struct Node {
    edges: [Cell<Found>; EDGES],
    numbers: [u64; 4],
}

struct Rings {
    bump: &'static Bump,
    firsts: Vec<Found>,
}

pub fn graph(rings: usize) -> Box<dyn Graph> {
    Box::new(Rings { bump: lasting(), firsts: vec![None; rings] })
}

fn ring(bump: &'static Bump, seed: u64) -> &'static Node {
    let node = |number, next, first| -> &'static Node {
        let edges = [next, first, None, None].map(Cell::new);
        bump.alloc(Node { edges, numbers: [seed + number; 4] })
    };
    let first = node(0, None, None);
    let mut next = first;
    for number in (1..RING as u64).rev() {
        next = node(number, Some(next), Some(first));
    }
    first.edges[0].set(Some(next));
    first
}

impl Node {
    /// This node if the way ends, which it does nowhere in a ring.
    fn walk(&'static self, steps: usize) -> &'static Self {
        (0..steps).fold(self, |node, _| node.edges[0].get().unwrap_or(node))
    }
}

impl Graph for Rings {
    fn replace(&mut self, index: usize, seed: u64) {
        self.firsts[index] = Some(ring(self.bump, seed));
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        let Some(first) = self.firsts[index] else { return 0 };
        let to = first.walk(to);
        first.walk(from).edges[2].set(Some(to));
        to.numbers[0]
    }

    fn sum(&mut self) -> u64 {
        let targets = self.firsts.iter().flatten().flat_map(|first| {
            let nodes = std::iter::successors(Some(*first), |node| node.edges[0].get());
            nodes.take(RING).filter_map(|node| node.edges[2].get())
        });
        targets.map(|target| target.numbers[3]).sum()
    }
}
