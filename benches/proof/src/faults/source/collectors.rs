//! Collectors: a graph is made, cut, and looked through, while their spans are refused.
//!
//! Above: the campaign. Below: `MarkSweep` and `Generational` over the heap over an arena.

use super::{Pages, Subject, has_all_back, pages};
use crate::ground::Ground;
use crate::random::Random;
use alloc_core::gc::{Collector, Gc, Heap, Lock, Mutation, Trace};
use alloc_core::{AllocError, Rootable, field};
use alloc_sizeclass::SizeClassHeap;
use gc_generational::{Config as YoungConfig, Generational};
use gc_marksweep::{Config, MarkSweep, Mode, Pace};
use std::cell::Cell;
use std::rc::Rc;

const STEPS: usize = 300;

type Below = SizeClassHeap<Pages>;

/// Counts those that were dropped.
#[derive(Trace)]
#[trace(leaf)]
struct Dropped(Rc<Cell<usize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[derive(Trace)]
struct Node<'gc> {
    number: usize,
    words: Gc<'gc, [usize]>,
    before: Lock<Option<Gc<'gc, Node<'gc>>>>,
    _dropped: Option<Dropped>,
}

Rootable!(type Kept<'gc> = Vec<Gc<'gc, Node<'gc>>>);

/// A heap with a collector, and what has to be in it.
struct Program<C: Collector> {
    heap: Heap<C, Kept>,
    kept: Vec<usize>,
    dropped: Rc<Cell<usize>>,
    /// Values with a destructor that were made.
    made: usize,
}

fn words_of(number: usize) -> usize {
    match number % 41 {
        0 => 30_000,
        1..4 => 1_500,
        small => small,
    }
}

fn node<'gc, C: Collector>(
    mc: &Mutation<'gc, C>,
    number: usize,
    before: Option<Gc<'gc, Node<'gc>>>,
    dropped: Option<Dropped>,
) -> Result<Gc<'gc, Node<'gc>>, AllocError> {
    let words = Gc::try_slice(mc, words_of(number), |index| number + index)?;
    Gc::try_new(mc, Node { number, words, before: Lock::new(before), _dropped: dropped })
}

impl<C: Collector> Program<C> {
    fn new(collector: C) -> Self {
        let heap = Heap::new(collector, |_| Vec::new());
        Self { heap, kept: Vec::new(), dropped: Rc::default(), made: 0 }
    }

    fn play(&mut self) -> usize {
        let mut random = Random::new(5);
        let mut refused = 0;
        for step in 0..STEPS {
            for _ in 0..1 + random.below(6) {
                refused += usize::from(!self.add(random.below(1 << 20)));
            }
            match random.below(25) {
                0 => self.forget(random.below(3) + 2),
                1 => self.cut(),
                2 => self.heap.collect(),
                3..6 => self.heap.collect_some(random.below(64 << 10)),
                _ => {}
            }
            if step % 20 == 0 {
                self.check();
            }
        }
        self.forget(2);
        self.cut();
        self.heap.collect();
        self.heap.collect();
        self.check();
        let alive = self.kept.iter().filter(|number| *number % 5 == 0).count();
        assert_eq!(self.dropped.get() + alive, self.made, "who is dead was dropped, once");
        refused
    }

    /// Makes a node that leads to another one; whether there was memory.
    fn add(&mut self, number: usize) -> bool {
        let Self { heap, kept, dropped, made } = self;
        let token = number.is_multiple_of(5).then(|| Dropped(dropped.clone()));
        *made += usize::from(token.is_some());
        heap.mutate_root(|mc, nodes| {
            let before = nodes.get(number % nodes.len().max(1)).copied();
            let Ok(node) = node(mc, number, before, token) else { return false };
            if let Some(first) = nodes.first() {
                field!(first.write(mc), Node, before).set(Some(node));
            }
            nodes.push(node);
            kept.push(number);
            true
        })
    }

    /// Forgets all but every `stays`-th node.
    fn forget(&mut self, stays: usize) {
        let stays = |at: usize| at.is_multiple_of(stays);
        let mut at = 0;
        self.kept.retain(|_| (stays(at), at += 1).0);
        let mut at = 0;
        self.heap.mutate_root(|_, nodes| nodes.retain(|_| (stays(at), at += 1).0));
    }

    /// Nodes lead nowhere any more.
    fn cut(&mut self) {
        self.heap.mutate(|mc, nodes| {
            nodes.iter().for_each(|node| field!(node.write(mc), Node, before).set(None));
        });
    }

    fn check(&mut self) {
        let kept = &self.kept;
        self.heap.mutate(|_, nodes| {
            assert!(nodes.iter().map(|node| node.number).eq(kept.iter().copied()));
            for node in nodes {
                let words = &node.words;
                assert_eq!(words.len(), words_of(node.number), "a slice has its length");
                assert!(words.iter().copied().eq((node.number..).take(words.len())));
                let before = node.before.get();
                assert!(before.is_none_or(|before| before.words.len() == words_of(before.number)));
            }
        });
    }

    /// Drops the heap: every destructor has run.
    fn end(self) {
        let Self { heap, dropped, made, .. } = self;
        drop(heap);
        assert_eq!(dropped.get(), made, "destructors run once each");
    }
}

/// Cycles that begin often.
fn pace() -> Pace {
    Pace { growth_percent: 50, min_growth_bytes: 256 << 10, ..Pace::default() }
}

fn marksweep(mode: Mode) -> Config {
    Config { pace: pace(), verify: true, ..Config::new(mode) }
}

fn generational(mode: Mode) -> YoungConfig {
    YoungConfig { tenured: marksweep(mode), nursery_bytes: 64 << 10, ..YoungConfig::default() }
}

/// Writes a subject: a collector that `$make` makes of its memory.
macro_rules! subject {
    ($(#[$attr:meta])* $name:ident, $text:literal, $collector:ty, $make:expr) => {
        $(#[$attr])*
        pub struct $name {
            program: Program<$collector>,
            pages: Pages,
        }

        impl Subject for $name {
            const NAME: &'static str = $text;

            fn new(ground: Ground) -> Result<Self, AllocError> {
                let pages = pages(ground);
                let make: fn(Below) -> Result<$collector, AllocError> = $make;
                let collector = make(SizeClassHeap::new(pages.clone()))?;
                Ok(Self { program: Program::new(collector), pages })
            }

            fn play(&mut self) -> usize {
                self.program.play()
            }

            fn end(self) {
                self.program.end();
                has_all_back(&self.pages);
            }
        }
    };
}

subject!(
    /// Mark and sweep, all at once.
    AtOnce, "MarkSweep, all at once", MarkSweep<Below>,
    |below| Ok(MarkSweep::with_config(marksweep(Mode::StopTheWorld), below))
);
subject!(
    /// Mark and sweep, in steps.
    InSteps, "MarkSweep, in steps", MarkSweep<Below>,
    |below| Ok(MarkSweep::with_config(marksweep(Mode::Incremental), below))
);
subject!(
    /// Mark and sweep, on a thread beside.
    Beside, "MarkSweep, beside", MarkSweep<Below>,
    |below| MarkSweep::background(marksweep(Mode::Background), below).map_err(|_| AllocError)
);
subject!(
    /// Two generations.
    Young, "Generational, in steps", Generational<Below>,
    |below| Ok(Generational::with_config(generational(Mode::Incremental), below))
);
subject!(
    /// Two generations, the old one on a thread beside.
    YoungBeside, "Generational, beside", Generational<Below>,
    |below| Generational::background(generational(Mode::Background), below).map_err(|_| AllocError)
);
