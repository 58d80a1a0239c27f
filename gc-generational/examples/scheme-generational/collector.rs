//! Which collector the interpreter runs on: a generational one, on the whole stack of allocators.

use alloc_arena::{Arena, Os};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_generational::{Config, Generational, Mode, Pace, Torture};
use gc_marksweep::Figures;
use std::io;

/// The collector.
pub type Collector = Generational<Below>;
type Below = ThreadCache<SizeClassHeap<Arena<Os>>>;

/// How the heap is to be collected.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub mode: Mode,
    pub limit_bytes: usize,
    pub torture: Torture,
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (mode, torture) = (Mode::default(), Torture::Off);
        Self { mode, limit_bytes: usize::MAX, torture, trace: false }
    }
}

/// A collector that does as the options say.
pub fn make(options: Options) -> io::Result<Collector> {
    let pace = Pace { limit_bytes: options.limit_bytes, ..Pace::default() };
    let mut config = Config::new(options.mode);
    config.tenured.pace = pace;
    if options.torture != Torture::Off {
        config = config.tortured(options.torture);
    }
    let below = ThreadCache::new(SizeClassHeap::new(Arena::new(Os::new())));
    let collector = match options.mode {
        Mode::Background => Generational::background(config, below)?,
        _ => Generational::with_config(config, below),
    };
    Ok(if options.trace { collector.with_trace(|cycle| eprintln!("{cycle}")) } else { collector })
}

/// What the collector says of its tenured space.
pub fn told(collector: &Collector) -> Figures {
    collector.figures().tenured
}
