//! The heap as a layer: what it owns, reports and gives back; and as something to look up in.
//!
//! Above: whoever holds the stack. Below: each verb goes on to the layer below.

use super::slot::Batch;
use super::span_pool::SpanPool;
use super::{BatchHeap, Lookup, SizeClassHeap, large};
use crate::table::{Class, ClassTable, SizeClasses};
use alloc_core::{Broken, Layer, Layout, Report, Unit};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

// SAFETY: L1 and L2: `usable_size` is the size of the layout's slot, or what the layer below says
// of its run, and both follow from the class alone. L3: `allocate_uncommon`. L4: the layer below.
// L5: no method panics, but for the sink of `report`.
unsafe impl<A: Layer, T: SizeClasses> Layer for SizeClassHeap<A, T> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.below.owns(ptr)
    }

    fn usable_size(&self, layout: Layout) -> usize {
        match T::class_of(layout) {
            Some(class) => T::info(class).slot_bytes,
            None if layout.size() == 0 => 0,
            None => match large::run_layout::<T>(layout) {
                Ok(run) => self.below.usable_size(run),
                Err(_) => layout.size(),
            },
        }
    }

    fn range(&self) -> Option<Range<usize>> {
        self.below.range()
    }

    fn reclaim(&self, goal_bytes: usize) -> usize {
        if goal_bytes == 0 {
            return self.below.reclaim(0); // nothing grows old here
        }
        let released_bytes = self.release_idle();
        let reclaimed_bytes = self.below.reclaim(goal_bytes);
        // A layer below that keeps nothing has given the spans on already.
        let gone_bytes = if reclaimed_bytes == 0 { released_bytes } else { reclaimed_bytes };
        gone_bytes + self.discard_idle(goal_bytes.saturating_sub(gone_bytes))
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise: the bytes are part of a slot, so of a span, or of a large run,
        // both of which are live allocations of the layer below.
        unsafe { self.below.discard(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("SizeClassHeap", |report| {
            self.report_totals(report);
            report.layer("slots in use", |report| self.report_classes(report));
            self.below.report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        self.verify_own()?;
        self.below.verify()
    }

    fn freeze(&self) {
        for class in T::classes() {
            self.class(class).freeze();
        }
        self.large.acquire();
        self.index.freeze();
        self.pool.records.acquire();
        self.below.freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller called `freeze`, which took each of these once.
        unsafe {
            self.below.thaw();
            self.pool.records.release();
            self.index.thaw();
            self.large.release();
            for class in T::classes() {
                self.class(class).spans.release();
            }
        }
    }
}

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    fn report_totals(&self, report: &mut Report<'_>) {
        let (mut spans, mut span_bytes, mut used_bytes) = (0, 0, 0);
        for class in T::classes() {
            let info = T::info(class);
            let lists = self.class(class).spans.lock();
            let here = lists.len();
            spans += here;
            span_bytes += here * info.span_bytes;
            used_bytes += lists.used_slots(info) * info.slot_bytes;
        }
        let (large, large_bytes) = {
            let large = self.large.lock();
            (large.runs.len(), large.bytes)
        };
        report.count("spans", spans as u64);
        report.bytes("span bytes", span_bytes);
        report.bytes("slots in use (caches included)", used_bytes);
        report.count("large allocations", large as u64);
        report.bytes("large bytes", large_bytes);
        report.bytes("span records", self.pool.bytes(T::GRANULE_BYTES));
        report.bytes("side tables (address space)", self.index.table_bytes());
    }

    /// One figure per class that has spans. A figure at a time, so that no lock is held while the
    /// sink runs.
    fn report_classes(&self, report: &mut Report<'_>) {
        for class in T::classes() {
            let info = T::info(class);
            let used = {
                let lists = self.class(class).spans.lock();
                (lists.len() > 0).then(|| lists.used_slots(info))
            };
            if let Some(used) = used {
                let mut name = SlotName::default();
                report.figure(name.of(info.slot_bytes), used as u64, Unit::Slots);
            }
        }
    }
}

/// The name of a class in a report, "32768 B" at the longest, written without allocating.
#[derive(Default)]
struct SlotName {
    text: [u8; 16],
    len: usize,
}

impl SlotName {
    fn of(&mut self, slot_bytes: usize) -> &str {
        use fmt::Write;
        let written = write!(self, "{slot_bytes} B");
        debug_assert!(written.is_ok());
        core::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for SlotName {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

// SAFETY: the index is right for live allocations (its R2).
unsafe impl<A: Layer, T: SizeClasses> Lookup for SizeClassHeap<A, T> {
    fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout> {
        let span = NonNull::new(self.index.span_at(ptr, T::GRANULE_BYTES))?;
        // SAFETY: a span in the index is live; what is read of it does not change (`span.rs`), but
        // for large runs, whose owner is the caller.
        let span = unsafe { span.as_ref() };
        let offset = ptr.addr().get() - span.base.addr().get();
        let (bytes, align, at_start) = match Class::of_span(span.class) {
            Some(class) => {
                let info = T::info(class);
                let slot = offset / info.slot_bytes;
                let at_start =
                    offset.is_multiple_of(info.slot_bytes) && slot < info.span_slots as usize;
                (info.slot_bytes, info.slot_align, at_start)
            }
            None => (self.below.usable_size(span.layout()), span.layout_align, offset == 0),
        };
        Layout::from_size_align(bytes, align).ok().filter(|_| at_start)
    }

    unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool {
        if let Some(class) = self.class_at(ptr) {
            // SAFETY: the caller's promise; the index says which class the slot is of.
            unsafe { self.flush_to_spans(class, Batch::of_one(ptr)) };
            return true;
        }
        // A large run may end within a granule, whose rest may be another heap's.
        let span = NonNull::new(self.index.span_at(ptr, T::GRANULE_BYTES));
        // SAFETY: a span in the index is live, and its base does not change meanwhile: either the
        // allocation is the caller's own, or the address is not this heap's.
        let is_ours = span.is_some_and(|span| unsafe { span.as_ref().base == ptr });
        if is_ours {
            // SAFETY: a span without a class is a large allocation; the caller gives it away.
            unsafe { self.deallocate_large(ptr) };
        }
        is_ours
    }
}

impl Class {
    fn of_span(byte: u8) -> Option<Self> {
        // SAFETY: a span's class byte is 0 or was made from a class (`acquire`).
        unsafe { Self::from_byte(byte) }
    }
}

impl<A: Layer, T: SizeClasses> Drop for SizeClassHeap<A, T> {
    /// Gives every span, large run and table back to the layer below, allocations that are still
    /// live included: as for every allocator, they end with it.
    fn drop(&mut self) {
        for class in T::classes() {
            while self.class(class).transfer.take().is_some() {}
            loop {
                let span = {
                    let mut lists = self.class(class).spans.lock();
                    let lists = &mut *lists;
                    let full = lists.full.first().map(|span| (span, &mut lists.full));
                    let any =
                        full.or_else(|| lists.partial.first().map(|s| (s, &mut lists.partial)));
                    let Some((span, list)) = any else { break };
                    // SAFETY: the span is the first of this list.
                    unsafe { list.remove(span) };
                    span
                };
                // SAFETY: the heap is going away, so no slot is anyone's any more.
                unsafe { self.release(span) };
            }
        }
        loop {
            let first = self.large.lock().runs.first();
            let Some(span) = first else { break };
            // SAFETY: the run is on the list of large allocations, and nobody's any more.
            unsafe { self.deallocate_large(span.as_ref().base) };
        }
        // SAFETY: every record is retired, and the heap is not used afterwards.
        unsafe {
            self.index.close(&self.below);
            self.pool.clear(&self.below, T::GRANULE_BYTES);
        }
    }
}

impl<A: Layer + fmt::Debug, T: SizeClasses> fmt::Debug for SizeClassHeap<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SizeClassHeap")
            .field("classes", &T::SLOT_BYTES.len())
            .field("metadata_bytes", &self.pool.bytes(T::GRANULE_BYTES))
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Layer + Default, T: SizeClasses> Default for SizeClassHeap<A, T> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

const _: () = assert!(SpanPool::chunk_bytes(64 << 10) == 4096);
