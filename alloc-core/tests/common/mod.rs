//! A small, plain heap in one buffer, for tests: first fit, its table of live allocations kept
//! outside the buffer. It is right, or wrong in one chosen way.
//!
//! It is `Send` but not `Sync`, bounded, knows exactly what it owns, and rounds sizes up to
//! `GRAIN`, so it stands in for the real layers, which lie above this crate.

#![allow(dead_code, reason = "each test uses a part of it")]

use alloc_core::{AllocError, Allocator, Broken, Layer, Layout, Report, allocator, dangling};
use std::alloc::{alloc, dealloc};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::ptr::NonNull;
use std::thread::ThreadId;

/// What the buffer is filled with where nothing is allocated.
const DIRT: u8 = 0xa5;
const BUFFER_ALIGN: usize = 1 << 16;

/// The ways in which the heap can be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    IgnoresAlignment,
    Overlaps,
    SliceTooShort,
    WritesIntoNeighbour,
    GrowLosesContents,
    ShrinkLosesContents,
    FailedGrowFrees,
    FailedGrowLeaks,
    ZeroedIsNot,
    GrownIsNotZeroed,
    ZeroSizeFails,
    ZeroSizeHasBytes,
    RefusesLargeAlignment,
    NeverResumes,
    FreeLeaks,
    ExhaustionCorrupts,
    PanicsOnOverflow,
    UsableSizeTooSmall,
    SizesDisagree,
    DeniesLastByte,
    RangeChanges,
    ReportsNothing,
    MiscountsShrinks,
    ReclaimFrees,
    DiscardSoils,
    DiscardTakesMore,
    DiscardGivesTooMuch,
    FreesOfOtherThreadsGoWrong,
}

/// The heap. See the file's head.
pub struct Toy<const GRAIN: usize = 16> {
    base: NonNull<u8>,
    capacity: usize,
    fault: Fault,
    live: RefCell<BTreeMap<usize, usize>>,
    live_bytes: Cell<usize>,
    calls: Cell<usize>,
    ran_out: Cell<bool>,
    /// The thread that allocates first.
    owner: Cell<Option<ThreadId>>,
}

// SAFETY: the buffer is the heap's own, and moves with it.
unsafe impl<const GRAIN: usize> Send for Toy<GRAIN> {}

impl<const GRAIN: usize> Toy<GRAIN> {
    pub fn new(capacity: usize) -> Self {
        Self::with(Fault::None, capacity)
    }

    pub fn with(fault: Fault, capacity: usize) -> Self {
        // SAFETY: the layout has a size; what is read is what is written here.
        let base = unsafe {
            let base = NonNull::new(alloc(Self::buffer(capacity))).expect("memory for a test");
            base.write_bytes(DIRT, capacity);
            base
        };
        Self {
            base,
            capacity,
            fault,
            live: RefCell::default(),
            live_bytes: Cell::new(0),
            calls: Cell::new(0),
            ran_out: Cell::new(false),
            owner: Cell::new(None),
        }
    }

    fn buffer(capacity: usize) -> Layout {
        Layout::from_size_align(capacity.max(1), BUFFER_ALIGN).unwrap()
    }

    /// Whether the byte before `ptr` is the buffer's.
    fn owns_before(&self, ptr: NonNull<u8>) -> bool {
        ptr > self.base
    }

    pub fn live_bytes(&self) -> usize {
        self.live_bytes.get()
    }

    /// Whether the fault is this one, and it is due: every third time.
    fn due(&self, fault: Fault) -> bool {
        if self.fault != fault {
            return false;
        }
        self.calls.set(self.calls.get() + 1);
        self.calls.get().is_multiple_of(3)
    }

    /// The first gap that takes `bytes` at `align`, as an offset.
    fn gap(&self, bytes: usize, align: usize) -> Option<usize> {
        let base = self.base.addr().get();
        let mut at = 0usize;
        let live = self.live.borrow();
        for (&start, &len) in live.iter().chain([(&self.capacity, &0)]) {
            let aligned = base.checked_add(at)?.checked_next_multiple_of(align)? - base;
            if aligned.checked_add(bytes)? <= start {
                return Some(aligned);
            }
            at = start + len;
        }
        None
    }

    fn take(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.owner.set(self.owner.get().or(Some(std::thread::current().id())));
        let bytes = match self.fault {
            Fault::PanicsOnOverflow => {
                let bytes = layout.size().next_multiple_of(GRAIN);
                isize::try_from(bytes).expect("an allocation of a sane size").unsigned_abs()
            }
            _ => layout.size().checked_next_multiple_of(GRAIN)?,
        };
        let align = match self.fault {
            Fault::IgnoresAlignment => layout.align().min(16),
            Fault::RefusesLargeAlignment if layout.align() > 4096 => return None,
            _ => layout.align(),
        };
        if self.fault == Fault::NeverResumes && self.ran_out.get() {
            return None;
        }
        if self.due(Fault::Overlaps) && bytes <= 64 {
            let (&at, &len) = self.live.borrow().last_key_value()?;
            if len >= bytes + align {
                return Some(self.slice(at, bytes));
            }
        }
        let Some(at) = self.gap(bytes, align) else {
            self.ran_out.set(true);
            if self.fault == Fault::ExhaustionCorrupts
                && let Some((&at, _)) = self.live.borrow().first_key_value()
            {
                // SAFETY: within the buffer.
                unsafe { self.base.add(at).write(DIRT) };
            }
            return None;
        };
        self.live.borrow_mut().insert(at, bytes);
        self.live_bytes.set(self.live_bytes.get() + bytes);
        Some(self.slice(at, bytes))
    }

    fn slice(&self, at: usize, bytes: usize) -> NonNull<[u8]> {
        // SAFETY: `at` is an offset within the buffer (`gap`).
        NonNull::slice_from_raw_parts(unsafe { self.base.add(at) }, bytes)
    }

    fn free(&self, ptr: NonNull<u8>) {
        let mut at = ptr.addr().get() - self.base.addr().get();
        if self.due(Fault::FreeLeaks) {
            return;
        }
        if self.fault == Fault::FreesOfOtherThreadsGoWrong
            && self.owner.get() != Some(std::thread::current().id())
            && let Some((&other, _)) = self.live.borrow().iter().find(|(other, _)| **other != at)
        {
            at = other;
        }
        let Some(bytes) = self.live.borrow_mut().remove(&at) else { return };
        self.live_bytes.set(self.live_bytes.get() - bytes);
        // SAFETY: it was live, so it lies within the buffer; so does the next grain, if it is
        // before the end.
        unsafe {
            if self.fault != Fault::FreesOfOtherThreadsGoWrong {
                self.base.add(at).write_bytes(DIRT, bytes);
            }
            if self.due(Fault::WritesIntoNeighbour) && at + bytes < self.capacity {
                self.base.add(at + bytes).write(DIRT);
            }
        }
    }

    fn change(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        keep: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 {
            return self.allocate(new);
        }
        let Some(slice) = self.take(new) else {
            if self.fault == Fault::FailedGrowFrees && new.size() >= old.size() {
                self.free(ptr);
            }
            if self.fault == Fault::FailedGrowLeaks && new.size() >= old.size() {
                self.take(old);
            }
            return Err(AllocError);
        };
        if keep {
            // SAFETY: both are live and at least so long; some faults make them overlap.
            unsafe { slice.cast().copy_from(ptr, old.size().min(slice.len())) };
        }
        self.free(ptr);
        Ok(slice)
    }
}

impl<const GRAIN: usize> Drop for Toy<GRAIN> {
    fn drop(&mut self) {
        // SAFETY: allocated in `with`, with this layout.
        unsafe { dealloc(self.base.as_ptr(), Self::buffer(self.capacity)) }
    }
}

allocator! {
    // SAFETY: without a fault: allocations are disjoint parts of the buffer, which lives as long as
    // the heap. With one it breaks the contract, and only the kit may use it.
    unsafe impl[const GRAIN: usize] Allocator for Toy<GRAIN> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return match self.fault {
                    Fault::ZeroSizeFails => Err(AllocError),
                    Fault::ZeroSizeHasBytes => {
                        self.take(Layout::new::<u8>()).ok_or(AllocError)
                    }
                    _ => Ok(dangling(layout)),
                };
            }
            let slice = self.take(layout).ok_or(AllocError)?;
            if self.due(Fault::SliceTooShort) {
                return Ok(NonNull::slice_from_raw_parts(slice.cast(), layout.size() - 1));
            }
            Ok(slice)
        }
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let slice = self.allocate(layout)?;
            let bytes = if self.due(Fault::ZeroedIsNot) { layout.size() - 1 } else { slice.len() };
            // SAFETY: it was just allocated.
            unsafe { slice.cast::<u8>().write_bytes(0, bytes.min(slice.len())) };
            Ok(slice)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                self.free(ptr);
            }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let keep = !self.due(Fault::GrowLosesContents);
            self.change(ptr, old, new, keep)
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // No more than the contract asks for: what was handed out before is kept, whether it
            // was asked for or not; only what lies beyond that is zeroed.
            let old_bytes = if old.size() == 0 { 0 } else { old.size().next_multiple_of(GRAIN) };
            let kept = Layout::from_size_align(old_bytes, old.align()).unwrap();
            let slice = self.change(ptr, kept, new, true)?;
            if !self.due(Fault::GrownIsNotZeroed) && old_bytes < slice.len() {
                // SAFETY: `slice` was just allocated.
                unsafe {
                    let fresh = slice.cast::<u8>().add(old_bytes);
                    fresh.write_bytes(0, slice.len() - old_bytes);
                }
            }
            Ok(slice)
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 || new.size() == 0 {
                // SAFETY: the caller's promise.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            if self.due(Fault::MiscountsShrinks) {
                self.live_bytes.set(self.live_bytes.get() + 1);
            }
            let keep = !self.due(Fault::ShrinkLosesContents);
            self.change(ptr, old, new, keep)
        }
    }
}

// SAFETY: without a fault: L1, L2: sizes are rounded up to `GRAIN` in both places; L3: at the top
// of each method; L4: the whole buffer is owned; L5: all arithmetic on sizes is checked.
unsafe impl<const GRAIN: usize> Layer for Toy<GRAIN> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let Some(at) = ptr.addr().get().checked_sub(self.base.addr().get()) else { return false };
        if self.fault == Fault::DeniesLastByte {
            return self
                .live
                .borrow()
                .iter()
                .any(|(start, len)| (*start..start + len - 1).contains(&at));
        }
        at < self.capacity
    }
    fn usable_size(&self, layout: Layout) -> usize {
        let bytes = layout.size().checked_next_multiple_of(GRAIN).unwrap_or(layout.size());
        match self.fault {
            Fault::UsableSizeTooSmall => layout.size(),
            // Agrees with what is handed out (for some sizes), not with itself.
            Fault::SizesDisagree if layout.size() > 0 && layout.size().is_multiple_of(GRAIN) => {
                bytes + GRAIN
            }
            _ => bytes,
        }
    }
    fn range(&self) -> Option<Range<usize>> {
        let base = self.base.addr().get();
        let end = base + self.capacity;
        if self.fault == Fault::RangeChanges && self.live.borrow().len() > 2 {
            return Some(base..end - 1);
        }
        Some(base..end)
    }
    fn reclaim(&self, _: usize) -> usize {
        if self.fault == Fault::ReclaimFrees {
            let first = self.live.borrow().first_key_value().map(|(at, _)| *at);
            if let Some(at) = first {
                self.free(self.slice(at, 0).cast());
            }
        }
        0
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        let value = if self.fault == Fault::DiscardSoils { DIRT } else { 0 };
        let more = usize::from(self.fault == Fault::DiscardTakesMore && self.owns_before(ptr));
        // SAFETY: the caller's promise; with the fault, a byte of the buffer more.
        unsafe { ptr.sub(more).write_bytes(value, bytes + more) };
        bytes + usize::from(self.fault == Fault::DiscardGivesTooMuch)
    }
    fn report(&self, report: &mut Report<'_>) {
        if self.fault != Fault::ReportsNothing {
            report.layer("Toy", |report| report.bytes("live", self.live_bytes.get()));
        }
    }
    fn verify(&self) -> Result<(), Broken> {
        let live = self.live.borrow();
        let total: usize = live.values().sum();
        Broken::unless(total == self.live_bytes.get(), "Toy", "live bytes are the sum", total)?;
        let mut end = 0;
        for (&start, &len) in live.iter() {
            Broken::unless(end <= start, "Toy", "allocations are apart", start)?;
            end = start + len;
        }
        Broken::unless(end <= self.capacity, "Toy", "allocations end in the buffer", end)
    }
}
