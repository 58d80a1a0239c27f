//! What pools take of memory: a process that counts it, from both sides.
//!
//! Above: `rounds`, which starts it; `main`, which becomes it. Below: the contestants, `global`.
//!
//! Counted is what a pool of 1024 slots has taken from the allocator when all slots are used, and its own size, without the
//! handles that the program has. `malloc` is not counted so, as it has the memory of all: there it is what is resident of a million values.

use super::contestants::{self, Contestant};
use super::{CAPACITY, Pool, Value, View};
use crate::measure::Resident;
use crate::{global, run::child::ask_with};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of such a child.
pub const WORD: &str = "__pools";

/// Values on an allocator that is not counted.
const MANY: usize = 1 << 20;

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
pub(super) fn of(contestants: &[&Contestant], limit: Duration) -> Result<Answer, String> {
    let names = contestants.iter().map(|who| who.name);
    let arguments: Vec<_> = std::iter::once(WORD).chain(names).map(AsRef::as_ref).collect();
    ask_with(&arguments, &[(global::VARIABLE, global::COUNTING)], limit)
}

/// Bytes beside a value, of a pool that takes its memory from this program's allocator.
pub(super) fn counted<P: Pool>() -> f64 {
    beside_a_value::<P>(CAPACITY, global::counted_bytes)
}

/// The same of an allocator that takes it from the system.
pub(super) fn resident<P: Pool>() -> f64 {
    let memory = Resident::open();
    beside_a_value::<P>(MANY, || memory.bytes())
}

fn beside_a_value<P: Pool>(count: usize, taken_bytes: impl Fn() -> u64) -> f64 {
    let start = taken_bytes();
    let mut pool = P::with_capacity(count);
    let made = taken_bytes();
    let mut view = pool.view();
    let mut handles = Vec::new();
    handles.resize_with(count, || None);
    let before = taken_bytes();
    for (word, place) in (0..).zip(&mut handles) {
        *place = Some(view.alloc(word));
    }
    // What the handles' table takes is not the pool's.
    let bytes = (made - start) + (taken_bytes() - before) + size_of::<P>() as u64;
    for handle in handles.into_iter().flatten() {
        view.free(handle);
    }
    bytes as f64 / count as f64 - size_of::<Value>() as f64
}
