//! All programs on all systems, round by round, and what comes out: for tables, for the report, and as JSON.
//!
//! Above: the commands; `report`. Below: `child`, a process for each run.

use super::outcome::{median, medians};
use super::{Contestant, Outcome, Scale, Workload, child};
use crate::run::Progress;
use serde::Serialize;
use std::time::Duration;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Which programs.
    pub workloads: Vec<&'static Workload>,
    /// On which systems.
    pub contestants: Vec<&'static Contestant>,
    /// How much of each program.
    pub scale: Scale,
    /// Rounds, in which every system has its turn.
    pub rounds: u32,
    /// When a run is given up.
    pub limit: Duration,
}

/// A program's outcome on a system.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The program.
    pub workload: &'static str,
    /// The system.
    pub contestant: &'static str,
    /// What the system is.
    pub about: &'static str,
    /// Medians, or what went wrong.
    pub outcome: Result<Outcome, String>,
}

/// A program, on all systems that have room for it.
#[derive(Debug)]
pub struct Group {
    /// The program.
    pub workload: &'static Workload,
    /// In the order of tables.
    pub lines: Vec<Line>,
}

/// All figures of a run.
#[derive(Debug)]
pub struct Results {
    /// In hundredths of the whole.
    pub scale: u32,
    /// Rounds.
    pub rounds: u32,
    /// By program.
    pub groups: Vec<Group>,
}

/// Runs a plan. `each` is shown a program's lines as soon as they are there.
pub fn run(plan: &Plan, progress: &mut dyn Progress, mut each: impl FnMut(&Group)) -> Results {
    let fits = |workload: &Workload| {
        let contestants = plan.contestants.iter().copied();
        contestants.filter(|who| who.fits(workload, plan.scale)).collect::<Vec<_>>()
    };
    let runs: usize = plan.workloads.iter().map(|workload| fits(workload).len()).sum();
    progress.expect(runs as u64 * u64::from(plan.rounds));
    let mut groups = Vec::new();
    for &workload in &plan.workloads {
        let lines = measure(plan, workload, &fits(workload), progress);
        let group = Group { workload, lines };
        each(&group);
        groups.push(group);
    }
    Results { scale: plan.scale.0, rounds: plan.rounds, groups }
}

/// All rounds of a program: in each, every system has its turn.
fn measure(
    plan: &Plan,
    workload: &'static Workload,
    takes_part: &[&'static Contestant],
    progress: &mut dyn Progress,
) -> Vec<Line> {
    let mut runs = vec![Ok(Vec::new()); takes_part.len()];
    for _ in 0..plan.rounds {
        for (run, who) in runs.iter_mut().zip(takes_part) {
            progress.begin(workload.name, who.name);
            // Who failed once takes no more of everyone's time.
            if let Ok(outcomes) = run {
                match child::run(workload, who, plan.scale, plan.limit) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(why) => *run = Err(why),
                }
            }
            progress.done();
        }
    }
    let line = |(who, run): (&&'static Contestant, Result<Vec<Outcome>, String>)| Line {
        workload: workload.name,
        contestant: who.name,
        about: who.about,
        outcome: run.map(|outcomes| medians(&outcomes)),
    };
    takes_part.iter().zip(runs).map(line).collect()
}

impl Results {
    /// Who failed, and whose answer is not that of the others.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.groups.iter().flat_map(|group| wrong(&group.lines)).collect()
    }

    /// The systems that took part, in the order of tables, and what they are.
    #[must_use]
    pub fn systems(&self) -> Vec<(&'static str, &'static str)> {
        let lines = || self.groups.iter().flat_map(|group| &group.lines);
        let took_part = |name| lines().any(|line| line.contestant == name);
        let all = super::contestants::ALL.iter().filter(|who| took_part(who.name));
        all.map(|who| (who.name, who.about)).collect()
    }
}

fn wrong(lines: &[Line]) -> Vec<String> {
    let answers = lines.iter().filter_map(|line| Some(line.outcome.as_ref().ok()?.answer));
    let usual = median(answers);
    let of = |line: &Line| match &line.outcome {
        Err(why) => Some(why.clone()),
        Ok(outcome) if outcome.answer != usual => {
            Some(format!("answered {}, and others {usual}", outcome.answer))
        }
        Ok(_) => None,
    };
    lines
        .iter()
        .filter_map(|line| Some(format!("{} on {}: {}", line.workload, line.contestant, of(line)?)))
        .collect()
}
