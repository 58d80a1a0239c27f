//! All programs on all systems, round by round, and what comes out: for tables, for the report, and as JSON.
//!
//! Above: the commands; `report`. Below: `child`, a process for each run.

use super::child::{self, Outcome, medians};
use super::{Program, System};
use crate::collectors::Scale;
use crate::collectors::outcome::median;
use crate::run::Progress;
use serde::Serialize;
use std::time::Duration;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Which programs.
    pub programs: Vec<&'static Program>,
    /// On which systems.
    pub systems: Vec<&'static System>,
    /// How much of each program.
    pub scale: Scale,
    /// Rounds, in which every program has its turn on every system.
    pub rounds: u32,
    /// When a run is given up.
    pub limit: Duration,
}

/// A program's outcome on a system.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The program.
    pub program: &'static str,
    /// The system.
    pub system: &'static str,
    /// Medians, or what went wrong.
    pub outcome: Result<Outcome, String>,
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub struct Results {
    /// In hundredths of the whole.
    pub scale: u32,
    /// Rounds.
    pub rounds: u32,
    /// In the order of tables.
    pub lines: Vec<Line>,
}

impl Results {
    /// Who failed, and whose answer is not that of the others.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        failed(&self.lines)
    }

    /// The programs that were run.
    pub fn programs(&self) -> impl Iterator<Item = &'static Program> {
        let ran = |name| self.lines.iter().any(|line| line.program == name);
        super::programs::ALL.iter().filter(move |program| ran(program.name))
    }

    /// A program's lines.
    pub fn of<'r>(&'r self, program: &'r Program) -> impl Iterator<Item = &'r Line> {
        self.lines.iter().filter(|line| line.program == program.name)
    }

    /// The systems that took part, in the order of tables.
    #[must_use]
    pub fn systems(&self) -> Vec<&'static System> {
        let ran = |name| self.lines.iter().any(|line| line.system == name);
        super::systems::ALL.iter().filter(|system| ran(system.name)).collect()
    }
}

/// Runs a plan.
pub fn run(plan: &Plan, progress: &mut dyn Progress) -> Results {
    let all =
        || plan.programs.iter().flat_map(|program| plan.systems.iter().map(|s| (*program, *s)));
    let pairs: Vec<_> = all().filter(|(program, system)| system.fits(program)).collect();
    let mut runs = vec![Ok(Vec::new()); pairs.len()];
    progress.expect(pairs.len() as u64 * u64::from(plan.rounds));
    for _ in 0..plan.rounds {
        for (run, (program, system)) in runs.iter_mut().zip(&pairs) {
            progress.begin(program.name, system.name);
            // Who failed once takes no more of everyone's time.
            if let Ok(outcomes) = run {
                match child::run(program, system, plan.scale, plan.limit) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(why) => *run = Err(why),
                }
            }
            progress.done();
        }
    }
    let line = |((program, system), run): (&(&Program, &System), Result<Vec<_>, _>)| Line {
        program: program.name,
        system: system.name,
        outcome: run.map(|outcomes| medians(&outcomes)),
    };
    let lines = pairs.iter().zip(runs).map(line).collect();
    Results { scale: plan.scale.0, rounds: plan.rounds, lines }
}

fn failed(lines: &[Line]) -> Vec<String> {
    let answer = |line: &Line| Some(line.outcome.as_ref().ok()?.answer);
    let of = |line: &Line| {
        let alike = lines.iter().filter(|other| other.program == line.program);
        let usual = median(alike.filter_map(answer));
        let why = match &line.outcome {
            Err(why) => why.clone(),
            Ok(outcome) if outcome.answer == usual => return None,
            Ok(outcome) => format!("answered {}, and others {usual}", outcome.answer),
        };
        Some(format!("{} on {}: {why}", line.program, line.system))
    };
    lines.iter().filter_map(of).collect()
}
