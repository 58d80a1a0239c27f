//! Our collectors on the default stack, in their modes: gc-marksweep and gc-generational, which run the same
//! programs.
//!
//! Above: `contestants`. Below: gc-marksweep, gc-generational, alloc-sizeclass, alloc-arena.

mod cache;
mod graph;
mod text;
mod trees;

pub(super) use cache::cache;
pub(super) use graph::graph;
pub(super) use text::texts;
pub(super) use trees::forest;

use super::course::mark;
use super::outcome::Own;
use crate::stacks::Ground;
use alloc_arena::{Arena, Os};
use alloc_core::gc::Collector;
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_generational::Generational;
use gc_marksweep::{Config, Cycle, MarkSweep, Mode, Pace};

/// A stack of its own for each collector.
type Stack = ThreadCache<SizeClassHeap<Ground>>;

fn stack() -> Stack {
    ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new())))
}

/// One of our collectors.
pub trait Ours: Collector + 'static {
    /// What it says of itself.
    fn own(&self) -> Option<Own>;
}

impl Ours for MarkSweep<Stack> {
    fn own(&self) -> Option<Own> {
        let figures = self.figures();
        Some(Own { cycles: figures.cycles as u64, longest_ns: figures.pauses.longest_nanos() })
    }
}

impl Ours for Generational<Stack> {
    fn own(&self) -> Option<Own> {
        let figures = self.figures();
        let longest_ns = figures.pauses.longest_nanos().max(figures.tenured.pauses.longest_nanos());
        Some(Own { cycles: (figures.minors + figures.tenured.cycles) as u64, longest_ns })
    }
}

fn note(cycle: &Cycle) {
    mark(cycle.live_bytes as u64);
}

pub fn stop_the_world() -> impl Ours {
    MarkSweep::new(stack()).with_trace(note)
}

pub fn incremental() -> impl Ours {
    MarkSweep::with_config(Config::new(Mode::Incremental), stack()).with_trace(note)
}

pub fn background() -> impl Ours {
    let collector = MarkSweep::background(Config::default(), stack());
    collector.expect("the marker's thread can be started").with_trace(note)
}

/// No cycle ever begins: what the program costs without a collector.
pub fn never() -> impl Ours {
    /// More than any program allocates.
    const NEVER_BYTES: usize = 1 << 44;
    let pace = Pace { min_growth_bytes: NEVER_BYTES, ..Pace::default() };
    MarkSweep::with_config(Config { pace, ..Config::default() }, stack())
}

pub fn generational() -> impl Ours {
    Generational::new(stack()).with_trace(note)
}

pub fn generational_background() -> impl Ours {
    let collector = Generational::background(gc_generational::Config::default(), stack());
    collector.expect("the marker's thread can be started").with_trace(note)
}
