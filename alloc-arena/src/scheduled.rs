//! A source that fails when it is told to: for tests of what stands above.
//!
//! Above: arenas under test. Below: any other source, which serves the calls that do not fail.

use crate::source::{Advice, Contents, Faults, Reserved, Source};
use alloc_core::AllocError;
use alloc_core::sync::{AtomicUsize, Ordering};
use core::ptr::NonNull;

/// The calls that a [`Scheduled`] source can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Source::reserve`]
    Reserve,
    /// [`Source::unreserve`]
    Unreserve,
    /// [`Source::commit`]
    Commit,
    /// [`Source::decommit`]
    Decommit,
    /// [`Source::guard`]
    Guard,
    /// [`Source::guard_within`]
    GuardWithin,
    /// [`Source::map`]
    Map,
    /// [`Source::remap`]
    Remap,
    /// [`Source::advise`]
    Advise,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Reserve,
        Self::Unreserve,
        Self::Commit,
        Self::Decommit,
        Self::Guard,
        Self::GuardWithin,
        Self::Map,
        Self::Remap,
        Self::Advise,
    ];
}

/// Which calls of a kind fail. They are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// None.
    Never,
    /// This one alone.
    Nth(usize),
    /// This one and all that follow.
    From(usize),
    /// Every one whose number this divides.
    Every(usize),
}

/// A source around another that fails by schedule.
///
/// ```
/// use alloc_arena::{Arena, Call, Failures, Os, Scheduled};
/// use alloc_core::{Allocator, Layout};
///
/// let arena = Arena::new(Scheduled::new(Os::new()));
/// arena.below().fail(Call::Commit, Failures::From(1));
/// assert!(arena.allocate(Layout::new::<u64>()).is_err());
/// arena.below().fail(Call::Commit, Failures::Never);
/// assert!(arena.allocate(Layout::new::<u64>()).is_ok());
/// ```
#[derive(Debug)]
pub struct Scheduled<S> {
    below: S,
    plans: [Plan; Call::ALL.len()],
}

#[derive(Debug)]
struct Plan {
    calls: AtomicUsize,
    /// The number in [`Failures`], and which of them it is.
    number: AtomicUsize,
    kind: AtomicUsize,
}

const NEVER: usize = 0;
const NTH: usize = 1;
const FROM: usize = 2;
const EVERY: usize = 3;

impl Plan {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self {
                calls: AtomicUsize::new(0),
                number: AtomicUsize::new(0),
                kind: AtomicUsize::new(NEVER),
            }
        }
    }
}

impl<S> Scheduled<S> {
    alloc_core::const_fn! {
        /// A source that does not fail until [`fail`](Scheduled::fail) says so.
        #[must_use]
        pub const fn new(below: S) -> Self {
            Self {
                below,
                plans: [
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                    Plan::new(),
                ],
            }
        }
    }

    /// The source below.
    #[must_use]
    pub const fn below(&self) -> &S {
        &self.below
    }

    /// From now on calls of this kind fail as `failures` says. They are counted anew.
    pub fn fail(&self, call: Call, failures: Failures) {
        let plan = &self.plans[call as usize];
        let (kind, number) = match failures {
            Failures::Never => (NEVER, 0),
            Failures::Nth(number) => (NTH, number),
            Failures::From(number) => (FROM, number),
            Failures::Every(number) => (EVERY, number),
        };
        // ORDERING: Relaxed; a test that changes the plan while other threads call cannot say
        // which of their calls comes first.
        plan.kind.store(kind, Ordering::Relaxed);
        plan.number.store(number, Ordering::Relaxed);
        plan.calls.store(0, Ordering::Relaxed);
    }

    /// How many calls of this kind were made since the last [`fail`](Scheduled::fail) for it.
    pub fn calls(&self, call: Call) -> usize {
        // ORDERING: Relaxed; a figure.
        self.plans[call as usize].calls.load(Ordering::Relaxed)
    }

    fn attempt(&self, call: Call) -> Result<(), AllocError> {
        let plan = &self.plans[call as usize];
        // ORDERING: Relaxed; the counter only has to give each call a number of its own.
        let this = plan.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let number = plan.number.load(Ordering::Relaxed);
        let fails = match plan.kind.load(Ordering::Relaxed) {
            NTH => this == number,
            FROM => this >= number,
            EVERY => this.is_multiple_of(number),
            _ => false,
        };
        if fails { Err(AllocError) } else { Ok(()) }
    }
}

// SAFETY: S1 to S6: a call either goes to `below`, which keeps the rules, or fails without effect.
unsafe impl<S: Source> Source for Scheduled<S> {
    fn page_bytes(&self) -> usize {
        self.below.page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.attempt(Call::Reserve)?;
        self.below.reserve(bytes, align_bytes)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.attempt(Call::Unreserve)?;
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { self.below.unreserve(base, bytes) }
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.attempt(Call::Commit)?;
        // SAFETY: as above.
        unsafe { self.below.commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        self.attempt(Call::Decommit)?;
        // SAFETY: as above.
        unsafe { self.below.decommit(base, bytes) }
    }
    fn can_decommit(&self) -> bool {
        self.below.can_decommit()
    }
    unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.attempt(Call::Guard)?;
        // SAFETY: as above.
        unsafe { self.below.guard(base, bytes) }
    }
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.attempt(Call::GuardWithin)?;
        // SAFETY: as above.
        unsafe { self.below.guard_within(base, bytes) }
    }
    unsafe fn untouched_bytes(&self, base: NonNull<u8>, bytes: usize) -> Option<usize> {
        // SAFETY: as above.
        unsafe { self.below.untouched_bytes(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.attempt(Call::Map)?;
        self.below.map(bytes, align_bytes)
    }
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        self.attempt(Call::Remap)?;
        // SAFETY: as above.
        unsafe { self.below.remap(base, old_bytes, new_bytes, align_bytes) }
    }
    fn huge_bytes(&self) -> usize {
        self.below.huge_bytes()
    }
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        self.attempt(Call::Advise)?;
        // SAFETY: as above.
        unsafe { self.below.advise(base, bytes, advice) }
    }
    fn metadata_inside(&self) -> bool {
        self.below.metadata_inside()
    }
    fn now_ms(&self) -> Option<u64> {
        self.below.now_ms()
    }
    fn faults(&self) -> Option<Faults> {
        self.below.faults()
    }
}
