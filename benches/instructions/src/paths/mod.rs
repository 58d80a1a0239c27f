//! The paths that are counted: their table, and what they share.
//!
//! Above: `count.rs`, which runs one in a process of its own. Below: the stack by its Rust interface
//! (`rust.rs`), by C's through the preload library (`c.rs`), the hardened stack (`hardened.rs`), what lies under the cache
//! (`below.rs`), collected objects above it (`collected.rs`), counted pointers (`counted.rs`), pools (`pools.rs`), arenas,
//! frames and stacks (`arenas.rs`), and loops that do nothing (`bare.rs`), which are taken off.
//!
//! A path is a function that makes its preparations, which do not count, and then some rounds, each
//! of which does the same work. What a round does is held in place by `black_box`.

mod arenas;
mod bare;
mod below;
mod c;
mod collected;
mod counted;
mod hardened;
mod pools;
mod rust;
mod threads;

/// A path, and how its figure comes out of what was counted.
pub struct Path {
    /// `GROUP/NAME`.
    pub name: &'static str,
    /// What is counted, and by what.
    pub what: &'static str,
    /// Makes so many rounds.
    pub turns: fn(usize),
    /// The rounds to make; twice as many are counted too.
    pub rounds: usize,
    /// Units of work in a round: the figure is for one of them.
    pub units: usize,
    /// The path that is the loop alone; none for those themselves, which have no bounds.
    pub less: Option<&'static str>,
    /// Returns of C functions: the bare loop has them too, but they are part of what is counted.
    pub returns: u32,
    /// What no bound may be above.
    pub target: Option<f64>,
}

impl Path {
    const fn new(name: &'static str, what: &'static str, turns: fn(usize)) -> Self {
        let less = Some("bare/loop");
        Self { name, what, turns, rounds: 10_000, units: 1, less, returns: 0, target: None }
    }

    const fn rounds_of(self, rounds: usize, units: usize) -> Self {
        Self { rounds, units, ..self }
    }

    const fn less(self, less: &'static str) -> Self {
        Self { less: Some(less), ..self }
    }

    const fn at_most(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The bare loop calls functions which do nothing but return, so many in a round.
    const fn calls(self, less: &'static str, calls: u32) -> Self {
        Self { less: Some(less), returns: calls, ..self }
    }

    /// The variable that says which stack of the preload library serves the path.
    pub fn variable(&self) -> Option<(&'static str, &'static str)> {
        // So seldom that no sample is within the figure.
        [("-hardened", "STRATA_HARDENED", "1"), ("-watched", "STRATA_SAMPLED", "1000000000")]
            .into_iter()
            .find(|(end, ..)| self.is_c() && self.name.ends_with(end))
            .map(|(_, name, value)| (name, value))
    }

    /// Whether it needs the preload library.
    pub fn is_c(&self) -> bool {
        self.name.starts_with("c/")
    }
}

/// The paths that have bounds, in the order of the table.
pub fn all() -> Vec<&'static Path> {
    let all = [
        below::FLOOR,
        rust::PATHS,
        c::PATHS,
        hardened::PATHS,
        below::PATHS,
        collected::PATHS,
        counted::PATHS,
        pools::PATHS,
        arenas::PATHS,
    ];
    all.into_iter().flatten().collect()
}

/// A path of any kind by its name.
pub fn find(name: &str) -> Option<&'static Path> {
    all().into_iter().chain(bare::PATHS).find(|path| path.name == name)
}
