//! The process of one workload on one candidate, from both sides.
//!
//! Above: `commands::memory`, which starts it; `main`, which becomes it. Below: `stage`.

use super::stage::Stage;
use super::{Outcome, Scale, Workload};
use crate::candidates::{self, Candidate};
use crate::run::child::ask;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__memory";

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let Some((workload, candidate, scale)) = understand(arguments) else {
        return ExitCode::from(2);
    };
    let answer = Stage::run(workload, candidate, scale);
    let text = serde_json::to_string(&answer).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn understand(arguments: &[String]) -> Option<(&'static Workload, &'static Candidate, Scale)> {
    let [workload, candidate, percent, seconds] = arguments else { return None };
    let scale = Scale { percent: percent.parse().ok()?, seconds: seconds.parse().ok()? };
    Some((super::find(workload)?, candidates::find(candidate)?, scale))
}

/// Runs a workload on a candidate, in a new process of this very executable.
///
/// # Errors
///
/// What went wrong, in words: a crash, a workload that took longer than `limit`.
pub fn run(
    workload: &Workload,
    candidate: &Candidate,
    scale: Scale,
    limit: Duration,
) -> Result<Outcome, String> {
    let (percent, seconds) = (scale.percent.to_string(), scale.seconds.to_string());
    let arguments = [WORD, workload.name, candidate.name, &percent, &seconds];
    let answer: Result<Outcome, String> = ask(&arguments.map(AsRef::as_ref), limit)?;
    answer
}
