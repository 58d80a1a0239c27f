//! What comes out of `pools`: for tables, for the report, and as JSON.
//!
//! Above: the command; `report`. Below: numbers.

use super::programs::{self, Program};
use crate::turns::Figure;
use serde::Serialize;

/// How long single operations took, in nanoseconds; the timer is in all of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// How many there were.
    pub operations: u64,
    /// What half of them did not take longer than.
    pub p50_ns: f64,
    /// What all but one in a hundred did not.
    pub p99_ns: f64,
    /// What all but one in a thousand did not.
    pub p999_ns: f64,
    /// What all but one in ten thousand did not.
    pub p9999_ns: f64,
    /// The longest.
    pub longest_ns: f64,
}

impl Latency {
    /// In the order of tables.
    #[must_use]
    pub const fn figures(&self) -> [f64; 5] {
        [self.p50_ns, self.p99_ns, self.p999_ns, self.p9999_ns, self.longest_ns]
    }
}

/// All figures of one kind of pools.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Whether it is of this workspace.
    pub is_ours: bool,
    /// Of each program, in their order; `None` for what it cannot do, or was not asked to.
    pub figures: Vec<Option<Figure>>,
    /// Of single operations.
    pub latency: Option<Latency>,
    /// Bytes beside a value.
    pub overhead_bytes: Option<f64>,
    /// What it got wrong.
    pub failed: Option<String>,
}

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// Rounds.
    pub rounds: u32,
    /// The programs, in the order of figures.
    pub programs: Vec<Program>,
    /// In the order of tables.
    pub lines: Vec<Line>,
}

impl Results {
    /// The least time of a program, without the floors; where in `figures` it stands is `at`.
    #[must_use]
    pub fn best_ns(&self, at: usize) -> Option<f64> {
        let pools = self.lines.iter().filter(|line| !line.is_floor());
        pools.filter_map(|line| Some(line.figures[at]?.ns)).min_by(f64::total_cmp)
    }

    /// Who failed, with what happened.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let of = |line: &Line| Some(format!("{}: {}", line.name, line.failed.as_ref()?));
        self.lines.iter().filter_map(of).collect()
    }

    /// Whether anybody's single operations were timed.
    #[must_use]
    pub fn has_latency(&self) -> bool {
        self.lines.iter().any(|line| line.latency.is_some())
    }

    /// The programs that were run, with their places in `figures`.
    pub fn ran(&self) -> impl Iterator<Item = (usize, &Program)> {
        let ran = |at: usize| self.lines.iter().any(|line| line.figures[at].is_some());
        self.programs.iter().enumerate().filter(move |(at, _)| ran(*at))
    }
}

impl Line {
    /// Whether it is there for comparison only: no pool could do less.
    #[must_use]
    pub fn is_floor(&self) -> bool {
        matches!(self.name, "nothing" | "list" | "list-tls")
    }
}

/// The words that choose what is measured: the programs, and two that are none.
pub const LATENCY: &str = "latency";
/// Memory.
pub const BYTES: &str = "bytes";

/// All such words.
#[must_use]
pub fn words() -> Vec<&'static str> {
    programs::ALL.iter().map(|program| program.name).chain([LATENCY, BYTES]).collect()
}
