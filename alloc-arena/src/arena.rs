//! The arena: a [`Layer`] that hands out runs of pages (step 3 of the journey).
//!
//! Above: `SizeClassHeap` and other layers that cut runs, or users that want pages. Below: a
//! [`Source`]. One lock guards everything but the bounds of the first reservation.
//!
//! ```text
//!   3  acquire ──▶ State: for each mapping, Runs::best_fit ──▶ Node::commit ──▶ Runs::take
//!      release ──▶ State: Runs::give (joins the neighbours) ──▶ Decay: purge what is old
//!   4                       Below: count ──▶ Source: commit, decommit
//! ```

use crate::below::Below;
use crate::config::Config;
use crate::record::MAX_PAGES;
use crate::runs::Need;
use crate::source::Source;
use crate::state::{State, Taken};
use alloc_core::sync::{AtomicUsize, Lock, Ordering};
use alloc_core::{AllocError, Allocator, Broken, Layer, Layout, Report, allocator, dangling};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

macro_rules! arena {
    ($($default:tt)*) => {
        /// Runs of pages in reserved address ranges.
        pub struct Arena<S: Source $($default)*> {
            below: Below<S>,
            config: Config,
            /// The first reservation: its end, stored after its start; 0 while there is none.
            first_start: AtomicUsize,
            first_end: AtomicUsize,
            state: Lock<State>,
        }
    };
}

#[cfg(feature = "os")]
arena!(= crate::Os);
#[cfg(not(feature = "os"))]
arena!();

impl<S: Source> Arena<S> {
    alloc_core::const_fn! {
        /// An arena over `source`. It asks the source for nothing until it is first used.
        pub const fn new(source: S) -> Self {
            Self {
                below: Below::new(source),
                config: Config::new(),
                first_start: AtomicUsize::new(0),
                first_end: AtomicUsize::new(0),
                state: Lock::new(State::new()),
            }
        }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.below.source
    }

    fn pages_of(&self, bytes: usize) -> Result<u32, AllocError> {
        let pages = bytes.div_ceil(self.below.source.page_bytes());
        if pages <= MAX_PAGES as usize { Ok(pages as u32) } else { Err(AllocError) }
    }

    fn acquire(&self, layout: Layout) -> Result<Taken, AllocError> {
        let need = Need { pages: self.pages_of(layout.size())?, align_bytes: layout.align() };
        let mut state = self.state.lock();
        let taken = state.acquire(&self.below, &self.config, need);
        self.publish_first(&mut state);
        taken
    }

    /// Lets `owns` and `range` know of the first reservation.
    fn publish_first(&self, state: &mut State) {
        // ORDERING: Relaxed; written below, under the lock that this thread holds.
        if self.first_end.load(Ordering::Relaxed) == 0
            && let Some(node) = state.mappings.iter().next()
        {
            let mapping = node.mapping();
            let start = mapping.base.as_ptr().addr();
            self.first_start.store(start, Ordering::Relaxed);
            // ORDERING: Release meets the Acquire of `first`: who sees the end sees the start.
            self.first_end.store(start + mapping.bytes, Ordering::Release);
        }
    }

    #[inline]
    fn first(&self) -> Option<Range<usize>> {
        // ORDERING: Acquire meets the Release of `publish_first`.
        let end = self.first_end.load(Ordering::Acquire);
        (end != 0).then(|| self.first_start.load(Ordering::Relaxed)..end)
    }
}

allocator! {
    // SAFETY: a run belongs to one caller from `Runs::take` to `Runs::give` (rule R1 of `Runs`); it
    // lies in a mapping that lasts as long as the arena.
    unsafe impl[S: Source] Allocator for Arena<S> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let taken = self.acquire(layout)?;
            Ok(NonNull::slice_from_raw_parts(taken.base, self.usable_size(layout)))
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let taken = self.acquire(layout)?;
            // SAFETY: the pages were taken just now.
            unsafe { taken.clear() };
            Ok(NonNull::slice_from_raw_parts(taken.base, self.usable_size(layout)))
        }

        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            let Ok(pages @ 1..) = self.pages_of(layout.size()) else { return };
            let mut state = self.state.lock();
            let address = ptr.as_ptr().addr();
            if let Some(node) = state.mappings.at(address) {
                let start = node.runs.page_at(address);
                debug_assert_eq!(node.runs.used_at(start), Some(pages));
                node.runs.give(start, pages, 0);
            }
        }
    }
}

// SAFETY: L1, L2: a run's length is the layout's size rounded up to pages, which is `usable_size`.
// L3: each method begins with it. L4: runs lie in mappings, and `owns` asks all of them. L5: the
// source does not unwind (S5); slices are indexed by pages of the mapping (R1, R3).
unsafe impl<S: Source> Layer for Arena<S> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let address = ptr.as_ptr().addr();
        self.first().is_some_and(|first| first.contains(&address))
            || self.state.lock().mappings.at(address).is_some()
    }

    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        let page_mask = self.below.source.page_bytes() - 1;
        (layout.size() + page_mask) & !page_mask
    }

    fn range(&self) -> Option<Range<usize>> {
        self.first().or_else(|| {
            let mut state = self.state.lock();
            state.first(&self.below, &self.config).ok()?;
            self.publish_first(&mut state);
            self.first()
        })
    }

    fn reclaim(&self, _goal_bytes: usize) -> usize {
        0
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Arena", |_| {});
    }

    fn verify(&self) -> Result<(), Broken> {
        let state = self.state.lock();
        state.mappings.iter().try_for_each(|node| node.runs.verify())
    }

    fn freeze(&self) {
        self.state.acquire();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock without a guard.
        unsafe { self.state.release() }
    }
}

impl<S: Source> Drop for Arena<S> {
    fn drop(&mut self) {
        self.state.lock().mappings.dispose(&self.below);
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Arena<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("source", &self.below.source)
            .field("config", &self.config)
            .field("first", &self.first())
            .finish_non_exhaustive()
    }
}
