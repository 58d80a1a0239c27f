//! Programs that take turns: each runs for some milliseconds, in rounds over all who take part, and medians are taken.
//!
//! Above: `micro`, `pools` and `arenas`, whose rounds these are. Below: numbers.
//!
//! All who take part live in one process, which is why a round can go from one to the next within milliseconds: what slows
//! the machine down for a while slows all of them. Each round begins with another one.

use serde::Serialize;
use std::time::Duration;

/// How long a program runs at a time, at least.
const CHUNK: Duration = Duration::from_millis(12);

/// What a run of a program brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What its operations took, without what stands before and after them.
    pub time: Duration,
    /// The sum of all words that it read, which must be right.
    pub sum: u64,
}

/// A program on one who takes part: does so many steps.
pub type Run = fn(u64) -> Taken;

/// The median of some rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// The median, in nanoseconds.
    pub ns: f64,
    /// Between these are half of the rounds.
    pub middle_ns: (f64, f64),
}

impl Figure {
    /// The median and the quartiles of some times; `None` of none.
    #[must_use]
    pub fn of(mut ns: Vec<f64>) -> Option<Self> {
        ns.sort_by(f64::total_cmp);
        let at = |part: usize| ns.get(ns.len() * part / 4).copied();
        Some(Self { ns: at(2)?, middle_ns: (at(1)?, at(3)?) })
    }
}

/// What was measured so far of one program on one who takes part.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// As many as take about [`CHUNK`]; 0 when that is not known yet.
    steps: u64,
    ns: Vec<f64>,
}

impl Series {
    /// Runs the program once, with as many steps as fill a chunk; a step is so many operations. Without a time, nothing is
    /// noted.
    pub fn measure<E>(
        &mut self,
        operations: u64,
        mut run: impl FnMut(u64) -> Result<Duration, E>,
    ) -> Result<(), E> {
        if self.steps == 0 {
            self.warm_up(&mut run)?;
        }
        let time = run(self.steps)?;
        self.ns.push(time.as_nanos() as f64 / (self.steps * operations) as f64);
        Ok(())
    }

    /// Finds out how many steps fill a chunk.
    fn warm_up<E>(&mut self, mut run: impl FnMut(u64) -> Result<Duration, E>) -> Result<(), E> {
        let mut steps = 1;
        loop {
            let time = run(steps)?;
            if time >= CHUNK {
                self.steps = steps;
                return Ok(());
            }
            let more = CHUNK.as_nanos() as f64 * 1.1 / time.as_nanos().max(1) as f64;
            steps = (steps as f64 * more.clamp(1.1, 50.0)).ceil() as u64;
        }
    }

    /// The same of a program whose sum has to be right; what went wrong, in words.
    pub fn measure_checked(
        &mut self,
        name: &str,
        operations: u64,
        run: Run,
        expected_sum: impl Fn(u64) -> u64,
    ) -> Result<(), String> {
        self.measure(operations, |steps| {
            let (taken, expected) = (run(steps), expected_sum(steps));
            if taken.sum == expected {
                return Ok(taken.time);
            }
            Err(format!("{name}: the values add up to {}, not {expected}", taken.sum))
        })
    }

    /// What came out.
    pub fn figure(self) -> Option<Figure> {
        Figure::of(self.ns)
    }
}

/// Each one's turn in a round.
pub(crate) fn turns<T>(all: &mut [T], round: u32, mut turn: impl FnMut(&mut T)) {
    let count = all.len();
    (0..count).for_each(|n| turn(&mut all[(n + round as usize) % count]));
}

/// The compiler has to assume that someone looks at all memory and changes it: no pointer of a pool or an arena stays in
/// a register, no value goes unwritten. It costs no instruction.
#[inline(always)]
pub(crate) fn memory_changes() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: there is no instruction.
    unsafe {
        std::arch::asm!("", options(nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::hint::black_box(());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_in_the_middle() {
        let figure = Figure::of(vec![9.0, 1.0, 3.0, 2.0, 100.0]).unwrap();
        assert_eq!((figure.ns, figure.middle_ns), (3.0, (2.0, 9.0)));
        assert!(Figure::of(vec![]).is_none());
    }

    #[test]
    fn each_round_begins_with_another() {
        let mut order = Vec::new();
        for round in 0..3 {
            turns(&mut [0, 1, 2], round, |who| order.push(*who));
        }
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }

    #[test]
    fn as_many_steps_as_fill_a_chunk_and_a_wrong_sum_is_told() {
        let mut series = Series::default();
        let run = |steps| Taken { time: Duration::from_micros(steps), sum: steps };
        series.measure_checked("sum", 2, run, |steps| steps).unwrap();
        assert!(series.steps >= 12_000 && series.steps < 700_000, "{}", series.steps);
        let told = series.measure_checked("sum", 2, run, |_| 7).unwrap_err();
        assert!(told.starts_with("sum: the values add up to "), "{told}");
        assert_eq!(series.figure().unwrap().ns, 500.0);
    }
}
