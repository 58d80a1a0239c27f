//! gc-marksweep on the default stack, in its modes.
//!
//! Above: `contestants`. Below: gc-marksweep, alloc-sizeclass, alloc-arena.

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
use alloc_core::Layer;
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_marksweep::{Config, MarkSweep, Mode, Pace};

/// The collector, over a stack of its own.
type Collector = MarkSweep<ThreadCache<SizeClassHeap<Ground>>>;

/// How it is built.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    StopTheWorld,
    Incremental,
    Background,
    /// No cycle ever begins: what the program costs without a collector.
    Never,
}

/// More than any program allocates.
const NEVER_BYTES: usize = 1 << 44;

fn collector(kind: Kind) -> Collector {
    let below = ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new())));
    let collector = match kind {
        Kind::StopTheWorld => MarkSweep::new(below),
        Kind::Incremental => MarkSweep::with(Config::new(Mode::Incremental), below),
        Kind::Background => MarkSweep::background(Config::default(), below)
            .expect("the marker's thread can be started"),
        Kind::Never => {
            let pace = Pace { min_growth_bytes: NEVER_BYTES, ..Pace::default() };
            MarkSweep::with(Config { pace, ..Config::default() }, below)
        }
    };
    collector.with_trace(|cycle| mark(cycle.live_bytes as u64))
}

fn own<A: Layer>(collector: &MarkSweep<A>) -> Option<Own> {
    let figures = collector.figures();
    Some(Own { cycles: figures.cycles as u64, longest_ns: figures.longest_nanos })
}
