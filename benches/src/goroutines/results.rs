//! Loads of tasks here and in Go, round by round, and what comes out: for tables, for the report, and as JSON.
//!
//! Above: the command; `report`. Below: `child`, a process for each run.

use super::child;
use super::loads::{Load, Program, System};
use super::programs::Outcome;
use crate::collectors::outcome::median;
use crate::collectors::outside::{GO_TASKS, Install};
use crate::run::Progress;
use serde::Serialize;
use std::time::Duration;

impl Load {
    /// So many hundredths of it.
    #[must_use]
    pub fn scaled(self, percent: u64) -> Self {
        let of = |number: u64| (number * percent / 100).max(1);
        match self.program {
            Program::Live => Self { first: of(self.first), ..self },
            _ => Self { second: of(self.second), ..self },
        }
    }
}

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Which loads.
    pub loads: Vec<Load>,
    /// Threads that run tasks.
    pub workers: u64,
    /// Rounds, in which every load has its turn on every system.
    pub rounds: u32,
    /// When a run is given up.
    pub limit: Duration,
}

/// A load's outcome on a system.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The load's name.
    pub load: &'static str,
    /// The system.
    pub system: System,
    /// Medians, or what went wrong.
    pub outcome: Result<Outcome, String>,
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub struct Results {
    /// Threads that ran tasks.
    pub workers: u64,
    /// Rounds.
    pub rounds: u32,
    /// The loads that were run.
    pub loads: Vec<Load>,
    /// In the order of tables.
    pub lines: Vec<Line>,
}

impl Results {
    /// A load's lines.
    pub fn of<'r>(&'r self, load: &'r Load) -> impl Iterator<Item = &'r Line> {
        self.lines.iter().filter(|line| line.load == load.name)
    }

    /// How many times as fast as Go a system is on a load, by wall time.
    #[must_use]
    pub fn times_go(&self, load: &Load, system: System) -> Option<f64> {
        let wall = |system| {
            let line = self.of(load).find(|line| line.system == system)?;
            Some(line.outcome.as_ref().ok()?.wall_ns as f64)
        };
        Some(wall(System::Go)? / wall(system)?)
    }

    /// Who failed, with what happened.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let of = |line: &Line| {
            let why = line.outcome.as_ref().err()?;
            Some(format!("{} on {}: {why}", line.load, line.system.name()))
        };
        self.lines.iter().filter_map(of).collect()
    }
}

/// Runs a plan. Without a Go toolchain, and no way to bring one, Go is left out.
pub fn run(plan: &Plan, install: Install, progress: &mut dyn Progress) -> Results {
    let has_go = GO_TASKS.build(install);
    if !has_go {
        crate::console::tell("go is not on this machine, and left out");
    }
    let here = |system: &System| *system != System::Go || has_go;
    let systems: Vec<_> = System::ALL.into_iter().filter(here).collect();
    let all = plan.loads.iter().flat_map(|load| systems.iter().map(move |system| (load, *system)));
    let pairs: Vec<_> = all.filter(|(load, system)| system.fits(load.program)).collect();
    let mut runs = vec![Ok(Vec::new()); pairs.len()];
    progress.expect(pairs.len() as u64 * u64::from(plan.rounds));
    for _ in 0..plan.rounds {
        for (run, (load, system)) in runs.iter_mut().zip(&pairs) {
            progress.begin(load.name, system.name());
            if let Ok(outcomes) = run {
                match child::run(load, *system, plan.workers, plan.limit) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(why) => *run = Err(why),
                }
            }
            progress.done();
        }
    }
    let line = |((load, system), run): (&(&Load, System), Result<Vec<_>, _>)| Line {
        load: load.name,
        system: *system,
        outcome: run.map(|outcomes| medians(&outcomes)),
    };
    let lines = pairs.iter().zip(runs).map(line).collect();
    Results { workers: plan.workers, rounds: plan.rounds, loads: plan.loads.clone(), lines }
}

/// Of times and memory; the counts are the last round's.
fn medians(rounds: &[Outcome]) -> Outcome {
    let of = |number: fn(&Outcome) -> u64| median(rounds.iter().map(number));
    Outcome {
        wall_ns: of(|round| round.wall_ns),
        cpu_ns: of(|round| round.cpu_ns),
        task_bytes: of(|round| round.task_bytes as u64) as f64,
        ..rounds.last().cloned().unwrap_or_default()
    }
}
