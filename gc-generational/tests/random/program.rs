//! A run of a random program: turns of mutations, with collections, refusals and panics in between.

use crate::model::{Model, Random};
use crate::objects::{OfFlat, Roots, assert_all_dropped, heap, panic_at, reset};
use crate::turn::Turn;
use crate::{Collector, DESTRUCTOR, Ground, MUTATION, expect};
use alloc_core::gc::{DynamicRoot, Heap};
use std::panic::{AssertUnwindSafe, catch_unwind};

const TURNS: usize = 400;

#[derive(Clone, Copy)]
pub struct Options {
    /// Destructors and mutations panic.
    pub panics: bool,
    /// The ground refuses.
    pub fails: bool,
}

/// What a program has outside of its heap.
pub struct Program {
    pub options: Options,
    pub random: Random,
    pub model: Model,
    pub stash: Vec<(u64, DynamicRoot<OfFlat>)>,
}

impl Program {
    fn provoke(&mut self, ground: &Ground) {
        if self.options.fails {
            if self.random.one_in(6) { ground.resume() } else { ground.pause() }
        }
        if self.options.panics && self.random.one_in(6) {
            panic_at(Some(self.random.below(16) as u64));
        }
    }

    fn collect(&mut self, heap: &mut Heap<Collector, Roots>) {
        match self.random.below(40) {
            0 => heap.collect(),
            1 => heap.collect_some(self.random.below(100_000)),
            2 => heap.inspect(|_| ()),
            3 => heap.collector().collect_soon(),
            _ => {}
        }
    }
}

/// A program's panics end what it was about, and no more.
fn attempt(what: impl FnOnce()) {
    expect(catch_unwind(AssertUnwindSafe(what)), &[DESTRUCTOR, MUTATION]);
}

pub fn run(collector: Collector, seed: u64, options: Options) {
    reset();
    let (random, model) = (Random::new(seed), Model::new());
    let mut program = Program { options, random, model, stash: Vec::new() };
    let mut heap = heap(collector);
    for number in 0..TURNS {
        let random = &mut program.random;
        let changes = if random.one_in(20) { 1500 } else { 20 + random.below(80) };
        let walks = random.one_in(8);
        program.provoke(heap.collector().below());
        attempt(|| {
            heap.mutate_root(|mc, root| {
                Turn { mc, root, program: &mut program, number }.run(changes, walks);
            });
        });
        attempt(|| program.collect(&mut heap));
    }
    heap.collector().below().pause();
    panic_at(None);
    attempt(|| drop(heap));
    assert_all_dropped();
}
