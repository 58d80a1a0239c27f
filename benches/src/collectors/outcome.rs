//! What comes out of a program's run on one system.
//!
//! Above: the command `collectors`. Below: numbers.

use super::course::Course;
use super::histogram::Histogram;
use serde::{Deserialize, Serialize};

/// What a collector says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// Cycles that ended.
    pub cycles: u64,
    /// The longest turn between two mutations; 0 of a collector that had none, or does not tell.
    pub longest_ns: u64,
}

/// What a program's process tells its parent; what it leaves out is empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// The program's answer.
    pub answer: u64,
    /// From begin to end.
    pub wall_ns: u64,
    /// Processor time of all threads.
    pub cpu_ns: u64,
    /// The kernel's part of it.
    pub sys_ns: u64,
    /// Page faults.
    pub minor_faults: u64,
    /// The most that was resident, above what the process had before.
    pub peak_bytes: u64,
    /// Steps of the program; a program that has none leaves it empty.
    pub steps: Histogram,
    /// What the collector says of itself, if it says anything.
    pub own: Option<Own>,
    /// Memory over time.
    pub course: Course,
}

/// The middle one of some numbers; 0 of none.
#[must_use]
pub fn median(numbers: impl IntoIterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// The medians of several rounds; of the steps, all together, and of the longest, the median; of the course, the
/// first one.
#[must_use]
pub fn medians(rounds: &[Outcome]) -> Outcome {
    let of = |number: fn(&Outcome) -> u64| median(rounds.iter().map(number));
    let mut steps = Histogram::default();
    rounds.iter().for_each(|round| steps.join(&round.steps));
    steps.longest_ns = of(|round| round.steps.longest_ns);
    let own = |number: fn(&Own) -> u64| {
        median(rounds.iter().filter_map(|r| Some(number(r.own.as_ref()?))))
    };
    let says = rounds.iter().any(|round| round.own.is_some());
    Outcome {
        answer: of(|round| round.answer),
        wall_ns: of(|round| round.wall_ns),
        cpu_ns: of(|round| round.cpu_ns),
        sys_ns: of(|round| round.sys_ns),
        minor_faults: of(|round| round.minor_faults),
        peak_bytes: of(|round| round.peak_bytes),
        steps,
        own: says.then(|| Own { cycles: own(|o| o.cycles), longest_ns: own(|o| o.longest_ns) }),
        course: rounds.first().map(|round| round.course.clone()).unwrap_or_default(),
    }
}
