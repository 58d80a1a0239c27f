//! The hot paths of [`Profile`], and its traits.
//!
//! Above: the layer's callers. Below: the countdown and the filter; for what is drawn, `samples.rs`; the layer below.
//! Each path is the layer below's, after one test that says "nothing to do with the profile".

use super::filter::Filter;
use super::samples::Growth;
use super::{COUNTDOWN, Profile};
use crate::{AllocError, Broken, Layer, Report};
use core::alloc::Layout;
use core::ptr::NonNull;

impl<A: Layer> Profile<A> {
    /// Draws how many bytes pass until an allocation is to be sampled: that whose bytes are more than what is left. For who counts
    /// by himself, asks the layer below for what passes, then [`allocate_sampled`](Self::allocate_sampled), and draws anew. (The
    /// traits' methods count, too; a distance has no memory, so that it does not matter who counts which.)
    #[must_use]
    pub fn draw_distance(&self) -> usize {
        self.sampler.distance().cast_unsigned()
    }

    /// Counts an allocation of so many bytes; `true` if it is to be sampled.
    #[inline(always)]
    fn is_due(&self, bytes: usize) -> bool {
        !self.passes(bytes) && self.turn(bytes)
    }

    #[inline(always)]
    fn passes(&self, bytes: usize) -> bool {
        COUNTDOWN.with(|countdown| self.sampler.passes(countdown, bytes))
    }

    fn turn(&self, bytes: usize) -> bool {
        COUNTDOWN.with(|countdown| self.sampler.turn(countdown, bytes))
    }

    /// Allocates what did not pass: a sample, if it is its turn.
    #[cold]
    #[inline(never)]
    fn allocate_drawn(&self, layout: Layout, zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        match self.turn(layout.size()) {
            true => self.allocate_sampled(layout, zeroed),
            false => self.ask(layout, zeroed),
        }
    }

    /// Frees what begins on a page, as samples do.
    ///
    /// # Safety
    ///
    /// As for `deallocate`.
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_on_page(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise; what is no sample is known below by its own layout.
        unsafe {
            if !self.deallocate_sampled(ptr) {
                self.below.deallocate(ptr, layout);
            }
        }
    }

    /// The bytes that may be used of a sample; `None` if no sample begins at `ptr`. For who has no layouts.
    #[must_use]
    pub fn sampled_bytes(&self, ptr: NonNull<u8>) -> Option<usize> {
        let address = ptr.addr().get();
        if !self.filter.may_hold(address) {
            return None;
        }
        self.ledger.lock().find(address).map(|live| live.below.size())
    }

    /// Frees a sample; `false`, and nothing has been done, if no sample begins at `ptr`. For who has no layouts.
    ///
    /// # Safety
    ///
    /// If a sample begins at `ptr`, its owner gives it up.
    #[inline]
    pub unsafe fn deallocate_sampled(&self, ptr: NonNull<u8>) -> bool {
        if !self.filter.may_hold(ptr.addr().get()) {
            return false;
        }
        let Some(below) = self.leave(ptr) else { return false };
        // SAFETY: the caller's promise; the ledger had the layout by which the layer below knows it.
        unsafe { self.below.deallocate(ptr, below) };
        true
    }

    /// # Safety
    ///
    /// As for [`grow`](crate::Allocator::grow), or `grow_zeroed`.
    #[inline]
    unsafe fn grow_any(
        &self,
        ptr: NonNull<u8>,
        growth: Growth,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let due = self.is_due(growth.new.size());
        if due || self.filter.may_hold(ptr.addr().get()) {
            // SAFETY: the caller's promise.
            if let Some(answer) = unsafe { self.grow_sampled(ptr, growth, due) } {
                return answer;
            }
        }
        let Growth { old, new, zeroed } = growth;
        // SAFETY: the caller's promise; no sample, so the layer below knows `ptr` by `old`.
        unsafe {
            if zeroed {
                self.below.grow_zeroed(ptr, old, new)
            } else {
                self.below.grow(ptr, old, new)
            }
        }
    }
}

allocator! {
    // SAFETY: what is no sample is the layer below's, and freed as it was allocated. A sample is the layer below's under a
    // layout of its own, which the ledger keeps from before it is handed out until it is taken back (`samples.rs`); its
    // slice is cut to what the layer below would have handed out. Nothing here unwinds.
    unsafe impl[A: Layer] Allocator for Profile<A> {
        #[inline(always)]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if !self.passes(layout.size()) {
                return self.allocate_drawn(layout, false);
            }
            self.below.allocate(layout)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if !self.passes(layout.size()) {
                return self.allocate_drawn(layout, true);
            }
            self.below.allocate_zeroed(layout)
        }
        #[inline(always)]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise; a sample begins on a page.
            unsafe {
                match Filter::is_on_page(ptr.addr().get()) {
                    true => self.deallocate_on_page(ptr, layout),
                    false => self.below.deallocate(ptr, layout),
                }
            }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.grow_any(ptr, Growth { old, new, zeroed: false }) }
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.grow_any(ptr, Growth { old, new, zeroed: true }) }
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if self.filter.may_hold(ptr.addr().get()) {
                // SAFETY: the caller's promise.
                if let Some(answer) = unsafe { self.shrink_sampled(ptr, new) } {
                    return answer;
                }
            }
            // SAFETY: the caller's promise; no sample, so the layer below knows `ptr` by `old`.
            unsafe { self.below.shrink(ptr, old, new) }
        }
    }
}

// SAFETY: L1, L2: slices have the sizes of the layer below for the layout that was asked for, samples by `cut`.
// L3: size 0 is never drawn. L4, L5: the layer below's; what is done for samples does not panic.
unsafe impl<A: Layer> Layer for Profile<A> {
    pass_on!(below: owns usable_size range reclaim discard);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Profile", |report| {
            let (live, sites) = {
                let ledger = self.ledger.lock();
                (ledger.live(), ledger.sites())
            };
            report.bytes("mean distance", self.mean_bytes());
            report.count("live samples", live as u64);
            report.count("call sites", sites as u64);
            report.count("lost samples", self.lost_samples() as u64);
            self.below.report(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        {
            let ledger = self.ledger.lock();
            ledger.verify("Profile")?;
            for address in ledger.addresses() {
                let known = self.filter.may_hold(address);
                Broken::unless(known, "Profile", "the filter knows every sample", address)?;
            }
        }
        self.below.verify()
    }
    fn freeze(&self) {
        self.freeze_ledger();
        self.below.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock and froze the layer below.
        unsafe {
            self.below.thaw();
            self.thaw_ledger();
        }
    }
}
