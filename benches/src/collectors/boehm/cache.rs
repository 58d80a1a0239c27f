//! The cache with pointers of its own, freed by nobody.
//!
//! Above: `collectors::cache`, through [`Cache`]. Below: bdwgc.

use super::super::Cache;
use super::super::cache::chain;
use super::api;
use std::ptr;

type Link = *mut Node;

struct Node {
    key: u64,
    uses: u64,
    newer: Link,
    older: Link,
    chain: Link,
}

/// Rule N1: every node that a link of the list or of a node leads to was made by `insert`, and is in a chain:
/// the chains are what the collector looks at.
struct List {
    chains: *mut Link,
    length: usize,
    newest: Link,
    oldest: Link,
    count: usize,
    capacity: usize,
}

pub fn cache(capacity: usize) -> Box<dyn Cache> {
    let null = ptr::null_mut();
    let length = capacity.next_multiple_of(super::super::cache::PIECE);
    let chains = api::table(length);
    Box::new(List { chains, length, newest: null, oldest: null, count: 0, capacity })
}

impl List {
    fn find(&self, key: u64) -> Link {
        // SAFETY: a place is below the length.
        let mut node = unsafe { *self.place(key) };
        // SAFETY: rule N1.
        while !node.is_null() && unsafe { (*node).key } != key {
            // SAFETY: rule N1.
            node = unsafe { (*node).chain };
        }
        node
    }

    fn place(&self, key: u64) -> *mut Link {
        // SAFETY: a chain's number is below the length.
        unsafe { self.chains.add(chain(key, self.length)) }
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
        let (at, null) = (self.place(key), ptr::null_mut());
        // SAFETY: a place is below the length; the node is new.
        unsafe {
            let node = Node { key, uses: 1, newer: null, older: null, chain: *at };
            let node = api::object(node);
            *at = node;
            self.push(node);
        }
        self.count += 1;
    }

    fn evict(&mut self) {
        let last = self.oldest;
        // SAFETY: rule N1: the list is full, so there is a last one.
        unsafe {
            self.unlink(last);
            let mut link = self.place((*last).key);
            while *link != last {
                link = &raw mut (**link).chain;
            }
            *link = (*last).chain;
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
