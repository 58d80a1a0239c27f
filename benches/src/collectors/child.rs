//! The process of one program on one system, from both sides.
//!
//! Above: `commands::collectors`, which starts it; `main`, which becomes it. Below: the programs.

use super::clock::Clock;
use super::course::Watch;
use super::{Contestant, Outcome, Scale, Workload, contestants};
use crate::global;
use crate::measure::{Resident, Usage};
use crate::run::child::{ask_program, ask_with};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The first argument of such a child.
pub const WORD: &str = "__collectors";

/// The stack of the thread that runs a program: some collectors mark by recursion. Only what is used
/// of it takes memory.
const STACK_BYTES: usize = 4 << 30;

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let Some((workload, contestant, scale)) = understand(arguments) else {
        return ExitCode::from(2);
    };
    // Some collectors have to be started by the main thread.
    (contestant.prepare)();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let ready = move || {
        (contestant.prepare)();
        measure(workload, contestant, scale)
    };
    let Ok(thread) = thread.spawn(ready) else { return ExitCode::FAILURE };
    let Ok(outcome) = thread.join() else { return ExitCode::FAILURE };
    let text = serde_json::to_string(&outcome).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn measure(workload: &Workload, contestant: &Contestant, scale: Scale) -> Outcome {
    let resident = Resident::open();
    let mut clock = Clock::default();
    let before_bytes = resident.bytes();
    let watch = Watch::start(before_bytes);
    let (start, usage) = (Instant::now(), Usage::now());
    let answer = (workload.run)(contestant, scale, &mut clock);
    let (wall, used) = (start.elapsed(), Usage::now().since(&usage));
    let course = watch.end();
    Outcome {
        answer,
        wall_ns: wall.as_nanos() as u64,
        cpu_ns: (used.user + used.sys).as_nanos() as u64,
        sys_ns: used.sys.as_nanos() as u64,
        minor_faults: used.minor_faults,
        peak_bytes: resident.peak_bytes().unwrap_or(0).saturating_sub(before_bytes),
        steps: clock.steps,
        own: clock.own,
        course,
    }
}

fn understand(arguments: &[String]) -> Option<(&'static Workload, &'static Contestant, Scale)> {
    let [workload, contestant, scale] = arguments else { return None };
    let contestant = contestants::find(contestant).filter(|who| who.outside.is_none())?;
    Some((super::find(workload)?, contestant, Scale(scale.parse().ok()?)))
}

/// Runs a program on a system, in a new process of this very executable, or of the system's own.
///
/// # Errors
///
/// What went wrong, in words: a crash, a program that took longer than `limit`.
pub fn run(
    workload: &Workload,
    contestant: &Contestant,
    scale: Scale,
    limit: Duration,
) -> Result<Outcome, String> {
    if let Some(outside) = contestant.outside {
        let (program, arguments) = outside.command(workload, scale);
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        return ask_program(&program, &arguments, outside.environment, limit);
    }
    let scale = scale.0.to_string();
    let arguments = [WORD, workload.name, contestant.name, &scale];
    let choice = [(global::VARIABLE, contestant.global)];
    ask_with(&arguments.map(AsRef::as_ref), &choice, limit)
}
