//! A mutator beside the collector's own thread: the suite of collectors, with cycles that never pause.

use alloc_arena::{Arena, Os};
use alloc_core::gc::suite;
use alloc_sizeclass::SizeClassHeap;
use gc_marksweep::{Config, MarkSweep, Mode, Pace, Torture};

type Below = SizeClassHeap<Arena>;

fn background(config: Config) -> MarkSweep<Below> {
    let below = Below::new(Arena::new(Os::new()));
    MarkSweep::background(config, below).expect("a thread")
}

fn main() {
    // So small that cycles begin all the time.
    let pace = Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
    let config = Config { pace, verify: false, ..Config::new(Mode::Background) };
    suite::run(|| background(config), 40_000);
    println!("collector: cycle after cycle beside mutations");
    suite::run(|| background(config.tortured(Torture::Steps)), 2_000);
    suite::run(|| background(config.tortured(Torture::Cycles)), 2_000);
    println!("collector: tortured");
    let below = || Below::new(Arena::new(Os::new()));
    let config = config.tortured(Torture::Cycles);
    let together =
        || MarkSweep::parallel(3, Config { verify: false, ..config }, below()).expect("threads");
    suite::run(together, 2_000);
    println!("collector: marking together");
}
