//! The hot paths of [`Sampled`], its samples, and its traits.
//!
//! Above: the layer's callers. Below: `range.rs`, `pool.rs`, `report.rs`; the layer below.
//! Every slice is cut to the size that was asked for. No lock is held while the system works on a page.

use super::pool::PATTERN;
use super::record::{Record, State};
use super::report::{self, Kind, Mistake};
use super::{COUNTDOWN, Sampled, system};
use crate::combine::zero;
use crate::sync::Ordering;
use crate::watch::calls::{Above, Calls, Inside};
use crate::{AllocError, Allocator, Broken, Layer, Report, cut, dangling};
use core::alloc::Layout;
use core::ptr::NonNull;

impl<A: Layer> Sampled<A> {
    /// Draws how many allocations pass until the next that is to be guarded. For who counts by himself, asks the layer below for
    /// those that pass, then [`guard`](Self::guard), and draws anew. (The traits' methods count, too; a distance has no memory, so
    /// that it does not matter who counts which.)
    #[must_use]
    pub fn draw_distance(&self) -> usize {
        self.sampler.distance().cast_unsigned()
    }

    /// Counts an allocation; `true` if it is not to be sampled. Otherwise [`allocate_drawn`](Self::allocate_drawn) decides.
    #[inline(always)]
    fn passes(&self) -> bool {
        COUNTDOWN.with(|countdown| self.sampler.passes(countdown, 1))
    }

    #[cold]
    fn turn(&self) -> bool {
        COUNTDOWN.with(|countdown| self.sampler.turn(countdown, 1))
    }

    /// Allocates what did not pass: guarded, if it is its turn, and there is a page for it.
    #[cold]
    #[inline(never)]
    fn allocate_drawn(&self, layout: Layout, zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        if self.turn()
            && let Some(slice) = self.guard(layout, zeroed)
        {
            return Ok(slice);
        }
        let slice = match zeroed {
            true => self.below.allocate_zeroed(layout),
            false => self.below.allocate(layout),
        };
        cut(slice, layout.size())
    }

    /// A guarded object; `None` if there is no page for it. For who draws by
    /// [`draw_distance`](Self::draw_distance).
    #[cold]
    #[inline(never)]
    pub fn guard(&self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 {
            return None;
        }
        let _inside = Inside::enter()?;
        let guarded = self.try_guard(layout, zeroed, Above::this_frame());
        if guarded.is_none() {
            // ORDERING: Relaxed; a figure.
            self.passed_by.fetch_add(1, Ordering::Relaxed);
        }
        guarded
    }

    fn try_guard(&self, layout: Layout, zeroed: bool, above: Above) -> Option<NonNull<[u8]>> {
        let (page, start, page_bytes) = {
            let mut pool = self.pool.lock();
            if !pool.is_mapped() {
                let (base, bytes) = pool.map(self.pages, self.sampler.random())?;
                self.range.set(base, bytes);
            }
            if layout.size() > pool.page_bytes() || layout.align() > pool.page_bytes() {
                return None;
            }
            let page = pool.take()?;
            (page, pool.start(page), pool.page_bytes())
        };
        // SAFETY: the page was taken by this thread, for it alone.
        if !unsafe { system::open(start, page_bytes) } {
            self.pool.lock().put_back(page);
            return None;
        }
        let room_bytes = page_bytes - layout.size();
        let at =
            if self.sampler.random() & 1 == 0 { 0 } else { room_bytes & !(layout.align() - 1) };
        // SAFETY: the page is accessible, and this thread's; the object lies in it.
        let object = unsafe {
            start.write_bytes(PATTERN, page_bytes);
            let object = start.add(at);
            if zeroed {
                object.write_bytes(0, layout.size());
            }
            object
        };
        let calls = Calls::here(above);
        self.pool.lock().enter(page, object.addr().get(), layout, calls);
        Some(NonNull::slice_from_raw_parts(object, layout.size()))
    }

    /// The record of a live object that starts at `ptr`, an address of the pool. There is no other way on from a
    /// mistake than to say so and to abort. `bytes` is the size that its owner believes in. If it `frees`, the object leaves
    /// in the same section of the lock, so that of two frees at a time one comes too late.
    #[cold]
    #[inline(never)]
    fn checked(&self, ptr: NonNull<u8>, bytes: usize, frees: bool) -> (usize, Record) {
        let address = ptr.addr().get();
        let (page, record) = {
            let mut pool = self.pool.lock();
            let page = pool.page_of(address);
            let record = page.map(|page| *pool.record(page));
            if let (Some(page), Some(record)) = (page, record)
                && record.state == State::Live
                && (record.start, record.bytes) == (address, bytes)
            {
                if frees {
                    pool.leave(page);
                }
                return (page, record);
            }
            (page, record)
        };
        let known = record.filter(|record| record.state != State::Fresh);
        let kind = match known.filter(|record| page.is_some() && record.start == address) {
            Some(record) if record.state == State::Live => Kind::WrongSize(bytes),
            Some(_) => Kind::DoubleFree,
            None => Kind::InvalidFree,
        };
        self.stop(Mistake { kind, address, record: known, calls: Calls::here(Above::this_frame()) })
    }

    #[cold]
    fn stop(&self, mistake: Mistake) -> ! {
        report::write(&mistake);
        report::end()
    }

    /// Frees a guarded object.
    ///
    /// # Safety
    ///
    /// `ptr` is an address of the pool, and whoever owns an object there gives it up.
    #[cold]
    #[inline(never)]
    unsafe fn unguard(&self, ptr: NonNull<u8>, bytes: usize) {
        let (page, record) = self.checked(ptr, bytes, true);
        let (start, page_bytes) = {
            let pool = self.pool.lock();
            (pool.start(page), pool.page_bytes())
        };
        self.check_pattern(start, page_bytes, &record);
        let calls = Calls::here(Above::this_frame());
        self.pool.lock().note_freed(page, calls);
        // SAFETY: the object was live and the caller's; the page is this thread's until it is put back. A system that
        // refuses leaves it accessible: then nothing more is found there.
        unsafe { system::close(start, page_bytes) };
        self.pool.lock().put_back(page);
    }

    /// What of the page is not the object's is as it was.
    fn check_pattern(&self, start: NonNull<u8>, page_bytes: usize, record: &Record) {
        // SAFETY: the page is accessible while its object lives, and the object's owner is here.
        let page = unsafe { core::slice::from_raw_parts(start.as_ptr(), page_bytes) };
        let (first, end) =
            (record.start - start.addr().get(), record.start - start.addr().get() + record.bytes);
        if is_intact(&page[..first]) && is_intact(&page[end..]) {
            return;
        }
        let spoilt = |byte: &u8| *byte != PATTERN;
        // The nearest bytes first.
        let before = page[..first].iter().rposition(spoilt).map(|at| (Kind::Underflow, at));
        let behind = page[end..].iter().position(spoilt).map(|at| (Kind::Overflow, end + at));
        if let Some((kind, at)) = behind.or(before) {
            let address = start.addr().get() + at;
            self.stop(Mistake { kind, address, record: Some(*record), calls: Calls::none() });
        }
    }

    /// Gives an object a new size elsewhere, guarded or not.
    ///
    /// # Safety
    ///
    /// As for [`grow`](crate::Allocator::grow) or `shrink`; `ptr` is an address of the pool.
    #[cold]
    unsafe fn move_guarded(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        zeroed: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.checked(ptr, old.size(), false);
        let slice = if zeroed { self.allocate_zeroed(new)? } else { self.allocate(new)? };
        // SAFETY: both are live and distinct, and at least as long as the smaller size.
        unsafe {
            slice.cast::<u8>().copy_from_nonoverlapping(ptr, old.size().min(new.size()));
            self.unguard(ptr, old.size());
        }
        Ok(slice)
    }

    /// The size of the guarded object that starts at `ptr`, as its owner knows it; `Some` for every address of the pool, so
    /// that a free of what is no object's start comes to the check. `None` for the addresses of others. For who has
    /// no layouts.
    pub fn guarded_bytes(&self, ptr: NonNull<u8>) -> Option<usize> {
        let address = ptr.addr().get();
        if !self.range.contains(address) {
            return None;
        }
        let pool = self.pool.lock();
        Some(pool.page_of(address).map_or(1, |page| pool.record(page).bytes.max(1)))
    }
}

/// Whether all bytes hold the pattern. Without a way out in between, the compiler looks at many bytes at a time.
fn is_intact(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |spoilt, byte| spoilt | (byte ^ PATTERN)) == 0
}

allocator! {
    // SAFETY: what is in the pool's range was placed there by `guard`, and leaves by `unguard`; all else is the layer
    // below's, cut to the size that was asked for, so that only the layout itself fits. Nothing here unwinds.
    unsafe impl[A: Layer] Allocator for Sampled<A> {
        #[inline(always)]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if !self.passes() {
                return self.allocate_drawn(layout, false);
            }
            cut(self.below.allocate(layout), layout.size())
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if !self.passes() {
                return self.allocate_drawn(layout, true);
            }
            cut(self.below.allocate_zeroed(layout), layout.size())
        }
        #[inline(always)]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if self.range.contains(ptr.addr().get()) && layout.size() > 0 {
                // SAFETY: the caller's promise, as far as it is kept.
                return unsafe { self.unguard(ptr, layout.size()) };
            }
            // SAFETY: the caller's promise.
            unsafe { self.below.deallocate(ptr, layout) }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe {
                if self.range.contains(ptr.addr().get()) && old.size() > 0 {
                    return self.move_guarded(ptr, old, new, false);
                }
                cut(self.below.grow(ptr, old, new), new.size())
            }
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise. The layer below zeroes what lies beyond its own slice; what was cut off
            // from that is zeroed here.
            unsafe {
                if self.range.contains(ptr.addr().get()) && old.size() > 0 {
                    return self.move_guarded(ptr, old, new, true);
                }
                let slice = cut(self.below.grow_zeroed(ptr, old, new), new.size())?;
                zero(slice.cast(), old.size(), self.below.usable_size(old).min(new.size()));
                Ok(slice)
            }
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe {
                if self.range.contains(ptr.addr().get()) && old.size() > 0 {
                    if new.size() == 0 {
                        self.unguard(ptr, old.size());
                        return Ok(dangling(new));
                    }
                    return self.move_guarded(ptr, old, new, false);
                }
                cut(self.below.shrink(ptr, old, new), new.size())
            }
        }
    }
}

// SAFETY: L1: every slice is cut to its layout's size. L2: by that, no other size fits. L3: size 0 is never guarded.
// L4: the pool's range, and the layer below. L5: only the layer below is called, and the system.
unsafe impl<A: Layer> Layer for Sampled<A> {
    pass_on!(below: reclaim);

    #[inline]
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.range.contains(ptr.addr().get()) || self.below.owns(ptr)
    }
    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        if self.range.contains(ptr.addr().get()) {
            return 0;
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { self.below.discard(ptr, bytes) }
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Sampled", |report| {
            report.count("mean distance", self.mean_allocations() as u64);
            report.pages("pool", self.pages());
            report.count("guarded objects", self.guarded() as u64);
            report.count("passed by", self.passed_by() as u64);
            self.below.report(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.pool.lock().verify()?;
        self.below.verify()
    }
    fn freeze(&self) {
        self.freeze_pool();
        self.below.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock and froze the layer below.
        unsafe {
            self.below.thaw();
            self.thaw_pool();
        }
    }
}
