//! The cache with pointers of its own, freed by hand.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: `Box`.

use super::super::Cache;
use super::super::cache::chain;
use std::ptr;

type Link = *mut Node;

struct Node {
    key: u64,
    uses: u64,
    newer: Link,
    older: Link,
    chain: Link,
}

/// Rule N1: every node that a link of the list or of a node leads to was made by `insert`, and goes in
/// `evict` or `drop`, after no link leads to it any more.
struct List {
    chains: Vec<Link>,
    newest: Link,
    oldest: Link,
    count: usize,
    capacity: usize,
}

pub fn cache(capacity: usize) -> Box<dyn Cache> {
    let null = ptr::null_mut();
    let chains = vec![null; capacity.next_multiple_of(super::super::cache::PIECE)];
    Box::new(List { chains, newest: null, oldest: null, count: 0, capacity })
}

impl List {
    fn find(&self, key: u64) -> Link {
        let mut node = self.chains[chain(key, self.chains.len())];
        // SAFETY: rule N1.
        while !node.is_null() && unsafe { (*node).key } != key {
            // SAFETY: rule N1.
            node = unsafe { (*node).chain };
        }
        node
    }

    /// # Safety
    ///
    /// The node is in the list.
    unsafe fn unlink(&mut self, node: Link) {
        // SAFETY: rule N1, for the node (caller) and its neighbours.
        unsafe {
            let (newer, older) = ((*node).newer, (*node).older);
            *(if newer.is_null() { &raw mut self.newest } else { &raw mut (*newer).older }) = older;
            *(if older.is_null() { &raw mut self.oldest } else { &raw mut (*older).newer }) = newer;
        }
    }

    /// # Safety
    ///
    /// The node was made by `insert` and is not in the list.
    unsafe fn push(&mut self, node: Link) {
        // SAFETY: rule N1, for the newest one; the caller's for the node.
        unsafe {
            (*node).newer = ptr::null_mut();
            (*node).older = self.newest;
            let newest = self.newest;
            *(if newest.is_null() { &raw mut self.oldest } else { &raw mut (*newest).newer }) =
                node;
        }
        self.newest = node;
    }

    fn insert(&mut self, key: u64) {
        if self.count == self.capacity {
            self.evict();
        }
        let at = chain(key, self.chains.len());
        let null = ptr::null_mut();
        let node = Node { key, uses: 1, newer: null, older: null, chain: self.chains[at] };
        let node = Box::into_raw(Box::new(node));
        self.chains[at] = node;
        // SAFETY: it is new.
        unsafe { self.push(node) };
        self.count += 1;
    }

    fn evict(&mut self) {
        let last = self.oldest;
        // SAFETY: rule N1: the list is full, so there is a last one; when it has left the list and its
        // chain, no link leads to it.
        unsafe {
            self.unlink(last);
            let at = chain((*last).key, self.chains.len());
            let mut link = &raw mut self.chains[at];
            while *link != last {
                link = &raw mut (**link).chain;
            }
            *link = (*last).chain;
            drop(Box::from_raw(last));
        }
        self.count -= 1;
    }
}

impl Cache for List {
    fn serve(&mut self, keys: &[u64]) -> u64 {
        let mut hits = 0;
        for &key in keys {
            let node = self.find(key);
            if node.is_null() {
                self.insert(key);
                continue;
            }
            hits += 1;
            // SAFETY: rule N1; what was found is in the list, and between the two calls it is not.
            unsafe {
                (*node).uses += 1;
                if !(*node).newer.is_null() {
                    self.unlink(node);
                    self.push(node);
                }
            }
        }
        hits
    }

    fn sum(&mut self) -> (u64, u64) {
        let (mut sum, mut count, mut node) = (0, 0, self.newest);
        while !node.is_null() {
            // SAFETY: rule N1.
            unsafe {
                sum += (*node).uses;
                node = (*node).older;
            }
            count += 1;
        }
        (sum, count)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let mut node = self.newest;
        while !node.is_null() {
            // SAFETY: rule N1; the list ends.
            node = unsafe { Box::from_raw(node) }.older;
        }
    }
}
