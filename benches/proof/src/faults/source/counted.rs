//! Counted pointers: chains and rings, whose values lie in the heap.
//!
//! Above: the campaign. Below: `Cc` over the heap over an arena.

use super::{Pages, Subject, has_all_back, pages};
use crate::ground::Ground;
use crate::random::Random;
use alloc_core::gc::Trace;
use alloc_core::{AllocError, Layer, Shared};
use alloc_sizeclass::SizeClassHeap;
use rc_cycle::Cc;
use std::cell::RefCell;
use std::sync::Arc;

type Memory = Shared<SizeClassHeap<Pages>>;

#[derive(Trace)]
struct Node {
    number: usize,
    words: [usize; 30],
    next: RefCell<Option<Cc<Node, Memory>>>,
}

/// Pointers of one thread, with cycles.
pub struct Counted {
    memory: Memory,
    pages: Pages,
}

impl Subject for Counted {
    const NAME: &'static str = "Cc, heap, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        let pages = pages(ground);
        Ok(Self { memory: Shared::new(SizeClassHeap::new(pages.clone())), pages })
    }

    fn play(&mut self) -> usize {
        let mut random = Random::new(9);
        let mut refused = 0;
        let mut heads: Vec<Cc<Node, Memory>> = Vec::new();
        for number in 0..12_000 {
            let next = if heads.is_empty() {
                None
            } else {
                Some(heads[random.below(heads.len())].clone())
            };
            let node = Node { number, words: [number; 30], next: RefCell::new(next) };
            match Cc::try_new_in(node, self.memory.clone()) {
                Ok(node) => heads.push(node),
                Err(AllocError) => refused += 1,
            }
            match random.below(3000) {
                0..30 if !heads.is_empty() => {
                    let (from, to) = (random.below(heads.len()), random.below(heads.len()));
                    *heads[from].next.borrow_mut() = Some(heads[to].clone());
                }
                30..33 => heads.truncate(heads.len() / 3),
                33 => _ = rc_cycle::collect(),
                34..40 => _ = rc_cycle::collect_some(500),
                _ => {}
            }
        }
        for node in &heads {
            assert!(node.words.iter().all(|&word| word == node.number), "a value changed");
        }
        drop(heads);
        rc_cycle::collect();
        self.memory.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
        refused
    }

    fn end(self) {
        self.memory.reclaim(usize::MAX);
        assert_eq!(Arc::strong_count(&self.memory.0), 1, "a value is left");
        drop(self.memory);
        has_all_back(&self.pages);
    }
}
