//! Stacks for coroutines: guarded, committed as they grow, used again while they are warm.
//!
//! Above: whoever runs coroutines ([`PooledStack`] is a stack for corosensei's, in `coroutine.rs`). Below: a
//! [`Source`]. A mapping is cut into *places*, a guard and a stack each:
//!
//! ```text
//!   | records ..... |guard| stack 0   |guard| stack 1   |guard| stack 2   | not committed yet ─ ─
//!     64 bytes each        ◀── grows  ^ high
//! ```
//!
//! The journey of a stack, and who does a step:
//!
//! ```text
//!              1 make                2 take                     3 put
//!   (nothing) ───────▶ raw ─guard─▶ ─────────▶ live ──────────────────▶ warm
//!                                      ▲ ▲                               │ │
//!                                      │ └── most recent first ──────────┘ │ 4 cool: idle for long, or reclaim
//!                                      └───────────── cold ◀───────────────┘
//! ```
//!
//! Steps 2 and 3 with a warm stack are a few loads and stores under the lock (in this file). Steps 1 and 2 with none: `make.rs`.
//! Step 4, and stacks that were deep once: `cool.rs`. In `state.rs`: what the lock guards. In `record.rs`: what is
//! known of a place. In `places.rs`: mappings. In `overflow.rs`: what becomes of a stack that is too small.
//!
//! * **R1** A place is in one hand. Its record is on one list, whose links are the lock's; or the place is live, its
//!   taker's; or away, with a thread that has the source work on it. Only the hand touches the memory.
//! * **R2** The source works on a place while it is away, without the lock.
//! * **R3** `freeze` waits until nothing is away, since a child of a fork has no thread that would bring it back.
//!   While somebody waits for that, nothing leaves, so that the wait ends.
//! * **R4** A place is live only after its guard was made; guards stay as long as their mapping.
//! * **R5** A mapping ends with the pool, unless one of the pool's stacks is still live: that was forgotten, and
//!   something may point into it. Then all stay.

mod config;
mod cool;
#[cfg(all(feature = "corosensei", not(windows)))]
mod coroutine;
mod error;
mod figures;
mod list;
mod make;
#[cfg(all(feature = "os", unix))]
pub mod overflow;
mod places;
mod pooled;
mod record;
#[cfg(all(feature = "os", unix))]
mod registry;
mod seq;
mod state;

pub use error::StackError;
pub use figures::StackFigures;
pub use pooled::{PoolRef, PooledStack};

use crate::below::Below;
use crate::source::Source;
use alloc_core::Broken;
use alloc_core::sync::Lock;
use config::Config;
use core::fmt;
use core::time::Duration;
use record::{Place, Whose};
use state::State;

macro_rules! stack_pool {
    ($($default:tt)*) => {
        /// Stacks for coroutines, by the hundred thousand.
        ///
        /// Address space is reserved at the first use; a stack's memory comes page by page, as it is
        /// touched; below each stack lies a guard. A stack that is given back is the first to be taken
        /// again, with its pages, and without a call of the system. What stays idle for a second gives its pages back.
        ///
        /// ```
        /// use alloc_arena::{Os, StackPool};
        ///
        /// static STACKS: StackPool<Os> = StackPool::new(Os::new()).with_stack_bytes(64 << 10);
        ///
        /// let stack = STACKS.take()?;
        /// stack.set_name("reader");
        /// assert!(stack.usable().len() >= 64 << 10);
        /// drop(stack);
        /// assert_eq!(STACKS.figures().warm_stacks, 1);
        /// # Ok::<(), alloc_arena::StackError>(())
        /// ```
        ///
        /// It is driven by its own calls: a pool that nobody calls keeps what it has. Who wants that back calls
        /// [`reclaim`](StackPool::reclaim).
        ///
        /// A pool that is dropped while one of its stacks is still in use (it was forgotten) leaves its
        /// mappings behind: something may point into that stack.
        pub struct StackPool<S: Source $($default)*> {
            below: Below<S>,
            config: Config,
            state: Lock<State>,
        }
    };
}

#[cfg(all(feature = "os", unix))]
stack_pool!(= crate::Os);
#[cfg(not(all(feature = "os", unix)))]
stack_pool!();

impl<S: Source> StackPool<S> {
    alloc_core::const_fn! {
        /// A pool over `source`. It asks the source for nothing until a stack is taken.
        #[must_use]
        pub const fn new(source: S) -> Self {
            Self { below: Below::new(source), config: Config::new(), state: Lock::new(State::new()) }
        }
    }

    /// Each stack has at least `bytes` usable bytes, in place of 256 KiB. They are addresses: memory comes as it is
    /// touched. At least 4 KiB.
    #[must_use]
    pub const fn with_stack_bytes(mut self, bytes: usize) -> Self {
        self.config.stack_bytes = bytes;
        self
    }

    /// The guard below each stack has at least `bytes`, in place of 64 KiB.
    ///
    /// Code that Rust compiles touches a stack page by page as it grows, so that one page is a guard for it. C code does
    /// not: a function whose variables take more than the guard has may step over it.
    #[must_use]
    pub const fn with_guard_bytes(mut self, bytes: usize) -> Self {
        self.config.guard_bytes = bytes;
        self
    }

    /// At most `stacks` stacks, live and idle ones together. At first there is no limit but that of addresses.
    #[must_use]
    pub const fn with_limit_stacks(mut self, stacks: usize) -> Self {
        self.config.limit_stacks = stacks;
        self
    }

    /// What is idle for `delay` gives its memory back, in place of a second; `None`: not until
    /// [`reclaim`](StackPool::reclaim).
    #[must_use]
    pub const fn with_idle_delay(mut self, delay: Option<Duration>) -> Self {
        self.config.idle_delay_ms = match delay {
            Some(delay) if delay.as_millis() < u32::MAX as u128 => Some(delay.as_millis() as u32),
            Some(_) => Some(u32::MAX),
            None => None,
        };
        self
    }

    /// A stack that is used again and again keeps so many bytes of the memory that it had, in place of 16 KiB, when it
    /// is looked at, which happens once in an idle delay; more, if it comes back deeper every time.
    #[must_use]
    pub const fn with_kept_bytes(mut self, bytes: usize) -> Self {
        self.config.kept_bytes = bytes;
        self
    }

    /// The source, which is what lies below.
    #[must_use]
    pub const fn below(&self) -> &S {
        &self.below.source
    }

    /// Takes a stack that borrows the pool. (From a `static`, it is `'static`.)
    ///
    /// Takes constant time; without a call of the system, if a stack is warm. What a stack holds that was used before is
    /// not cleared.
    ///
    /// # Errors
    ///
    /// [`StackError`] says what is short; all that is live stays as it is, and a later call may go well.
    #[inline]
    pub fn take(&self) -> Result<PooledStack<&Self>, StackError> {
        PooledStack::take_from(self)
    }

    #[inline]
    fn take_place(&self) -> Result<Place, StackError> {
        let mut state = self.state.lock();
        let Some(place) = state.warm.pop_newest() else { return self.take_slowly(state) };
        state.note_taken(place);
        Ok(place)
    }

    /// Takes a live place back (R1).
    #[inline]
    fn put_place(&self, place: Place) {
        let mut state = self.state.lock();
        state.live -= 1;
        if state.is_due(place) {
            return self.put_slowly(state, place);
        }
        place.set_whose(Whose::Warm);
        state.warm.push_newest(place);
        if state.counts_to_a_look(&self.config) {
            self.look(state);
        }
    }

    /// The figures at this moment.
    #[must_use]
    pub fn figures(&self) -> StackFigures {
        self.state.lock().figures(&self.below, &self.config)
    }

    /// Writes the figures, as a layer's.
    pub fn report(&self, report: &mut alloc_core::Report<'_>) {
        let figures = self.figures();
        report.layer("StackPool", |report| figures.report(report));
    }

    /// Walks all records, and returns the first broken invariant. Takes time linear in the stacks.
    ///
    /// # Errors
    ///
    /// [`Broken`] names the rule. A healthy pool never returns it.
    pub fn verify(&self) -> Result<(), Broken> {
        self.state.lock().verify()
    }
}

impl<S: Source + Default> Default for StackPool<S> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S: Source> alloc_core::report::Reports for StackPool<S> {
    fn report(&self, report: &mut alloc_core::Report<'_>) {
        self.report(report);
    }
}

impl<S: Source> Drop for StackPool<S> {
    fn drop(&mut self) {
        self.state.lock().dispose(&self.below);
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for StackPool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackPool")
            .field("source", &self.below.source)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
