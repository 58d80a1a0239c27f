//! Rings of nodes with pointers of their own, freed by nobody.
//!
//! Above: `collectors::graph`, through [`Graph`]. Below: bdwgc.

use super::super::Graph;
use super::super::graph::{EDGES, RING};
use super::api;
use std::ptr;

struct Node {
    edges: [*mut Node; EDGES],
    numbers: [u64; 4],
}

/// Rule G1: each entry is null, or leads to the first node of a ring of `RING` nodes, made by `ring`,
/// whose edges lead to nodes of the same ring only, or are null. There are so many entries.
struct Rings(*mut *mut Node, usize);

pub fn graph(rings: usize) -> Box<dyn Graph> {
    Box::new(Rings(api::table(rings), rings))
}

fn ring(seed: u64) -> *mut Node {
    let node = |number, next, first| {
        let edges = [next, first, ptr::null_mut(), ptr::null_mut()];
        api::object(Node { edges, numbers: [seed + number; 4] })
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

impl Graph for Rings {
    fn replace(&mut self, index: usize, seed: u64) {
        // SAFETY: there is such an entry.
        unsafe { self.0.add(index).write(ring(seed)) };
    }

    fn rewire(&mut self, index: usize, from: usize, to: usize) -> u64 {
        // SAFETY: there is such an entry; rule G1; the program fills all entries before it rewires.
        unsafe {
            let first = *self.0.add(index);
            let to = walk(first, to);
            (*walk(first, from)).edges[2] = to;
            (*to).numbers[0]
        }
    }

    fn sum(&mut self) -> u64 {
        let mut sum = 0;
        for index in 0..self.1 {
            for steps in 0..RING {
                // SAFETY: rule G1.
                unsafe {
                    let first = *self.0.add(index);
                    let to = (*walk(first, steps)).edges[2];
                    sum += if to.is_null() { 0 } else { (*to).numbers[3] };
                }
            }
        }
        sum
    }
}
