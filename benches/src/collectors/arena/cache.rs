//! The cache in a gc-arena.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: gc-arena.

use super::super::Cache;
use super::super::cache::{PIECE, chain};
use gc_arena::barrier::unlock;
use gc_arena::lock::{Lock, RefLock};
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};
use std::cell::Cell;

type Found<'gc> = Option<Gc<'gc, Node<'gc>>>;
type Link<'gc> = Lock<Found<'gc>>;
type Piece<'gc> = Gc<'gc, RefLock<Vec<Found<'gc>>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    key: u64,
    uses: Cell<u64>,
    newer: Link<'gc>,
    older: Link<'gc>,
    chain: Link<'gc>,
}

#[derive(Collect)]
#[collect(no_drop)]
struct List<'gc> {
    chains: Vec<Piece<'gc>>,
    newest: Option<Gc<'gc, Node<'gc>>>,
    oldest: Option<Gc<'gc, Node<'gc>>>,
    count: usize,
    capacity: usize,
}

struct Nodes(Arena<Rootable![List<'_>]>);

pub fn cache(capacity: usize) -> Box<dyn Cache> {
    let arena = Arena::new(|mc| List {
        chains: (0..capacity.div_ceil(PIECE))
            .map(|_| Gc::new(mc, RefLock::new(vec![None; PIECE])))
            .collect(),
        newest: None,
        oldest: None,
        count: 0,
        capacity,
    });
    Box::new(Nodes(arena))
}

type Mc<'gc> = Mutation<'gc>;

impl<'gc> List<'gc> {
    fn place(&self, key: u64) -> (Piece<'gc>, usize) {
        let chain = chain(key, self.chains.len() * PIECE);
        (self.chains[chain / PIECE], chain % PIECE)
    }

    fn find(&self, key: u64) -> Option<Gc<'gc, Node<'gc>>> {
        let (piece, at) = self.place(key);
        std::iter::successors(piece.borrow()[at], |node| node.chain.get())
            .find(|node| node.key == key)
    }

    /// Takes a node out of the list of uses.
    fn unlink(&mut self, mc: &Mc<'gc>, node: Gc<'gc, Node<'gc>>) {
        let (newer, older) = (node.newer.get(), node.older.get());
        match newer {
            Some(newer) => unlock!(Gc::write(mc, newer), Node, older).set(older),
            None => self.newest = older,
        }
        match older {
            Some(older) => unlock!(Gc::write(mc, older), Node, newer).set(newer),
            None => self.oldest = newer,
        }
    }

    fn push(&mut self, mc: &Mc<'gc>, node: Gc<'gc, Node<'gc>>) {
        let write = Gc::write(mc, node);
        unlock!(write, Node, newer).set(None);
        unlock!(write, Node, older).set(self.newest);
        match self.newest {
            Some(newest) => unlock!(Gc::write(mc, newest), Node, newer).set(Some(node)),
            None => self.oldest = Some(node),
        }
        self.newest = Some(node);
    }

    fn insert(&mut self, mc: &Mc<'gc>, key: u64) {
        if self.count == self.capacity {
            self.evict(mc);
        }
        let (piece, at) = self.place(key);
        let empty = || Lock::new(None);
        let chain = Lock::new(piece.borrow()[at]);
        let node = Node { key, uses: Cell::new(1), newer: empty(), older: empty(), chain };
        let node = Gc::new(mc, node);
        piece.borrow_mut(mc)[at] = Some(node);
        self.push(mc, node);
        self.count += 1;
    }

    /// Forgets the node that was not used for longest.
    fn evict(&mut self, mc: &Mc<'gc>) {
        let Some(last) = self.oldest else { return };
        self.unlink(mc, last);
        self.count -= 1;
        let (piece, at) = self.place(last.key);
        let next = last.chain.get();
        let mut node = piece.borrow()[at];
        if node.is_some_and(|first| Gc::ptr_eq(first, last)) {
            piece.borrow_mut(mc)[at] = next;
            return;
        }
        while let Some(before) = node {
            node = before.chain.get();
            if node.is_some_and(|node| Gc::ptr_eq(node, last)) {
                return unlock!(Gc::write(mc, before), Node, chain).set(next);
            }
        }
    }

    fn uses(&mut self, mc: &Mc<'gc>, key: u64) -> bool {
        let Some(node) = self.find(key) else {
            self.insert(mc, key);
            return false;
        };
        node.uses.set(node.uses.get() + 1);
        if node.newer.get().is_some() {
            self.unlink(mc, node);
            self.push(mc, node);
        }
        true
    }
}

impl Cache for Nodes {
    fn serve(&mut self, keys: &[u64]) -> u64 {
        let hits = self
            .0
            .mutate_root(|mc, list| keys.iter().map(|&key| u64::from(list.uses(mc, key))).sum());
        self.0.collect_debt();
        hits
    }

    fn sum(&mut self) -> (u64, u64) {
        self.0.mutate(|_, list| {
            let nodes = std::iter::successors(list.newest, |node| node.older.get());
            nodes.fold((0, 0), |(sum, count), node| (sum + node.uses.get(), count + 1))
        })
    }
}
