//! Rings of nodes in a heap of one of our collectors.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: the handles of alloc-core.

use super::super::Graph;
use super::super::graph::{EDGES, RING};
use super::super::outcome::Own;
use super::Ours;
use alloc_core::gc::{Gc, Heap, Lock, Mutation, Trace};
use alloc_core::{Rootable, field};

type Link<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

#[derive(Trace)]
struct Node<'gc> {
    edges: [Link<'gc>; EDGES],
    numbers: [u64; 4],
}

type Table<'gc> = Gc<'gc, [Link<'gc>]>;

struct Rings<C: Ours>(Heap<C, Root>);

Rootable!(type Root<'gc> = Table<'gc>);

pub fn graph(collector: impl Ours, rings: usize) -> Box<dyn Graph> {
    let heap = Heap::new(collector, |mc| Gc::slice(mc, rings, |_| Lock::new(None)));
    Box::new(Rings(heap))
}

fn edge<'gc>(
    mc: &Mutation<'gc, impl Ours>,
    from: Gc<'gc, Node<'gc>>,
    n: usize,
    to: Gc<'gc, Node<'gc>>,
) {
    field!(from.write(mc), Node, edges).as_slice()[n].set(Some(to));
}

fn ring<'gc>(mc: &Mutation<'gc, impl Ours>, seed: u64) -> Gc<'gc, Node<'gc>> {
    let node = |number, next, first| {
        let edges = [next, first, None, None].map(Lock::new);
        Gc::new(mc, Node { edges, numbers: [seed + number; 4] })
    };
    let first = node(0, None, None);
    let mut next = first;
    for number in (1..RING as u64).rev() {
        next = node(number, Some(next), Some(first));
    }
    edge(mc, first, 0, next);
    first
}

fn walk<'gc>(from: Gc<'gc, Node<'gc>>, steps: usize) -> Gc<'gc, Node<'gc>> {
    (0..steps).fold(from, |node, _| node.edges[0].get().unwrap_or(node))
}

impl<C: Ours> Graph for Rings<C> {
    fn replace(&mut self, index: usize, seed: u64) {
        self.0.mutate(|mc, table| {
            let ring = ring(mc, seed);
            table.write_at(mc, index).set(Some(ring));
        });
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        self.0.mutate(|mc, table| {
            let Some(first) = table[index].get() else { return 0 };
            let to = walk(first, to);
            edge(mc, walk(first, from), 2, to);
            to.numbers[0]
        })
    }

    fn sum(&mut self) -> u64 {
        self.0.mutate(|_, table| {
            let rings = table.iter().filter_map(Lock::get);
            let nodes = rings.flat_map(|first| (0..RING).map(move |steps| walk(first, steps)));
            nodes.filter_map(|node| node.edges[2].get()).map(|node| node.numbers[3]).sum()
        })
    }

    fn own(&self) -> Option<Own> {
        self.0.collector().own()
    }
}
