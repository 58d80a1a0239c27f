//! Measures the tasks on the contestants, in interleaved rounds, and takes medians.
//!
//! Above: the command `micro`. Below: `contestants`, the tasks.
//!
//! All contestants live in this process, which is why a round can go from one to the next within
//! milliseconds: what slows the machine down for a while slows all of them. Each round begins with another
//! one.

use super::contestants::Entrant;
use super::{Entry, tasks};
use serde::Serialize;
use std::time::Duration;

/// How long a task is measured at a time, at least.
const CHUNK: Duration = Duration::from_millis(12);

/// A task's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The task.
    pub task: String,
    /// Nanoseconds for an operation on the floor, if there is one.
    pub floor_ns: Option<f64>,
    /// Nanoseconds for an operation on each contestant, in their order: medians.
    pub ns: Vec<f64>,
}

/// Measures tasks whose group is one of `groups` (or all, if there are none) in so many rounds.
/// `begins` is told of each task in each round.
#[must_use]
pub fn measure(
    entrants: &[Entrant],
    groups: &[String],
    rounds: u32,
    mut begins: impl FnMut(u32, &str),
) -> Vec<Line> {
    let mut table: Vec<_> = tasks()
        .into_iter()
        .enumerate()
        .filter(|(_, task)| groups.is_empty() || groups.iter().any(|group| group == task.group))
        .map(|(at, task)| Row::new(at, task, entrants))
        .collect();
    for round in 0..rounds {
        for row in &mut table {
            begins(round, &row.task.name);
            row.round(round as usize);
        }
    }
    table.into_iter().map(|row| row.line(entrants.len())).collect()
}

/// A task, and what was measured of it so far: the floor first, then the contestants.
struct Row {
    task: Entry,
    series: Vec<Series>,
}

/// A task on a contestant.
struct Series {
    run: Box<dyn Fn(u64) -> Option<Duration>>,
    /// As many as take about [`CHUNK`]; 0 when that is not known yet.
    steps: u64,
    ns: Vec<f64>,
}

impl Row {
    fn new(at: usize, task: Entry, entrants: &[Entrant]) -> Self {
        let of = |run: Box<dyn Fn(u64) -> Option<Duration>>| Series { run, steps: 0, ns: vec![] };
        let floor = of(Box::new(task.floor));
        let others = entrants.iter().map(|entrant| {
            let run = entrant.runs[at];
            of(Box::new(move |steps| Some(run(steps))))
        });
        let series = std::iter::once(floor).chain(others).collect();
        Self { task, series }
    }

    fn round(&mut self, round: usize) {
        let count = self.series.len();
        for n in 0..count {
            self.series[(n + round) % count].measure(self.task.operations);
        }
    }

    fn line(mut self, entrants: usize) -> Line {
        let mut all: Vec<_> = self.series.iter_mut().map(|s| median(&mut s.ns)).collect();
        let ns: Vec<f64> = all.drain(all.len() - entrants..).flatten().collect();
        Line { task: self.task.name, floor_ns: all[0], ns }
    }
}

impl Series {
    fn measure(&mut self, operations: u64) {
        if self.steps == 0 {
            self.warm_up();
        }
        if let Some(time) = (self.run)(self.steps) {
            self.ns.push(time.as_nanos() as f64 / (self.steps * operations) as f64);
        }
    }

    /// Finds out how many steps fill a chunk.
    fn warm_up(&mut self) {
        self.steps = 1;
        while let Some(time) = (self.run)(self.steps) {
            if time >= CHUNK {
                break;
            }
            let more = CHUNK.as_nanos() as f64 * 1.1 / time.as_nanos().max(1) as f64;
            self.steps = (self.steps as f64 * more.clamp(1.1, 50.0)).ceil() as u64;
        }
    }
}

/// The value in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::contestants::ALL;
    use super::*;

    #[test]
    fn every_contestant_is_measured() {
        let mut told = 0;
        let groups = ["replace".to_owned()];
        let lines = measure(&ALL[..2], &groups, 2, |_, _| told += 1);
        assert_eq!((lines.len(), told), (1, 2));
        assert!(lines[0].ns.len() == 2 && lines[0].ns.iter().all(|&ns| ns > 0.0));
        assert!(lines[0].floor_ns.is_some_and(|ns| ns > 0.0));
    }

    #[test]
    fn a_task_without_a_floor_has_none() {
        let lines = measure(&ALL[..1], &["larson".to_owned()], 1, |_, _| {});
        assert_eq!(lines[0].floor_ns, None);
        assert_eq!(lines[0].ns.len(), 1);
    }
}
