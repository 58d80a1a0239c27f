//! The conformance kit: puts anyone's allocator through everything that its contract promises.
//!
//! Above: tests. Below: any [`Allocator`], and proptest, which draws the sequences and shortens
//! the one that fails.
//!
//! The journey of one run: [`Kit`] says which allocator and which promises (this file); `runner`
//! draws sequences of [`ops`](self) and has each of them played by a `session`, which compares what
//! the allocator does with a `model`; `exhaust` then uses up allocators that can be used up,
//! `discard` gives parts of allocations back, and `threads` has several threads allocate and free each
//! other's memory. What comes back is a [`Failure`]: the promise that was broken, and the shortest
//! sequence that breaks it.
//!
//! ```
//! use alloc_core::{api2::alloc::Global, conformance::Kit};
//!
//! # // Few cases, for the speed of this example.
//! Kit::layer(|| Global).threads().clones().cases(8).check();
//! ```
//!
//! Every run draws the same sequences, so that a build server gives the same answer twice. The
//! environment variable `STRATA_CONFORMANCE_SEED` (a number, or `random`) draws others, and
//! `STRATA_CONFORMANCE_CASES` draws more of them, for each kit that runs. An allocator may break so much that the process
//! ends before it can be told how: with `STRATA_CONFORMANCE_TRACE=1` each step is written to standard error before it is
//! done, and the last lines are the sequence.
//!
//! Absurd layouts (sizes near `isize::MAX`) are asked for on purpose. A sanitizer's allocator aborts
//! on them unless it is told otherwise (`ASAN_OPTIONS=allocator_may_return_null=1`).

mod checks;
mod discard;
mod exhaust;
mod failure;
mod model;
mod ops;
mod runner;
mod session;
mod steps;
mod subject;
mod threads;

pub use failure::{Failure, Promise};

use crate::{Allocator, Layer};
use subject::{Home, Views};

/// What the allocator under test is held to, besides the contract itself.
#[derive(Clone, Debug)]
struct Rules {
    max_bytes: usize,
    max_align_bytes: usize,
    cases: u32,
    steps: usize,
    seed: u64,
    may_run_out: bool,
    may_refuse_everything: bool,
    may_refuse_anytime: bool,
    gives_back: bool,
    lifo: bool,
    is_told: bool,
}

/// Puts an allocator through everything that its contract promises.
///
/// A kit is told how to make the allocator (each sequence gets a fresh one), what else the type
/// promises ([`layer`](Kit::layer), [`threads`](Kit::threads), [`clones`](Kit::clones)), and what it
/// does *not* promise ([`may_run_out`](Kit::may_run_out) and the like).
///
/// ```
/// use alloc_core::{api2::alloc::System, conformance::Kit};
///
/// Kit::new(|| System).threads().cases(8).check();
/// ```
pub struct Kit<'k, A> {
    make: Box<dyn Fn() -> A + 'k>,
    views: Views<A>,
    rules: Rules,
}

impl<'k, A: Allocator> Kit<'k, A> {
    /// A kit for any [`Allocator`]; `make` is called for a fresh one before each sequence.
    ///
    /// A `make` that returns a reference to one shared allocator is fine too: a sequence frees
    /// everything that it allocates.
    pub fn new(make: impl Fn() -> A + 'k) -> Self {
        let rules = Rules {
            max_bytes: 4 << 20,
            max_align_bytes: 1 << 20,
            cases: 96,
            steps: 48,
            seed: 0x5eed,
            may_run_out: false,
            may_refuse_everything: false,
            may_refuse_anytime: false,
            gives_back: true,
            lifo: false,
            is_told: false,
        };
        Self { make: Box::new(make), views: Views::new(), rules }
    }

    /// A kit for a [`Layer`]: its rules L1 to L5 are checked as well, and [`Layer::verify`] is asked
    /// after each step.
    pub fn layer(make: impl Fn() -> A + 'k) -> Self
    where
        A: Layer,
    {
        let mut kit = Self::new(make);
        kit.views.layer = Some(subject::as_layer::<A>);
        kit
    }

    /// Adds other threads: steps of a sequence run on them, and at the end several threads at once
    /// allocate, hand over, grow and free.
    #[must_use]
    pub fn threads(mut self) -> Self
    where
        A: Sync,
    {
        self.views.sync = Some(subject::as_sync::<A>);
        self
    }

    /// Adds clones: every second step goes to a clone, which has to behave as the same allocator,
    /// and memory has to outlive the allocator that it came from while a clone is left.
    #[must_use]
    pub fn clones(mut self) -> Self
    where
        A: Clone,
    {
        self.views.clone = Some(A::clone);
        self
    }

    /// Adds an account: `live_bytes` reads a figure of the allocator that has to be back at its
    /// first value whenever everything has been freed.
    #[must_use]
    pub fn balance(mut self, live_bytes: fn(&A) -> usize) -> Self {
        self.views.balance = Some(live_bytes);
        self
    }

    /// The most bytes that are asked for at a time (sizes rounded up to their alignments);
    /// 4 MiB unless told. No single allocation is larger than a quarter of it.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.rules.max_bytes = max_bytes.max(64);
        self
    }

    /// The largest alignment that the allocator serves, in bytes; 1 MiB unless told. (Larger ones
    /// are asked for too, but may be refused.)
    ///
    /// # Panics
    ///
    /// When `max_align_bytes` is not a power of two.
    #[must_use]
    pub fn max_align_bytes(mut self, max_align_bytes: usize) -> Self {
        assert!(max_align_bytes.is_power_of_two(), "an alignment is a power of two");
        self.rules.max_align_bytes = max_align_bytes;
        self
    }

    /// The number of sequences; 96 unless told.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.rules.cases = cases;
        self
    }

    /// The length of the longest sequence; 48 unless told.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.rules.steps = steps;
        self
    }

    /// Where the drawing of sequences begins.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.rules.seed = seed;
        self
    }

    /// The allocator may refuse a layout within the limits: its memory is bounded, or it serves
    /// some sizes only. It still has to serve something, and again after frees.
    #[must_use]
    pub fn may_run_out(mut self) -> Self {
        self.rules.may_run_out = true;
        self
    }

    /// The allocator may refuse everything but size 0, always.
    #[must_use]
    pub fn may_refuse_everything(mut self) -> Self {
        self.rules.may_refuse_everything = true;
        self.may_run_out()
    }

    /// The allocator may refuse now and serve later, for no reason that its caller can see (fault
    /// injection): what a refusal must leave alone is checked, what follows it is not.
    #[must_use]
    pub fn may_refuse_anytime(mut self) -> Self {
        self.rules.may_refuse_anytime = true;
        self.may_run_out()
    }

    /// Freed memory need not be handed out again (a bump allocator):
    /// [`max_bytes`](Kit::max_bytes) then bounds all that a sequence ever asks for.
    #[must_use]
    pub fn frees_give_nothing_back(mut self) -> Self {
        self.rules.gives_back = false;
        self
    }

    /// Only the youngest live allocation may be freed, grown or shrunk (a stack).
    #[must_use]
    pub fn frees_in_lifo_order(mut self) -> Self {
        self.rules.lifo = true;
        self
    }

    /// Runs everything.
    ///
    /// After a failure the allocator under test and its memory are leaked: nothing is known about
    /// what freeing them would do.
    ///
    /// # Errors
    ///
    /// The first broken promise, with the shortest sequence that was found to break it.
    pub fn run(&self) -> Result<(), Failure> {
        let fresh =
            || -> Box<dyn subject::Subject + '_> { Box::new(Home::new((self.make)(), self.views)) };
        runner::run(&self.rules, std::any::type_name::<A>(), &fresh)
    }

    /// Runs everything.
    ///
    /// # Panics
    ///
    /// With the [`Failure`], for a test to show, when a promise is broken.
    #[track_caller]
    pub fn check(&self) {
        if let Err(failure) = self.run() {
            panic!("{failure}");
        }
    }
}

impl<A> core::fmt::Debug for Kit<'_, A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kit").field("rules", &self.rules).finish_non_exhaustive()
    }
}
