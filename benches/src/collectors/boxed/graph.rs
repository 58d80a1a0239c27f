//! Rings of nodes with pointers of their own, freed by hand.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: `Box`.

use super::super::Graph;
use super::super::graph::{EDGES, RING};
use std::ptr;

struct Node {
    edges: [*mut Node; EDGES],
    numbers: [u64; 4],
}

/// Rule G1: each entry is null, or leads to the first node of a ring of `RING` nodes, made by `ring`,
/// whose edges lead to nodes of the same ring only, or are null.
struct Rings(Vec<*mut Node>);

pub fn graph(rings: usize) -> Box<dyn Graph> {
    Box::new(Rings(vec![ptr::null_mut(); rings]))
}

fn ring(seed: u64) -> *mut Node {
    let node = |number, next, first| {
        let edges = [next, first, ptr::null_mut(), ptr::null_mut()];
        Box::into_raw(Box::new(Node { edges, numbers: [seed + number; 4] }))
    };
    let first = node(0, ptr::null_mut(), ptr::null_mut());
    let mut next = first;
    for number in (1..RING as u64).rev() {
        next = node(number, next, first);
    }
    // SAFETY: it was made above.
    unsafe { (*first).edges[0] = next };
    first
}

/// # Safety
///
/// `first` is an entry of the table, not null, or a node that it leads to.
unsafe fn walk(first: *mut Node, steps: usize) -> *mut Node {
    // SAFETY: rule G1.
    (0..steps).fold(first, |node, _| unsafe { (*node).edges[0] })
}

/// # Safety
///
/// `first` was an entry of the table; nothing leads to its ring any more.
unsafe fn free(first: *mut Node) {
    if first.is_null() {
        return;
    }
    let mut node = first;
    for _ in 0..RING {
        // SAFETY: rule G1: so many nodes are on the way, each once.
        node = unsafe { Box::from_raw(node) }.edges[0];
    }
}

impl Graph for Rings {
    fn replace(&mut self, index: usize, seed: u64) {
        let old = std::mem::replace(&mut self.0[index], ring(seed));
        // SAFETY: the entry has another ring now.
        unsafe { free(old) };
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        let first = self.0[index];
        // SAFETY: rule G1; the program fills all entries before it rewires.
        unsafe {
            let to = walk(first, to);
            (*walk(first, from)).edges[2] = to;
            (*to).numbers[0]
        }
    }

    fn sum(&mut self) -> u64 {
        let mut sum = 0;
        for &first in &self.0 {
            for steps in 0..RING {
                // SAFETY: rule G1.
                unsafe {
                    let to = (*walk(first, steps)).edges[2];
                    sum += if to.is_null() { 0 } else { (*to).numbers[3] };
                }
            }
        }
        sum
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: the table ends.
        self.0.drain(..).for_each(|first| unsafe { free(first) });
    }
}
