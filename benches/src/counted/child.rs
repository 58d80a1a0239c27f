//! The process of one program on one system, from both sides.
//!
//! Above: `results`, which starts it; `main`, which becomes it. Below: the programs.

use super::clock::Clock;
use super::{Program, System, census, programs, systems};
use crate::collectors::Scale;
use crate::collectors::outcome::median;
use crate::measure::Resident;
use crate::{global, run::child::ask_with};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__counted";

/// The stack of the thread that runs a program: some drop, or trace, by recursion. Only what is used takes memory.
const STACK_BYTES: usize = 4 << 30;

/// The allocator below everyone.
const GLOBAL: &str = "mimalloc";

/// What a program's process tells its parent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The program's answer.
    pub answer: u64,
    /// What the times are divided by.
    pub operations: u64,
    /// The last collection is in it, unless the program says otherwise.
    pub wall_ns: u64,
    /// Processor time of all threads.
    pub cpu_ns: u64,
    /// The most that was resident, above what the process had before.
    pub peak_bytes: u64,
    /// What all but one of a thousand steps stay below; 0 without steps.
    pub most_steps_ns: u64,
    /// The longest step.
    pub longest_step_ns: u64,
    /// Values that were never dropped.
    pub left: u64,
}

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let Some((program, system, scale)) = understand(arguments) else { return ExitCode::from(2) };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(move || measure(program, system, scale));
    let Some(Ok(outcome)) = thread.ok().map(std::thread::JoinHandle::join) else {
        return ExitCode::FAILURE;
    };
    let text = serde_json::to_string(&outcome).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn understand(arguments: &[String]) -> Option<(&'static Program, &'static System, Scale)> {
    let [program, system, scale] = arguments else { return None };
    let (program, system) = (programs::find(program)?, systems::find(system)?);
    system.fits(program).then_some((program, system, Scale(scale.parse().ok()?)))
}

/// Runs a program on a system, in this process: nobody else may count values meanwhile.
#[must_use]
pub fn measure(program: &Program, system: &System, scale: Scale) -> Outcome {
    let resident = Resident::open();
    let (before_bytes, before) = (resident.bytes(), census::left());
    let mut clock = Clock::new();
    let answer = (system.run)(program.work, scale, &mut clock);
    let left = || census::left().wrapping_sub(before);
    // A thread in the background may have something in its hands.
    for _ in 0..100 {
        (system.collect)();
        if left() == 0 || !system.frees_cycles {
            break;
        }
        std::thread::yield_now();
    }
    let (wall, used) = clock.stop();
    Outcome {
        answer,
        operations: clock.operations,
        wall_ns: wall.as_nanos() as u64,
        cpu_ns: (used.user + used.sys).as_nanos() as u64,
        peak_bytes: resident.peak_bytes().unwrap_or(0).saturating_sub(before_bytes),
        most_steps_ns: clock.steps.quantile_ns(0.999),
        longest_step_ns: clock.steps.longest_ns,
        left: left(),
    }
}

/// Runs a program on a system, in a new process of this very executable.
///
/// # Errors
///
/// What went wrong, in words: a crash, a program that took longer than `limit`.
pub(super) fn run(
    program: &Program,
    system: &System,
    scale: Scale,
    limit: Duration,
) -> Result<Outcome, String> {
    let scale = scale.0.to_string();
    let arguments = [WORD, program.name, system.name, &scale];
    ask_with(&arguments.map(AsRef::as_ref), &[(global::VARIABLE, GLOBAL)], limit)
}

/// The medians of several rounds.
pub(super) fn medians(rounds: &[Outcome]) -> Outcome {
    let of = |number: fn(&Outcome) -> u64| median(rounds.iter().map(number));
    Outcome {
        answer: of(|round| round.answer),
        operations: of(|round| round.operations),
        wall_ns: of(|round| round.wall_ns),
        cpu_ns: of(|round| round.cpu_ns),
        peak_bytes: of(|round| round.peak_bytes),
        most_steps_ns: of(|round| round.most_steps_ns),
        longest_step_ns: of(|round| round.longest_step_ns),
        left: of(|round| round.left),
    }
}
