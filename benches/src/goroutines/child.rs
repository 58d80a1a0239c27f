//! The process of one load on one system, from both sides.
//!
//! Above: `results`, which starts it; `main`, which becomes it. Below: the programs; Go's, in
//! `benches/src/stacks/go`, is an executable of its own.

use super::loads::{Load, Program, System};
use super::programs::{self, Outcome, Variant};
use crate::collectors::outside::GO_TASKS;
use crate::run::child::{ask_program, ask_with};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__goroutines";

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let Some((system, program, numbers)) = understand(arguments) else {
        return ExitCode::from(2);
    };
    match measure(system, program, numbers) {
        Ok(outcome) => {
            let text = serde_json::to_string(&outcome).unwrap_or_default();
            let written = writeln!(std::io::stdout(), "{text}");
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn understand(arguments: &[String]) -> Option<(System, Program, [u64; 3])> {
    let [system, program, numbers @ ..] = arguments else { return None };
    let [workers, first, second] = numbers else { return None };
    let numbers = [workers.parse().ok()?, first.parse().ok()?, second.parse().ok()?];
    Some((System::find(system)?, Program::find(program)?, numbers))
}

fn measure(
    system: System,
    program: Program,
    [workers, first, second]: [u64; 3],
) -> Result<Outcome, super::Stopped> {
    let workers = workers as usize;
    let variant = match (program, system) {
        (Program::StormWords, System::Bump) => Variant::Bump,
        (Program::StormWords, _) => Variant::Cache,
        _ => Variant::Nothing,
    };
    match program {
        Program::Storm | Program::StormWords => programs::storm(workers, first, second, variant),
        Program::PingPong => programs::ping_pong(workers, first, second),
        Program::Live => programs::live(workers, first, variant),
    }
}

/// Runs a load on a system, in a new process.
///
/// # Errors
///
/// What went wrong, in words: a crash, a program that took longer than `limit`.
pub(super) fn run(
    load: &Load,
    system: System,
    workers: u64,
    limit: Duration,
) -> Result<Outcome, String> {
    let program = load.program.name();
    let [first, second, threads] = [load.first, load.second, workers].map(|n| n.to_string());
    if system == System::Go {
        let variables =
            [("GOMAXPROCS", &*threads), ("GOGC", ""), ("GOMEMLIMIT", ""), ("GODEBUG", "")];
        let arguments = [program, &first, &second].map(AsRef::as_ref);
        return ask_program(&GO_TASKS.product(), &arguments, &variables, limit);
    }
    let arguments = [WORD, system.name(), program, &threads, &first, &second];
    ask_with(&arguments.map(AsRef::as_ref), &[], limit)
}
