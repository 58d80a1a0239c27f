//! Minor collections beside the marker's thread: the suite of collectors, with cycles that never pause.

use alloc_arena::{Arena, Os};
use alloc_core::gc::suite;
use alloc_sizeclass::SizeClassHeap;
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};

type Below = SizeClassHeap<Arena>;

fn background(config: Config) -> Generational<Below> {
    let below = Below::new(Arena::new(Os::new()));
    Generational::background(config, below).expect("a thread")
}

fn main() {
    for promotion in [Promotion::First, Promotion::Second] {
        let mut config =
            Config { nursery_bytes: 32 << 10, promotion, ..Config::new(Mode::Background) };
        // So small that cycles begin all the time.
        let pace = Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
        config.tenured.pace = pace;
        config.tenured.verify = false;
        suite::run(|| background(config), 5_000);
        suite::run(|| background(config.tortured(Torture::Steps)), 1_000);
        println!("generational: {promotion:?}, beside the marker");
    }
}
