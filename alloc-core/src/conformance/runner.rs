//! Draws sequences, has them played, and has proptest shorten the one that fails.
//!
//! Above: `Kit::run`. Below: `session` (one sequence), `exhaust`, `threads`.

use super::discard::discard_parts;
use super::exhaust::wear_out;
use super::failure::{Failure, Found, Promise, SEQUENCE};
use super::ops::{Op, any_op};
use super::session::Session;
use super::subject::Subject;
use super::{Rules, threads};
use crate::Layout;
use core::cell::{Cell, RefCell};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) type Fresh<'f> = dyn Fn() -> Box<dyn Subject + 'f> + 'f;

/// A broken promise with what was being done, and the steps that led there.
struct Broken {
    found: Found,
    during: &'static str,
    steps: Vec<String>,
}

/// The most attempts at a shorter sequence.
const SHORTEN_MOST: u32 = 4096;

/// What is being done, in words; most of a run is a `SEQUENCE`.
const WEARING: &str = "use until nothing is left, over and over";
const DISCARDING: &str = "discards of parts";
const THREADS: &str = "the work of several threads at once";

/// The layouts with which a fresh allocator is worn out: size and alignment.
const WEAR: [(usize, usize); 5] = [(1, 1), (64, 8), (1000, 16), (4096, 4096), (40_000, 64)];

pub(super) fn run(
    rules: &Rules,
    allocator: &'static str,
    fresh: &Fresh<'_>,
) -> Result<(), Failure> {
    let rules = &with_environment(rules);
    let served = Cell::new(0);
    let found = sequences(rules, fresh, &served).or_else(|| phases(rules, fresh, &served));
    let Broken { found, during, steps } = match found {
        Some(broken) => broken,
        None if served.get() == 0 && !rules.may_refuse_everything && rules.cases > 0 => {
            let what = "not one allocation was served, in all sequences".into();
            let found = Found { promise: Promise::Serves, what };
            Broken { found, during: SEQUENCE, steps: Vec::new() }
        }
        None => return Ok(()),
    };
    let Found { promise, what } = found;
    Err(Failure { promise, what, allocator, during, steps, seed: rules.seed })
}

/// The rules, with what the environment says of seed and number of cases.
fn with_environment(rules: &Rules) -> Rules {
    let mut rules = rules.clone();
    if let Ok(text) = std::env::var("STRATA_CONFORMANCE_SEED") {
        rules.seed = seed_from(&text);
    }
    if let Ok(text) = std::env::var("STRATA_CONFORMANCE_CASES") {
        rules.cases =
            text.trim().parse().expect("STRATA_CONFORMANCE_CASES is a number of sequences");
    }
    let told = std::env::var("STRATA_CONFORMANCE_TRACE");
    rules.is_told = told.is_ok_and(|text| !matches!(&*text, "" | "0"));
    rules
}

/// # Panics
///
/// When `text` is neither a number nor `random`: a seed that is misread would test nothing.
fn seed_from(text: &str) -> u64 {
    let text = text.trim();
    let number = match text.strip_prefix("0x") {
        _ if text == "random" => {
            use std::hash::{BuildHasher, RandomState};
            return RandomState::new().hash_one(text);
        }
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.expect("STRATA_CONFORMANCE_SEED is a number, decimal or 0x…, or `random`")
}

/// Draws and plays sequences. What comes back is the last, so the shortest, that broke the promise
/// which was broken first.
fn sequences(rules: &Rules, fresh: &Fresh<'_>, served: &Cell<usize>) -> Option<Broken> {
    let config = Config {
        cases: rules.cases,
        rng_seed: RngSeed::Fixed(rules.seed),
        failure_persistence: None,
        max_shrink_iters: SHORTEN_MOST,
        source_file: None,
        ..Config::default()
    };
    let broken = RefCell::new(None::<Broken>);
    let sequence = proptest::collection::vec(any_op(rules), 0..=rules.steps);
    // Proptest's own error holds the sequence; the session's account of it says more.
    let _verdict = TestRunner::new(config).run(&sequence, |ops: Vec<Op>| {
        let Err(now) = guarded(rules, fresh, served, SEQUENCE, |session| session.play_all(&ops))
        else {
            return Ok(());
        };
        let mut broken = broken.borrow_mut();
        if broken.as_ref().is_some_and(|first| first.found.promise != now.found.promise) {
            return Ok(());
        }
        *broken = Some(now);
        Err(TestCaseError::fail("a promise is broken"))
    });
    broken.into_inner()
}

/// What is not a sequence: wear, discarded parts, and threads at once.
fn phases(rules: &Rules, fresh: &Fresh<'_>, served: &Cell<usize>) -> Option<Broken> {
    if rules.may_run_out && rules.gives_back && !rules.may_refuse_anytime {
        for (size, align) in WEAR {
            let layout = Layout::from_size_align(size, align.min(rules.max_align_bytes))
                .expect("the table's alignments are powers of two");
            let worn = guarded(rules, fresh, served, WEARING, |session| wear_out(session, layout));
            if let Err(broken) = worn {
                return Some(broken);
            }
        }
    }
    if let Err(broken) = guarded(rules, fresh, served, DISCARDING, discard_parts) {
        return Some(broken);
    }
    if rules.lifo {
        return None;
    }
    guarded(rules, fresh, served, THREADS, threads::all_at_once).err()
}

/// Plays on a fresh allocator. After a failure the allocator is leaked; a panic is a failure.
fn guarded(
    rules: &Rules,
    fresh: &Fresh<'_>,
    served: &Cell<usize>,
    during: &'static str,
    play: impl FnOnce(&mut Session<'_>) -> Result<(), Found>,
) -> Result<(), Broken> {
    let mut session = Session::new(fresh(), rules, during);
    let outcome = catch_unwind(AssertUnwindSafe(|| play(&mut session)));
    served.set(served.get() + session.served);
    let found = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(found)) => found,
        Err(panic) => Found { promise: Promise::NoUnwinding, what: message(&*panic) },
    };
    let steps = session.steps.take();
    core::mem::forget(session);
    Err(Broken { found, during, steps })
}

fn message(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("(no message)"))
}
