//! The cache in a heap of one of our collectors.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: the handles of alloc-core.

use super::super::Cache;
use super::super::cache::{PIECE, chain};
use super::super::outcome::Own;
use super::Ours;
use alloc_core::gc::{Gc, Heap, Lock, Mutation, Trace};
use alloc_core::{Rootable, field};
use std::cell::Cell;

type Link<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

#[derive(Trace)]
struct Node<'gc> {
    key: u64,
    uses: Cell<u64>,
    newer: Link<'gc>,
    older: Link<'gc>,
    chain: Link<'gc>,
}

#[derive(Trace)]
struct List<'gc> {
    chains: Gc<'gc, [Link<'gc>]>,
    newest: Option<Gc<'gc, Node<'gc>>>,
    oldest: Option<Gc<'gc, Node<'gc>>>,
    count: usize,
    capacity: usize,
}

struct Nodes<C: Ours>(Heap<C, Root>);

Rootable!(type Root<'gc> = List<'gc>);

pub fn cache(collector: impl Ours, capacity: usize) -> Box<dyn Cache> {
    let heap = Heap::new(collector, |mc| List {
        chains: Gc::slice(mc, capacity.next_multiple_of(PIECE), |_| Lock::new(None)),
        newest: None,
        oldest: None,
        count: 0,
        capacity,
    });
    Box::new(Nodes(heap))
}

type Mc<'gc, C> = Mutation<'gc, C>;

impl<'gc> List<'gc> {
    fn place(&self, key: u64) -> usize {
        chain(key, self.chains.len())
    }

    fn find(&self, key: u64) -> Option<Gc<'gc, Node<'gc>>> {
        let first = self.chains[self.place(key)].get();
        std::iter::successors(first, |node| node.chain.get()).find(|node| node.key == key)
    }

    /// Takes a node out of the list of uses.
    fn unlink(&mut self, mc: &Mc<'gc, impl Ours>, node: Gc<'gc, Node<'gc>>) {
        let (newer, older) = (node.newer.get(), node.older.get());
        match newer {
            Some(newer) => field!(newer.write(mc), Node, older).set(older),
            None => self.newest = older,
        }
        match older {
            Some(older) => field!(older.write(mc), Node, newer).set(newer),
            None => self.oldest = newer,
        }
    }

    fn push(&mut self, mc: &Mc<'gc, impl Ours>, node: Gc<'gc, Node<'gc>>) {
        let write = node.write(mc);
        field!(write, Node, newer).set(None);
        field!(write, Node, older).set(self.newest);
        match self.newest {
            Some(newest) => field!(newest.write(mc), Node, newer).set(Some(node)),
            None => self.oldest = Some(node),
        }
        self.newest = Some(node);
    }

    fn insert(&mut self, mc: &Mc<'gc, impl Ours>, key: u64) {
        if self.count == self.capacity {
            self.evict(mc);
        }
        let at = self.place(key);
        let empty = || Lock::new(None);
        let chain = Lock::new(self.chains[at].get());
        let node = Node { key, uses: Cell::new(1), newer: empty(), older: empty(), chain };
        let node = Gc::new(mc, node);
        self.chains.write_at(mc, at).set(Some(node));
        self.push(mc, node);
        self.count += 1;
    }

    /// Forgets the node that was not used for longest.
    fn evict(&mut self, mc: &Mc<'gc, impl Ours>) {
        let Some(last) = self.oldest else { return };
        self.unlink(mc, last);
        self.count -= 1;
        let at = self.place(last.key);
        let next = last.chain.get();
        let mut node = self.chains[at].get();
        if node.is_some_and(|first| first.ptr_eq(last)) {
            return self.chains.write_at(mc, at).set(next);
        }
        while let Some(before) = node {
            node = before.chain.get();
            if node.is_some_and(|node| node.ptr_eq(last)) {
                return field!(before.write(mc), Node, chain).set(next);
            }
        }
    }

    fn uses(&mut self, mc: &Mc<'gc, impl Ours>, key: u64) -> bool {
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

impl<C: Ours> Cache for Nodes<C> {
    fn serve(&mut self, keys: &[u64]) -> u64 {
        self.0.mutate_root(|mc, list| keys.iter().map(|&key| u64::from(list.uses(mc, key))).sum())
    }

    fn sum(&mut self) -> (u64, u64) {
        self.0.mutate(|_, list| {
            let nodes = std::iter::successors(list.newest, |node| node.older.get());
            nodes.fold((0, 0), |(sum, count), node| (sum + node.uses.get(), count + 1))
        })
    }

    fn own(&self) -> Option<Own> {
        self.0.collector().own()
    }
}
