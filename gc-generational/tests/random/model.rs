//! What should be in the heap: numbers of objects, and which leads to which. And where chance comes from.

use alloc_core::gc::Id;
use std::collections::{HashMap, HashSet};

/// How many links the root has.
pub const LINKS: usize = 24;

/// Numbers by chance, the same for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

struct Object {
    /// How many edges it has, and those that lead somewhere.
    len: usize,
    edges: HashMap<usize, u64>,
}

pub struct Model {
    /// The numbers of what the root leads to.
    pub links: [Option<u64>; LINKS],
    objects: HashMap<u64, Object>,
    ids: HashMap<u64, Id>,
    next_number: u64,
}

impl Model {
    pub fn new() -> Self {
        let (objects, ids) = (HashMap::new(), HashMap::new());
        Self { links: [None; LINKS], objects, ids, next_number: 0 }
    }

    /// A number that no object had.
    pub fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    pub fn add(&mut self, number: u64, len: usize) {
        self.objects.insert(number, Object { len, edges: HashMap::new() });
    }

    pub fn len_of(&self, number: u64) -> usize {
        self.objects[&number].len
    }

    pub fn edges_of(&self, number: u64) -> &HashMap<usize, u64> {
        &self.objects[&number].edges
    }

    pub fn set(&mut self, number: u64, edge: usize, to: Option<u64>) {
        let edges = &mut self.objects.get_mut(&number).expect("an object").edges;
        match to {
            Some(to) => edges.insert(edge, to),
            None => edges.remove(&edge),
        };
    }

    /// The object has this identity, and always had.
    pub fn identify(&mut self, number: u64, id: Id) {
        assert_eq!(*self.ids.entry(number).or_insert(id), id, "the identity of {number}");
    }

    /// The root leads to this object.
    pub fn reaches(&self, number: u64) -> bool {
        let mut seen = HashSet::new();
        let mut grey: Vec<u64> = self.links.iter().flatten().copied().collect();
        while let Some(from) = grey.pop() {
            if from == number {
                return true;
            }
            if seen.insert(from) {
                grey.extend(self.edges_of(from).values());
            }
        }
        false
    }
}
