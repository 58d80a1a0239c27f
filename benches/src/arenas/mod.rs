//! Arenas, frames, deferred calls and coroutine stacks side by side: the same programs on this workspace's, on those of
//! other crates, and on the least that could do the same.
//!
//! Above: the command `arenas`, the main job. Below: `measures`, what is done, on whom; `kinds`, the arenas.
//!
//! In `rounds`: the measuring. In `child`: a process for what must not meet the others' memory. In `results`: what comes
//! out. In `targets`: what this workspace's are to reach.
//!
//! Every program is written once and compiled for each who takes part: what an arena can be inlined to, it is.

mod answer;
pub mod child;
mod kinds;
pub mod measures;
pub mod results;
mod rounds;
pub mod targets;

pub use measures::{ALL, find};
pub use rounds::{Plan, run};

use crate::turns::Run;
use crate::units::{bytes, mib, ns};
use answer::Answer;
use serde::Serialize;
use std::mem::MaybeUninit;

/// Something to measure: a table of its own.
#[derive(Debug)]
pub struct Measure {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it measures, in a sentence.
    pub about: &'static str,
    /// What is told of each contestant.
    pub columns: &'static [Column],
    /// Who takes part, in the order of the table.
    pub contestants: &'static [Contestant],
}

/// A figure that everyone has, or may have.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Column {
    /// What stands above it.
    pub name: &'static str,
    /// What it tells, in a few words.
    pub about: &'static str,
    /// Of what it is a number.
    pub unit: Unit,
    /// Operations in a step of the program: what its time is divided by.
    #[serde(skip)]
    operations: u64,
    /// What all words that so many steps read add up to.
    #[serde(skip)]
    expected_sum: fn(u64) -> u64,
}

/// Of what a figure is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nanoseconds for an operation.
    Ns,
    /// Bytes, of one.
    Bytes,
    /// Bytes, of all.
    Total,
    /// A number of things.
    Count,
}

impl Unit {
    /// A figure, as it is written.
    #[must_use]
    pub fn text(self, figure: f64) -> String {
        match self {
            Self::Ns => ns(figure),
            Self::Bytes => bytes(figure as u64),
            Self::Total => format!("{} MiB", mib(figure as u64)),
            Self::Count => format!("{figure:.0}"),
        }
    }
}

/// Who takes part in a measure.
#[derive(Debug)]
pub struct Contestant {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Whose it is.
    pub side: Side,
    /// How it is measured.
    pub(crate) way: Way,
}

/// Whose a contestant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// This workspace's.
    Ours,
    /// Another crate's, or the standard library's.
    Theirs,
    /// Nobody's: no arena could do less.
    Bound,
}

/// How a contestant is measured.
#[derive(Debug)]
pub(crate) enum Way {
    /// In this process, taking turns: a program for each column, `None` for what it cannot do.
    Turns(&'static [Option<Run>]),
    /// In a process of its own, all columns at once, at a scale in hundredths.
    Child(fn(u32) -> Answer),
}

impl Column {
    /// The time of an operation, of which a step has so many.
    const fn time(
        name: &'static str,
        about: &'static str,
        operations: u64,
        expected_sum: fn(u64) -> u64,
    ) -> Self {
        Self { name, about, unit: Unit::Ns, operations, expected_sum }
    }

    /// What comes as it is: from a child, or from elsewhere.
    #[must_use]
    pub const fn told(name: &'static str, about: &'static str, unit: Unit) -> Self {
        Self { name, about, unit, operations: 1, expected_sum: |_| 0 }
    }

    /// What all words that so many steps of its program read add up to.
    #[must_use]
    pub fn expected_sum(&self, steps: u64) -> u64 {
        (self.expected_sum)(steps)
    }
}

impl Contestant {
    const fn new(name: &'static str, about: &'static str, side: Side, way: Way) -> Self {
        Self { name, about, side, way }
    }

    /// This workspace's.
    const fn ours(name: &'static str, about: &'static str, way: Way) -> Self {
        Self::new(name, about, Side::Ours, way)
    }

    /// Another's.
    const fn theirs(name: &'static str, about: &'static str, way: Way) -> Self {
        Self::new(name, about, Side::Theirs, way)
    }

    /// What there is for comparison only.
    const fn bound(name: &'static str, about: &'static str, way: Way) -> Self {
        Self::new(name, about, Side::Bound, way)
    }

    /// Its programs by column; none, if it is measured in a process of its own.
    #[must_use]
    pub const fn runs(&self) -> &'static [Option<Run>] {
        match self.way {
            Way::Turns(runs) => runs,
            Way::Child(_) => &[],
        }
    }

    /// What its process would do, at a scale in hundredths; `None` if it has none.
    #[must_use]
    pub fn in_this_process(&self, scale: u32) -> Option<Answer> {
        match self.way {
            Way::Turns(_) => None,
            Way::Child(run) => Some(run(scale)),
        }
    }
}

/// What is put into arenas: a word, which the program writes and may read again, and some words beside it that it does not
/// touch.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Object<const REST: usize> {
    word: u64,
    _rest: [MaybeUninit<u64>; REST],
}

impl<const REST: usize> Object<REST> {
    #[inline(always)]
    const fn new(word: u64) -> Self {
        Self { word, _rest: [MaybeUninit::uninit(); REST] }
    }
}

/// 0 + 1 + … + (`count` - 1), wrapping.
const fn sum_below(count: u64) -> u64 {
    (count as u128 * count.saturating_sub(1) as u128 / 2) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sums() {
        assert_eq!([0, 1, 2, 5].map(sum_below), [0, 0, 1, 10]);
    }
}
