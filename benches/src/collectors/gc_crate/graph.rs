//! Rings of nodes in the `gc` crate's heap.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: the `gc` crate.

use super::super::Graph;
use super::super::graph::{EDGES, RING};
use gc::{Finalize, Gc, GcCell, Trace};

type Link = Option<Gc<Node>>;

#[derive(Trace, Finalize)]
struct Node {
    edges: GcCell<[Link; EDGES]>,
    numbers: [u64; 4],
}

struct Rings(Vec<Link>);

pub fn graph(rings: usize) -> Box<dyn Graph> {
    Box::new(Rings(vec![None; rings]))
}

fn ring(seed: u64) -> Gc<Node> {
    let node = |number, next, first| {
        let edges = GcCell::new([next, first, None, None]);
        Gc::new(Node { edges, numbers: [seed + number; 4] })
    };
    let first = node(0, None, None);
    let mut next = first.clone();
    for number in (1..RING as u64).rev() {
        next = node(number, Some(next), Some(first.clone()));
    }
    first.edges.borrow_mut()[0] = Some(next);
    first
}

fn walk(first: &Gc<Node>, steps: usize) -> Gc<Node> {
    (0..steps).fold(first.clone(), |node, _| {
        let next = node.edges.borrow()[0].clone();
        next.unwrap_or(node)
    })
}

impl Graph for Rings {
    fn replace(&mut self, index: usize, seed: u64) {
        self.0[index] = Some(ring(seed));
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        let Some(first) = &self.0[index] else { return 0 };
        let to = walk(first, to);
        let number = to.numbers[0];
        walk(first, from).edges.borrow_mut()[2] = Some(to);
        number
    }

    fn sum(&mut self) -> u64 {
        let rings = self.0.iter().flatten();
        let nodes = rings.flat_map(|first| (0..RING).map(|steps| walk(first, steps)));
        nodes.filter_map(|node| node.edges.borrow()[2].clone()).map(|node| node.numbers[3]).sum()
    }
}
