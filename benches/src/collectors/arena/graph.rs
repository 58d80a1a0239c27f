//! Rings of nodes in a gc-arena.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: gc-arena.

use super::super::Graph;
use super::super::cache::PIECE;
use super::super::graph::{EDGES, RING};
use gc_arena::barrier::unlock;
use gc_arena::lock::{Lock, RefLock};
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};

type Link<'gc> = Option<Gc<'gc, Node<'gc>>>;
type Piece<'gc> = Gc<'gc, RefLock<Vec<Link<'gc>>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    edges: Lock<[Link<'gc>; EDGES]>,
    numbers: [u64; 4],
}

type Table<'gc> = Vec<Piece<'gc>>;

struct Rings(Arena<Rootable![Table<'_>]>);

pub fn graph(rings: usize) -> Box<dyn Graph> {
    let arena = Arena::new(|mc| {
        let piece = || Gc::new(mc, RefLock::new(vec![None; PIECE]));
        (0..rings.div_ceil(PIECE)).map(|_| piece()).collect()
    });
    Box::new(Rings(arena))
}

fn edge<'gc>(mc: &Mutation<'gc>, from: Gc<'gc, Node<'gc>>, n: usize, to: Gc<'gc, Node<'gc>>) {
    let mut edges = from.edges.get();
    edges[n] = Some(to);
    unlock!(Gc::write(mc, from), Node, edges).set(edges);
}

fn ring<'gc>(mc: &Mutation<'gc>, seed: u64) -> Gc<'gc, Node<'gc>> {
    let node = |number, next, first| {
        let edges = Lock::new([next, first, None, None]);
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
    (0..steps).fold(from, |node, _| node.edges.get()[0].unwrap_or(node))
}

impl Graph for Rings {
    fn replace(&mut self, index: usize, seed: u64) {
        self.0.mutate(|mc, table| {
            let ring = ring(mc, seed);
            table[index / PIECE].borrow_mut(mc)[index % PIECE] = Some(ring);
        });
        self.0.collect_debt();
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        self.0.mutate(|mc, table| {
            let Some(first) = table[index / PIECE].borrow()[index % PIECE] else { return 0 };
            let to = walk(first, to);
            edge(mc, walk(first, from), 2, to);
            to.numbers[0]
        })
    }

    fn sum(&mut self) -> u64 {
        self.0.mutate(|_, table| {
            let rings = table.iter().flat_map(|piece| piece.borrow().clone()).flatten();
            let nodes = rings.flat_map(|first| (0..RING).map(move |steps| walk(first, steps)));
            nodes.filter_map(|node| node.edges.get()[2]).map(|node| node.numbers[3]).sum()
        })
    }
}
