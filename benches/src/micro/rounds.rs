//! Measures the tasks on the contestants, in interleaved rounds, and takes medians.
//!
//! Above: the command `micro`. Below: `turns`; `contestants`, the tasks.

use super::contestants::Entrant;
use super::{Entry, tasks};
use crate::turns::{Series, turns};
use serde::Serialize;
use std::time::Duration;

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
            row.round(round);
        }
    }
    table.into_iter().map(Row::line).collect()
}

/// A task, and what was measured of it so far: the floor first, then the contestants.
struct Row {
    task: Entry,
    series: Vec<(Way, Series)>,
}

/// A task on a contestant; no time, if there is no such thing.
type Way = Box<dyn Fn(u64) -> Option<Duration>>;

impl Row {
    fn new(at: usize, task: Entry, entrants: &[Entrant]) -> Self {
        let floor: Way = Box::new(task.floor);
        let others = entrants.iter().map(|entrant| -> Way {
            let run = entrant.runs[at];
            Box::new(move |steps| Some(run(steps)))
        });
        let ways = std::iter::once(floor).chain(others);
        Self { task, series: ways.map(|way| (way, Series::default())).collect() }
    }

    fn round(&mut self, round: u32) {
        let operations = self.task.operations;
        turns(&mut self.series, round, |(way, series)| {
            // Without a floor there is nothing to note.
            let _ = series.measure(operations, |steps| way(steps).ok_or(()));
        });
    }

    fn line(self) -> Line {
        let figures = self.series.into_iter().map(|(_, series)| Some(series.figure()?.ns));
        let mut all = figures.collect::<Vec<_>>().into_iter();
        Line { task: self.task.name, floor_ns: all.next().flatten(), ns: all.flatten().collect() }
    }
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
