//! Loads of tasks here and in Go, round by round, and what comes out: for tables, for the report, and as JSON.
//!
//! Above: the command; `report`. Below: `child`, a process for each run.

use super::child;
use super::programs::Outcome;
use crate::collectors::outcome::median;
use crate::collectors::outside::{GO_TASKS, Install};
use crate::run::Progress;
use serde::Serialize;
use std::time::Duration;

/// What tasks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Many are started, work a little, and are waited for.
    Storm,
    /// The same, and each keeps 16 words in memory that it asks for.
    StormWords,
    /// Two send a number to and fro.
    PingPong,
    /// Many wait at a time.
    Live,
}

impl Program {
    /// All, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Storm, Self::StormWords, Self::PingPong, Self::Live];

    /// As it is called on command lines, in Go too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::StormWords => "storm-words",
            Self::PingPong => "ping-pong",
            Self::Live => "live",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name() == name)
    }
}

/// Who runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Here; what tasks ask for is their worker's cache's.
    Strata,
    /// Here; what a task asks for is a bump's of its own.
    Bump,
    /// Go, with its defaults, and as many threads.
    Go,
}

impl System {
    /// All, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Strata, Self::Bump, Self::Go];

    /// As it is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strata => "strata",
            Self::Bump => "strata-bump",
            Self::Go => "go",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Whether it differs from another one in this program.
    fn fits(self, program: Program) -> bool {
        self != Self::Bump || program == Program::StormWords
    }
}

/// A program, and how much of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// As it is called in tables.
    pub name: &'static str,
    /// What an operation is.
    pub about: &'static str,
    /// The program.
    pub program: Program,
    /// Tasks at a time, or pairs of them.
    pub first: u64,
    /// Rounds, or turns.
    pub second: u64,
}

/// All loads.
pub const LOADS: [Load; 6] = [
    load("storm-100", "a task of 100 at a time: started, run, ended", Program::Storm, 100, 10_000),
    load("storm", "the same, of 10 000 at a time", Program::Storm, 10_000, 100),
    load("storm-words", "with 16 words that it asks for", Program::StormWords, 10_000, 100),
    load("ping-pong", "there and back, one pair of tasks", Program::PingPong, 1, 1_000_000),
    load("ping-pong-8", "there and back, 8 pairs", Program::PingPong, 8, 125_000),
    load("live", "a task of 100 000 that wait: started, woken, ended", Program::Live, 100_000, 0),
];

const fn load(
    name: &'static str,
    about: &'static str,
    program: Program,
    first: u64,
    second: u64,
) -> Load {
    Load { name, about, program, first, second }
}

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
        crate::commands::tell("go is not on this machine, and left out");
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
