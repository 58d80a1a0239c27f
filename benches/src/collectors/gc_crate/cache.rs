//! The cache in the `gc` crate's heap.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: the `gc` crate.

use super::super::Cache;
use super::super::cache::{PIECE, chain};
use gc::{Finalize, Gc, GcCell, Trace};

type Found = Option<Gc<Node>>;
type Link = GcCell<Found>;

#[derive(Trace, Finalize)]
struct Node {
    key: u64,
    uses: GcCell<u64>,
    newer: Link,
    older: Link,
    chain: Link,
}

/// The list is the program's own, and what it holds are roots.
struct List {
    chains: Vec<Found>,
    newest: Found,
    oldest: Found,
    count: usize,
    capacity: usize,
}

pub fn cache(capacity: usize) -> Box<dyn Cache> {
    let chains = vec![None; capacity.next_multiple_of(PIECE)];
    Box::new(List { chains, newest: None, oldest: None, count: 0, capacity })
}

fn same(left: &Found, right: &Gc<Node>) -> bool {
    left.as_ref().is_some_and(|left| Gc::ptr_eq(left, right))
}

impl List {
    fn place(&self, key: u64) -> usize {
        chain(key, self.chains.len())
    }

    fn find(&self, key: u64) -> Found {
        let first = self.chains[self.place(key)].clone();
        std::iter::successors(first, |node| node.chain.borrow().clone())
            .find(|node| node.key == key)
    }

    /// Takes a node out of the list of uses.
    fn unlink(&mut self, node: &Node) {
        let (newer, older) = (node.newer.borrow().clone(), node.older.borrow().clone());
        match &newer {
            Some(newer) => newer.older.borrow_mut().clone_from(&older),
            None => self.newest.clone_from(&older),
        }
        match older {
            Some(older) => *older.newer.borrow_mut() = newer,
            None => self.oldest = newer,
        }
    }

    fn push(&mut self, node: Gc<Node>) {
        let newest = self.newest.replace(node.clone());
        *node.newer.borrow_mut() = None;
        node.older.borrow_mut().clone_from(&newest);
        match newest {
            Some(newest) => *newest.newer.borrow_mut() = Some(node),
            None => self.oldest = Some(node),
        }
    }

    fn insert(&mut self, key: u64) {
        if self.count == self.capacity {
            self.evict();
        }
        let at = self.place(key);
        let empty = || GcCell::new(None);
        let chain = GcCell::new(self.chains[at].take());
        let node = Node { key, uses: GcCell::new(1), newer: empty(), older: empty(), chain };
        let node = Gc::new(node);
        self.chains[at] = Some(node.clone());
        self.push(node);
        self.count += 1;
    }

    /// Forgets the node that was not used for longest.
    fn evict(&mut self) {
        let Some(last) = self.oldest.clone() else { return };
        self.unlink(&last);
        self.count -= 1;
        let at = self.place(last.key);
        let next = last.chain.borrow().clone();
        if same(&self.chains[at], &last) {
            self.chains[at] = next;
            return;
        }
        let first = self.chains[at].clone();
        let before = std::iter::successors(first, |node| node.chain.borrow().clone())
            .find(|node| same(&node.chain.borrow(), &last));
        if let Some(before) = before {
            *before.chain.borrow_mut() = next;
        }
    }

    fn uses(&mut self, key: u64) -> bool {
        let Some(node) = self.find(key) else {
            self.insert(key);
            return false;
        };
        *node.uses.borrow_mut() += 1;
        if node.newer.borrow().is_some() {
            self.unlink(&node);
            self.push(node);
        }
        true
    }
}

impl Cache for List {
    fn serve(&mut self, keys: &[u64]) -> u64 {
        keys.iter().map(|&key| u64::from(self.uses(key))).sum()
    }

    fn sum(&mut self) -> (u64, u64) {
        let nodes = std::iter::successors(self.newest.clone(), |node| node.older.borrow().clone());
        nodes.fold((0, 0), |(sum, count), node| (sum + *node.uses.borrow(), count + 1))
    }
}
