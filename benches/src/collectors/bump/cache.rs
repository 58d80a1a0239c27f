//! The cache in a bump: what it forgets stays where it is.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: bumpalo.

use super::super::Cache;
use super::super::cache::{PIECE, chain};
use super::lasting;
use bumpalo::Bump;
use std::cell::Cell;
use std::ptr;

type Found = Option<&'static Node>;
type Link = Cell<Found>;

struct Node {
    key: u64,
    uses: Cell<u64>,
    newer: Link,
    older: Link,
    chain: Link,
}

struct List {
    bump: &'static Bump,
    chains: Vec<Link>,
    newest: Link,
    oldest: Link,
    count: usize,
    capacity: usize,
}

pub fn cache(capacity: usize) -> Box<dyn Cache> {
    let chains = vec![Link::default(); capacity.next_multiple_of(PIECE)];
    let (newest, oldest) = (Link::default(), Link::default());
    Box::new(List { bump: lasting(), chains, newest, oldest, count: 0, capacity })
}

impl List {
    fn place(&self, key: u64) -> &Link {
        &self.chains[chain(key, self.chains.len())]
    }

    fn find(&self, key: u64) -> Found {
        std::iter::successors(self.place(key).get(), |node| node.chain.get())
            .find(|node| node.key == key)
    }

    /// Takes a node out of the list of uses.
    fn unlink(&self, node: &Node) {
        let (newer, older) = (node.newer.get(), node.older.get());
        newer.map_or(&self.newest, |newer| &newer.older).set(older);
        older.map_or(&self.oldest, |older| &older.newer).set(newer);
    }

    fn push(&self, node: &'static Node) {
        let newest = self.newest.replace(Some(node));
        node.newer.set(None);
        node.older.set(newest);
        newest.map_or(&self.oldest, |newest| &newest.newer).set(Some(node));
    }

    fn insert(&mut self, key: u64) {
        if self.count == self.capacity {
            self.evict();
        }
        let chain = self.place(key);
        let (newer, older) = (Link::default(), Link::default());
        let node = Node { key, uses: Cell::new(1), newer, older, chain: chain.clone() };
        let node = &*self.bump.alloc(node);
        chain.set(Some(node));
        self.push(node);
        self.count += 1;
    }

    /// Forgets the node that was not used for longest.
    fn evict(&mut self) {
        let Some(last) = self.oldest.get() else { return };
        self.unlink(last);
        self.count -= 1;
        let mut link = self.place(last.key);
        while let Some(node) = link.get().filter(|node| !ptr::eq(*node, last)) {
            link = &node.chain;
        }
        link.set(last.chain.get());
    }

    /// Whether the key was there.
    fn serve_one(&mut self, key: u64) -> bool {
        let Some(node) = self.find(key) else {
            self.insert(key);
            return false;
        };
        node.uses.set(node.uses.get() + 1);
        if node.newer.get().is_some() {
            self.unlink(node);
            self.push(node);
        }
        true
    }
}

impl Cache for List {
    fn serve(&mut self, keys: &[u64]) -> u64 {
        keys.iter().map(|&key| u64::from(self.serve_one(key))).sum()
    }

    fn sum(&mut self) -> (u64, u64) {
        let nodes = std::iter::successors(self.newest.get(), |node| node.older.get());
        nodes.fold((0, 0), |(sum, count), node| (sum + node.uses.get(), count + 1))
    }
}
