//! Rounds: every program on every allocator, in turn, each time in a process of its own.
//!
//! Above: `main`. Below: the programs `on-…`, which lie beside this one.

use crate::child::Figures;
use crate::loads::{Load, Random};
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;

/// The program of an allocator.
#[derive(Clone, Debug)]
pub struct Program {
    /// The allocator.
    pub name: String,
    path: PathBuf,
}

/// The allocators for which a program was built, in the order in which they are shown.
const NAMES: [&str; 9] = [
    "strata",
    "system",
    "mimalloc",
    "mimalloc2",
    "snmalloc",
    "jemalloc",
    "rpmalloc",
    "rallocator",
    "tcmalloc",
];

/// The programs that lie beside this one.
#[must_use]
pub fn programs() -> Vec<Program> {
    let this = std::env::current_exe().unwrap_or_default();
    let of = |name: &str| Program {
        name: name.into(),
        path: this.with_file_name(format!("on-{name}{}", std::env::consts::EXE_SUFFIX)),
    };
    NAMES.into_iter().map(of).filter(|program| program.path.is_file()).collect()
}

/// A load on an allocator: the medians of its figures.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The load.
    pub load: &'static str,
    /// The allocator.
    pub allocator: String,
    /// Medians, each by itself, over the rounds.
    pub figures: Figures,
}

/// Runs each load `rounds` times on each program, in turn, and tells `told` before each.
///
/// # Errors
///
/// When a program fails, or two of them disagree on what a load comes to.
pub fn run(
    loads: &[&Load],
    programs: &[Program],
    percent: usize,
    rounds: usize,
    mut told: impl FnMut(&Load, usize, &Program),
) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for load in loads {
        let mut all = vec![Vec::new(); programs.len()];
        for round in 0..rounds {
            for n in order(programs.len(), round) {
                told(load, round, &programs[n]);
                all[n].push(one(&programs[n], load, percent)?);
            }
        }
        let answer = all[0][0].answer;
        for (program, figures) in programs.iter().zip(all) {
            if figures.iter().any(|one| one.answer != answer) {
                return Err(format!("{} on {}: another answer", load.name, program.name));
            }
            let figures = medians(&figures);
            rows.push(Row { load: load.name, allocator: program.name.clone(), figures });
        }
    }
    Ok(rows)
}

/// An order of its own for each round: who ran before decides which memory the system has at hand.
fn order(programs: usize, round: usize) -> Vec<usize> {
    let mut random = Random::new(round as u64 + 1);
    let mut order: Vec<_> = (0..programs).collect();
    for n in (1..programs).rev() {
        order.swap(n, random.below(n as u64 + 1) as usize);
    }
    order
}

fn one(program: &Program, load: &Load, percent: usize) -> Result<Figures, String> {
    let why = |text: String| format!("{} on {}: {text}", load.name, program.name);
    let mut command = Command::new(&program.path);
    let output = command.args([load.name, &percent.to_string()]).output();
    let output = output.map_err(|error| why(error.to_string()))?;
    if !output.status.success() {
        return Err(why(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| why(error.to_string()))
}

fn medians(figures: &[Figures]) -> Figures {
    let median = |of: fn(&Figures) -> u64| {
        let mut all: Vec<_> = figures.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Figures {
        wall_ns: median(|f| f.wall_ns),
        cpu_ns: median(|f| f.cpu_ns),
        sys_ns: median(|f| f.sys_ns),
        minor_faults: median(|f| f.minor_faults),
        peak_bytes: median(|f| f.peak_bytes),
        answer: median(|f| f.answer),
    }
}
