//! The process that weighs pools, from both sides.
//!
//! Above: `rounds`, which starts it; `main`, which becomes it. Below: the contestants.

use super::contestants::{self, Contestant};
use crate::{global, run::child::ask_with};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__pools";

/// Bytes beside the values, by contestant.
pub type Answer = BTreeMap<String, f64>;

/// The child's whole life: `arguments` are the contestants' names.
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let of = |name: &String| {
        let weigh = contestants::find(name)?.weigh?;
        Some((name.clone(), weigh()))
    };
    let answer: Answer = arguments.iter().filter_map(of).collect();
    let text = serde_json::to_string(&answer).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Asks a new process of this very executable.
///
/// # Errors
///
/// What went wrong, in words.
pub(super) fn run(contestants: &[&Contestant], limit: Duration) -> Result<Answer, String> {
    let names = contestants.iter().map(|who| who.name);
    let arguments: Vec<_> = std::iter::once(WORD).chain(names).map(AsRef::as_ref).collect();
    ask_with(&arguments, &[(global::VARIABLE, global::COUNTING)], limit)
}
