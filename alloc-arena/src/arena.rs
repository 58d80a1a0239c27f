//! The arena: a [`Layer`] that hands out runs of pages (step 3 of the journey).
//!
//! Above: `SizeClassHeap` and other layers that cut runs, or users that want pages. Below: a
//! [`Source`]. One lock guards everything but the bounds of the first reservation.
//!
//! ```text
//!   3  acquire ──▶ State: for each mapping, Runs::best_fit ──▶ Node::commit ──▶ Runs::take
//!      release ──▶ State: Runs::give (joins the neighbours) ──▶ Decay: purge what is owed
//!   4                       Below: count ──▶ Source: commit, decommit
//!
//!      a long run ──▶ Dedicated: Source::map, remap, unreserve, outside the lock where that is slow
//! ```
//!
//! In `resize.rs`: grow and shrink. In `long.rs`: runs with a mapping of their own. In `discard.rs`:
//! memory of used runs that goes back. In `adopt.rs`: memory from outside. In `walk.rs`: looking at it
//! all.

use crate::below::Below;
use crate::config::{COMMON_ALIGN, Config};
use crate::figures::SysStat;
use crate::huge::{self, HugePages};
use crate::record::MAX_PAGES;
use crate::runs::Need;
use crate::source::Source;
use crate::state::{State, Taken};
use alloc_core::sync::{AtomicUsize, Lock, LockGuard, Ordering};
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator, dangling};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
use core::time::Duration;

macro_rules! arena {
    ($($default:tt)*) => {
        /// Runs of pages in reserved address ranges.
        ///
        /// The first use reserves a very large range (256 GiB on 64-bit targets, less where the
        /// system grants less); its pages are committed as they are needed, in large steps. A
        /// request is served by the shortest free run that holds it, used memory before fresh
        /// memory, the lowest address first; freed runs are joined with their free neighbours, age,
        /// and go back to the source a little at a time. Very long runs get a mapping of their own,
        /// and grow without a copy.
        ///
        /// What is handed out is a whole number of pages. Nothing in it is the arena's: its
        /// metadata lies elsewhere. No method calls a global allocator.
        ///
        /// ```
        /// use alloc_arena::{Arena, Os};
        /// use alloc_core::{Allocator, Layer, Layout};
        ///
        /// static ARENA: Arena<Os> = Arena::new(Os::new());
        ///
        /// let span = Layout::from_size_align(64 << 10, 64 << 10).unwrap();
        /// let run = ARENA.allocate_zeroed(span).unwrap();
        /// assert_eq!(ARENA.figures().used_bytes, 64 << 10);
        /// // SAFETY: allocated above with the same layout, and not used again.
        /// unsafe { ARENA.deallocate(run.cast(), span) };
        /// assert_eq!(ARENA.reclaim(usize::MAX), 64 << 10);
        /// ```
        pub struct Arena<S: Source $($default)*> {
            pub(crate) below: Below<S>,
            pub(crate) config: Config,
            /// The first reservation: its end, stored after its start; 0 while there is none.
            first_start: AtomicUsize,
            first_end: AtomicUsize,
            pub(crate) state: Lock<State>,
        }
    };
}

#[cfg(all(feature = "os", unix))]
arena!(= crate::Os);
#[cfg(not(all(feature = "os", unix)))]
arena!();

impl<S: Source> Arena<S> {
    alloc_core::const_fn! {
        /// An arena over `source`. It asks the source for nothing until it is first used.
        #[must_use]
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

    /// The first reservation asks for `bytes` of address space in place of 256 GiB (256 MiB on
    /// 32-bit targets). Where the system refuses, half of it, and so on. Later ones are smaller.
    #[must_use]
    pub const fn with_reservation_bytes(mut self, bytes: usize) -> Self {
        self.config.reservation_bytes = bytes;
        self
    }

    /// Freed memory goes back to the source after `delay` in place of a second; `None` keeps it
    /// until [`reclaim`](Layer::reclaim). It goes in steps, and is driven by later calls: an arena
    /// that nobody calls purges nothing.
    #[must_use]
    pub const fn with_purge_delay(mut self, delay: Option<Duration>) -> Self {
        self.config.purge_delay_ms = match delay {
            Some(delay) if delay.as_millis() < u32::MAX as u128 => Some(delay.as_millis() as u32),
            Some(_) => Some(u32::MAX),
            None => None,
        };
        self
    }

    /// Runs of at least `bytes` get a mapping of their own, in place of 32 MiB. `usize::MAX`: none
    /// does but those that are aligned to more than 32 MiB.
    #[must_use]
    pub const fn with_dedicated_bytes(mut self, bytes: usize) -> Self {
        self.config.dedicated_bytes = bytes;
        self
    }

    /// What the system is told about huge pages, in place of [`HugePages::Dense`].
    #[must_use]
    pub const fn with_huge_pages(mut self, huge_pages: HugePages) -> Self {
        self.config.huge_pages = huge_pages;
        self
    }

    /// The source, which is what lies below.
    #[must_use]
    pub const fn below(&self) -> &S {
        &self.below.source
    }

    /// The figures at this moment.
    #[must_use]
    pub fn figures(&self) -> SysStat {
        let figures = self.state.lock().settled().figures(&self.below);
        SysStat { process_faults: self.below.source.faults(), ..figures }
    }

    pub(crate) fn pages_of(&self, bytes: usize) -> Result<u32, AllocError> {
        let pages = self.round_up(bytes) / self.page_bytes();
        if pages <= MAX_PAGES as usize { Ok(pages as u32) } else { Err(AllocError) }
    }

    /// `bytes` rounded up to pages. A layout's size is at most `isize::MAX`, so this cannot
    /// overflow.
    #[inline]
    pub(crate) fn round_up(&self, bytes: usize) -> usize {
        let page_mask = self.page_bytes() - 1;
        (bytes + page_mask) & !page_mask
    }

    #[inline]
    pub(crate) fn page_bytes(&self) -> usize {
        self.below.source.page_bytes()
    }

    /// Pages for a layout of non-zero size, which have to be `zeroed` or not.
    pub(crate) fn acquire(&self, layout: Layout, zeroed: bool) -> Result<Taken, AllocError> {
        let mut need = Need { zeroed, ..Need::new(self.pages_of(layout.size())?, layout.align()) };
        let huge_bytes = self.below.source.huge_bytes();
        if huge::is_long(layout.size(), huge_bytes) {
            need.fresh_align_bytes = huge_bytes.max(layout.align());
        }
        if (layout.size() >= self.config.dedicated_bytes || layout.align() > COMMON_ALIGN)
            && let Ok(taken) = self.acquire_long(layout, zeroed)
        {
            return Ok(taken);
        }
        let mut state = self.state.lock();
        if let Some(base) = state.take_recent(need) {
            let bytes = self.round_up(layout.size());
            return Ok(Taken::new(base, 0..bytes));
        }
        let mut taken = state.acquire(&self.below, &self.config, need);
        if taken.is_err() {
            state = self.gather(state).ok_or(AllocError)?;
            taken = state.acquire(&self.below, &self.config, need);
        }
        self.publish_first(&state);
        self.part(state);
        taken
    }

    /// Takes back what `acquire` gave for a layout of the same number of pages.
    ///
    /// # Safety
    ///
    /// A live run of this arena begins at `ptr`, and is not used any more.
    unsafe fn release(&self, ptr: NonNull<u8>, layout: Layout) {
        let Ok(pages) = self.pages_of(layout.size()) else { return };
        let address = ptr.as_ptr().addr();
        let mut state = self.state.lock();
        if let Some(node) = state.mappings.at(address) {
            // Not `ptr`, which may be good for fewer bytes than the run has.
            let base = node.pointer(node.runs.page_at(address));
            state.release(&self.below, &self.config, base, pages);
            return self.part(state);
        }
        drop(state);
        let mut state = self.lock_to_leave();
        if let Some(entry) = state.dedicated.at(address).map(|at| state.dedicated.remove(at)) {
            state.settle(&self.below, &self.config, 0);
            // SAFETY: the entry was in the table, and its one user is done with it (caller).
            unsafe { self.retire_long(state, entry) };
        }
    }

    /// Lets go of the lock, and does what is due without it: a mapping that was idle for too long
    /// goes, and something of what is owed. (While somebody waits, P4, it has time.)
    #[inline]
    pub(crate) fn part<'a>(&'a self, state: LockGuard<'a, State>) {
        if (state.expired.is_some() || state.debt.is_some()) && !state.wanted {
            self.part_slowly(state);
        }
    }

    #[cold]
    fn part_slowly<'a>(&'a self, mut state: LockGuard<'a, State>) {
        if let Some(entry) = state.expired.take() {
            // SAFETY: an idle mapping (D2) that was taken out of the table.
            (state, _) = unsafe { self.release_long(state, entry) };
        }
        let debt = state.debt.take();
        drop(state);
        if let Some(debt) = debt {
            self.pay(debt);
        }
    }

    /// Lets `owns` and `range` know of the first reservation.
    #[inline]
    pub(crate) fn publish_first(&self, state: &State) {
        // ORDERING: Relaxed; written below, under the lock that this thread holds.
        if self.first_end.load(Ordering::Relaxed) == 0
            && let Some((start, end)) = state.first
        {
            self.first_start.store(start, Ordering::Relaxed);
            // ORDERING: Release meets the Acquire of `first`: who sees the end sees the start.
            self.first_end.store(end, Ordering::Release);
        }
    }

    #[inline]
    fn first(&self) -> Option<Range<usize>> {
        // ORDERING: Acquire meets the Release of `publish_first`.
        let end = self.first_end.load(Ordering::Acquire);
        (end != 0).then(|| self.first_start.load(Ordering::Relaxed)..end)
    }
}

/// The slice that a run of `bytes` is.
#[inline]
fn slice(taken: Taken, bytes: usize) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(taken.base, bytes)
}

allocator! {
    // SAFETY: a run belongs to one caller from `Runs::take` to `Runs::give` (rule R1 of `Runs`), or
    // has a mapping of its own, which is its entry's alone (D1); mappings last as long as the arena.
    unsafe impl[S: Source] Allocator for Arena<S> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            Ok(slice(self.acquire(layout, false)?, self.round_up(layout.size())))
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let taken = self.acquire(layout, true)?;
            // SAFETY: the pages were taken just now.
            unsafe { taken.clear_from(0) };
            Ok(slice(taken, self.round_up(layout.size())))
        }

        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                // SAFETY: a live run begins at `ptr`: the caller got it for a layout that fits.
                unsafe { self.release(ptr, layout) }
            }
        }

        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate(new);
            }
            // SAFETY: as for `deallocate`.
            let taken = unsafe { self.resize(ptr, old, new)? };
            Ok(slice(taken, self.round_up(new.size())))
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate_zeroed(new);
            }
            // SAFETY: as for `deallocate`.
            let taken = unsafe { self.resize(ptr, old, new)? };
            let old_bytes = self.round_up(old.size());
            // SAFETY: the rest of the old run's last page, which is part of the new run too; the
            // caller left it to us with this call.
            unsafe { taken.base.add(old.size()).write_bytes(0, old_bytes - old.size()) };
            // SAFETY: the pages were taken just now, or were the caller's.
            unsafe { taken.clear_from(old_bytes) };
            Ok(slice(taken, self.round_up(new.size())))
        }

        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if new.size() == 0 {
                // SAFETY: as for `deallocate`.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            // SAFETY: as for `deallocate`.
            let taken = unsafe { self.resize(ptr, old, new)? };
            Ok(slice(taken, self.round_up(new.size())))
        }
    }
}

// SAFETY: L1, L2: a run's length is the layout's size rounded up to pages, which is `usable_size`.
// L3: each method begins with it. L4: runs lie in mappings, and `owns` asks all of them. L5: the
// source does not unwind (S5); slices are indexed by pages of the mapping (R1, R3).
unsafe impl<S: Source> Layer for Arena<S> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let address = ptr.as_ptr().addr();
        if self.first().is_some_and(|first| first.contains(&address)) {
            return true;
        }
        let mut state = self.state.lock();
        state.mappings.at(address).is_some() || state.dedicated.contains(address)
    }

    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        self.round_up(layout.size())
    }

    fn range(&self) -> Option<Range<usize>> {
        self.first().or_else(|| {
            self.make_first(&mut self.state.lock());
            self.first()
        })
    }

    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.give_back(goal_bytes)
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.discard_pages(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        let figures = self.figures();
        report.layer("Arena", |report| figures.report(report));
    }

    fn verify(&self) -> Result<(), Broken> {
        self.state.lock().settled().verify(&self.below)
    }

    fn freeze(&self) {
        // Held on purpose, until `thaw`; with nothing away, of which a child would never hear (P2).
        core::mem::forget(self.lock_whole());
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock without a guard.
        unsafe { self.state.release() }
    }
}

impl<S: Source> Drop for Arena<S> {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        state.mappings.dispose(&self.below);
        state.rests.dispose(&self.below);
        state.dedicated.dispose(&self.below);
        self.part(state);
    }
}

impl<S: Source + Default> Default for Arena<S> {
    fn default() -> Self {
        Self::new(S::default())
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
