//! Every call that a part of the workspace makes to the system, failed once each; and from each on, for a while.
//!
//! Above: `faults`. Below: the subjects, a file each, on a `Ground`. A subject's workload is fixed and runs on one
//! thread at a time, so that the n-th call of a kind is the same in each run. First it is played without failures, to
//! count the calls of each kind. Then, for each kind and each n, it is played on a fresh ground
//!
//! 1. while the n-th call fails, or the n-th and all later ones;
//! 2. again when nothing fails any more: nothing may be refused now (service resumes);
//! 3. and ends: the subject's own checks hold, its arena has everything back, and every mapping is gone.
//!
//! Contents are checked throughout, by the subject.

mod bump;
mod collectors;
mod counted;
mod pools;
mod stack;
mod stacks;

use crate::ground::Ground;
use alloc_arena::{Arena, Call, Failures};
use alloc_core::{AllocError, Layer, Shared};
use std::panic::{AssertUnwindSafe, catch_unwind};

use std::time::Duration;

/// What a subject's memory comes from.
pub type Pages = Shared<Arena<Ground>>;

/// A part of the workspace with a workload.
pub trait Subject: Sized {
    /// What it is called in the table.
    const NAME: &'static str;

    /// One that has not done anything yet.
    ///
    /// # Errors
    ///
    /// When what it needs from the start is refused.
    fn new(ground: Ground) -> Result<Self, AllocError>;

    /// The workload. Returns how many requests were refused.
    fn play(&mut self) -> usize;

    /// Frees what is live, and gives back all that can be given back.
    fn end(self);
}

/// What the runs of a subject came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Calls of all kinds in the run without failures.
    pub calls: usize,
    /// Runs with failures.
    pub runs: usize,
    /// Runs in which the subject got along without refusing anything.
    pub unnoticed: usize,
    /// Requests that were answered with an error.
    pub refused: usize,
    /// Runs that did not end well.
    pub failed: usize,
}

/// Runs a subject: all of it, or that share.
type Campaign = fn(usize) -> Counts;

/// Runs all subjects; every call once, and of `1 / share` of the calls also this one and all later ones. Prints a line
/// for each; returns how many runs did not end well.
pub fn run(share: usize) -> usize {
    println!("every call to the system, failed once, and from each on for a while:");
    println!(
        "{:32} {:>7} {:>7} {:>10} {:>9} {:>7}",
        "", "calls", "runs", "unnoticed", "refused", "failed"
    );
    let subjects: &[(&str, Campaign)] = &[
        (stack::Stack::NAME, campaign::<stack::Stack>),
        (stack::Heap::NAME, campaign::<stack::Heap>),
        (bump::InBump::NAME, campaign::<bump::InBump>),
        (bump::InHerd::NAME, campaign::<bump::InHerd>),
        (stacks::Stacks::NAME, campaign::<stacks::Stacks>),
        (pools::Pools::NAME, campaign::<pools::Pools>),
        (pools::Shared::NAME, campaign::<pools::Shared>),
        (collectors::AtOnce::NAME, campaign::<collectors::AtOnce>),
        (collectors::InSteps::NAME, campaign::<collectors::InSteps>),
        (collectors::Beside::NAME, campaign::<collectors::Beside>),
        (collectors::Young::NAME, campaign::<collectors::Young>),
        (collectors::YoungBeside::NAME, campaign::<collectors::YoungBeside>),
        (counted::Counted::NAME, campaign::<counted::Counted>),
    ];
    let mut failed = 0;
    for (name, campaign) in subjects {
        let counts = campaign(share);
        let Counts { calls, runs, unnoticed, refused, failed: bad } = counts;
        println!("{name:32} {calls:>7} {runs:>7} {unnoticed:>10} {refused:>9} {bad:>7}");
        failed += bad;
    }
    failed
}

/// An arena on this ground whose mappings are small, so that it makes many calls, and which purges without a clock.
pub fn pages(ground: Ground) -> Pages {
    let arena = Arena::new(ground).with_reservation_bytes(4 << 20).with_dedicated_bytes(1 << 20);
    Shared::new(arena.with_purge_delay(Some(Duration::ZERO)))
}

/// Panics unless the arena has everything back.
pub fn has_all_back(pages: &Pages) {
    pages.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
    pages.reclaim(usize::MAX);
    let figures = pages.figures();
    let held =
        [figures.used_bytes, figures.dedicated_bytes, figures.idle_bytes, figures.dirty_bytes];
    assert_eq!(held, [0; 4], "the arena has not everything back");
}

fn campaign<S: Subject>(share: usize) -> Counts {
    let ground = Ground::new();
    let refused = S::new(ground.clone()).map(|mut subject| {
        let refused = subject.play();
        subject.end();
        refused
    });
    assert_eq!(refused, Ok(0), "{}: the workload runs when nothing fails", S::NAME);
    let calls = Call::ALL.map(|call| (call, ground.calls(call)));
    let mut counts =
        Counts { calls: calls.iter().map(|(_, count)| count).sum(), ..Counts::default() };
    for (call, count) in calls {
        for number in 1..=count {
            one::<S>(call, Failures::Nth(number), &mut counts);
            if (number - 1) % share == 0 {
                one::<S>(call, Failures::From(number), &mut counts);
            }
        }
    }
    counts
}

/// One run with these failures.
fn one<S: Subject>(call: Call, failures: Failures, counts: &mut Counts) {
    counts.runs += 1;
    match catch_unwind(AssertUnwindSafe(|| fail_and_heal::<S>(call, failures))) {
        Ok(refused) => {
            counts.refused += refused;
            counts.unnoticed += usize::from(refused == 0);
        }
        Err(_) => {
            eprintln!("{}: the run with {call:?} {failures:?} did not end well", S::NAME);
            counts.failed += 1;
        }
    }
}

fn fail_and_heal<S: Subject>(call: Call, failures: Failures) -> usize {
    let ground = Ground::new();
    ground.fail(call, failures);
    let mut refused = 0;
    let first = S::new(ground.clone()).map(|mut subject| {
        refused += subject.play();
        subject
    });
    ground.heal();
    let mut subject = first.unwrap_or_else(|AllocError| {
        refused += 1;
        S::new(ground.clone()).expect("service resumes")
    });
    assert_eq!(subject.play(), 0, "service resumes when nothing fails any more");
    subject.end();
    assert_eq!(ground.mapped_bytes(), 0, "mappings are lost");
    refused
}
