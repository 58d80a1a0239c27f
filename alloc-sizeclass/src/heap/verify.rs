//! The heap's invariants, as a function.
//!
//! Above: `Layer::verify`. For every class, under its lock:
//! * V1: a span on `partial` or `away` has a slot to hand out, a span on `full` has none; `is_away`
//!   says which of the two.
//! * V2: a span's record names the class, and its memory has the layout of the class's spans.
//! * V3: the index leads from every granule of a span to its record.
//! * V4: the free list has exactly as many slots as it says, each a slot of the span that was handed out
//!   before (so none is fresh) and does not rest, and no slot stands on it twice.
//!
//! And for the large runs: V5: the index leads from the run to its record; the bytes add up.

use super::SizeClassHeap;
use super::class::List;
use super::pages::Grid;
use super::span::{LARGE, Span};
use crate::table::{Class, ClassInfo, ClassTable, SizeClasses};
use alloc_core::{Broken, Layer};
use core::ptr;

const HEAP: &str = "SizeClassHeap";

fn rule(holds: bool, rule: &'static str, span: &Span) -> Result<(), Broken> {
    Broken::unless(holds, HEAP, rule, span.base.addr().get())
}

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    pub(super) fn verify_own(&self) -> Result<(), Broken> {
        for class in T::classes() {
            let lists = self.class(class).spans.lock();
            self.verify_list(class, &lists.partial, false, false)?;
            self.verify_list(class, &lists.away, false, true)?;
            self.verify_list(class, &lists.full, true, false)?;
        }
        self.verify_large()
    }

    fn verify_list(&self, class: Class, list: &List, full: bool, away: bool) -> Result<(), Broken> {
        let info = T::info(class);
        let mut len = 0;
        for span in list.iter() {
            len += 1;
            rule((span.available() == 0) == full, "V1: a span on the wrong list", span)?;
            rule(span.is_away == away, "V1: a span away, or not, on the wrong list", span)?;
            rule(span.available() <= info.span_slots, "V1: more slots than the span has", span)?;
            rule(span.class as usize == class.index(), "V2: a span of another class", span)?;
            rule(span.layout_bytes == info.span_bytes, "V2: a span of another size", span)?;
            self.verify_index(span, info.span_bytes / T::GRANULE_BYTES)?;
            verify_free_list(span, info)?;
        }
        Broken::unless(len == list.len(), HEAP, "V1: a list's length", class.index())
    }

    fn verify_index(&self, span: &Span, granules: usize) -> Result<(), Broken> {
        for granule in 0..granules {
            // SAFETY: the granule lies within the span's memory.
            let address = unsafe { span.base.add(granule * T::GRANULE_BYTES) };
            let found = self.index.span_at(address, T::GRANULE_BYTES);
            rule(ptr::eq(found, span), "V3: the index leads elsewhere", span)?;
            let class = self.index.class_at(address, T::GRANULE_BYTES);
            rule(class == span.class, "V3: the index names another class", span)?;
        }
        Ok(())
    }

    fn verify_large(&self) -> Result<(), Broken> {
        let large = self.large.lock();
        let (mut len, mut bytes) = (0, 0);
        for span in large.runs.iter() {
            len += 1;
            bytes += self.below.usable_size(span.layout());
            rule(span.class == LARGE, "V5: a large run with a class", span)?;
            self.verify_index(span, 1)?;
        }
        let adds_up = len == large.runs.len() && bytes == large.bytes;
        Broken::unless(adds_up, HEAP, "V5: the bytes of large runs add up", large.bytes)
    }
}

/// V4. Cycles are found because the list may not be longer than it says.
fn verify_free_list(span: &Span, info: &ClassInfo) -> Result<(), Broken> {
    let grid = Grid::of(info);
    let handed_out_once = (info.span_slots - span.fresh_slots) as usize;
    let mut slot = span.free.head();
    let mut last = ptr::null_mut();
    for _ in 0..span.free.len() {
        rule(!slot.is_null(), "V4: the free list is too short", span)?;
        let offset = slot.addr().wrapping_sub(span.base.addr().get());
        let is_slot =
            offset.is_multiple_of(info.slot_bytes) && offset / info.slot_bytes < handed_out_once;
        rule(is_slot, "V4: the free list leads out of the span's slots", span)?;
        let rests = grid.is_some_and(|grid| span.pages.rests(grid, offset / info.slot_bytes));
        rule(!rests, "V4: a slot that rests is linked", span)?;
        // SAFETY: it is a slot of the span, on its free list: its first word is a link.
        (last, slot) = (slot, unsafe { (*slot).next });
    }
    rule(last == span.free.last(), "V4: the free list ends elsewhere", span)?;
    rule(slot.is_null(), "V4: the free list is too long", span)
}
