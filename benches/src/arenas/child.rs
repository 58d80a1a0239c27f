//! The process of one contestant of one measure, from both sides.
//!
//! Above: `rounds`, which starts it; `main`, which becomes it. Below: the measures.

use super::answer::Answer;
use super::{Contestant, Measure, measures};
use crate::run::child::ask;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__arenas";

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let Some(answer) = understand(arguments) else { return ExitCode::from(2) };
    let text = serde_json::to_string(&answer).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn understand(arguments: &[String]) -> Option<Answer> {
    let [measure, contestant, scale] = arguments else { return None };
    measures::find(measure)?.contestant(contestant)?.in_this_process(scale.parse().ok()?)
}

/// Runs a contestant in a new process of this very executable.
///
/// # Errors
///
/// What went wrong, in words.
pub(super) fn run(
    measure: &Measure,
    who: &Contestant,
    scale: u32,
    limit: Duration,
) -> Result<Answer, String> {
    let scale = scale.to_string();
    let answer: Answer = ask(&[WORD, measure.name, who.name, &scale].map(AsRef::as_ref), limit)?;
    match answer.failed {
        Some(why) => Err(why),
        None => Ok(answer),
    }
}
