//! Looking at a heap between two mutations: its objects one by one, and its figures.
//!
//! Above: heap dumps, statistics, verification by the collector. Below: lists and bitmaps.
//! While somebody looks, nothing is swept: the lists are frozen.

use super::ObjectHeap;
use super::classes::Classes;
use super::mutator::Mutator;
use super::span::{Lane, SpanRef};
use alloc_core::sync::wait_a_moment;
use alloc_core::{Layer, Report, Unit};
use core::borrow::Borrow;
use core::fmt;
use core::ptr::NonNull;

/// An object that is alive, or dead and not found so yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its address: that of its header word.
    pub address: NonNull<u8>,
    /// The bytes of its slot.
    pub slot_bytes: usize,
    /// Whether it was allocated as one with a destructor.
    pub drops: bool,
}

/// What a heap holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapFigures {
    /// Runs taken from the layer below: spans, and large objects.
    pub runs: usize,
    /// Their bytes.
    pub run_bytes: usize,
    /// Objects that are alive, or not found dead yet.
    pub objects: usize,
    /// The bytes of their slots.
    pub object_bytes: usize,
    /// Free slots of spans that have objects: what fragmentation keeps.
    pub free_slot_bytes: usize,
    /// Spans without objects that wait for their next use.
    pub pool_bytes: usize,
}

/// What a heap holds of one size class, or of large objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassFigures {
    /// Bytes of a slot; 0: large objects.
    pub slot_bytes: usize,
    /// Spans with objects.
    pub spans: usize,
    /// Objects that are alive, or not found dead yet.
    pub objects: usize,
    /// The bytes of their slots.
    pub object_bytes: usize,
    /// Free slots of those spans.
    pub free_slots: usize,
}

/// Keeps spans where they are.
struct Frozen<'h, A: Layer, const KIB: usize>(&'h ObjectHeap<A, KIB>);

impl<'h, A: Layer, const KIB: usize> Frozen<'h, A, KIB> {
    fn new(heap: &'h ObjectHeap<A, KIB>) -> Self {
        heap.lists.lock().holds += 1;
        let frozen = Self(heap);
        let mut round = 0;
        while heap.lists.lock().in_hand > 0 {
            wait_a_moment(round);
            round = round.saturating_add(1);
        }
        frozen
    }

    fn each_span(&self, mut visit: impl FnMut(SpanRef<KIB>)) {
        for lane in Lane::all(false).chain(Lane::all(true)) {
            for list in 0..3 {
                let mut link = self.0.lists.lock().lane(lane).each()[list].1.first();
                // SAFETY: while the lists are frozen, and the mutator is here, they do not change.
                while let Some(span) = unsafe { SpanRef::from_link(link) } {
                    link = span.next();
                    visit(span);
                }
            }
        }
    }
}

impl<A: Layer, const KIB: usize> Drop for Frozen<'_, A, KIB> {
    fn drop(&mut self) {
        self.0.lists.lock().holds -= 1;
    }
}

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Every span with objects, and for a cursor's span the word and the slots that are still free.
    fn each_span(&self, mut visit: impl FnMut(SpanRef<KIB>, usize, u64)) {
        let frozen = Frozen::new(self.heap());
        frozen.each_span(|span| visit(span, 0, 0));
        for cursor in &self.cursors {
            if let Some((span, word)) = cursor.span() {
                visit(span, word, cursor.free.get());
            }
        }
    }

    /// Calls `visit` for each object that was not found dead: while marking, dead ones are among them;
    /// after [`finish_marking`](Self::finish_marking), those that it found dead are not.
    pub fn for_each_object(&mut self, visit: impl FnMut(Object)) {
        // SAFETY: `visit` does not have the mutator.
        unsafe { self.walk(visit) };
    }

    /// [`for_each_object`](Self::for_each_object), of a mutator that is shared.
    ///
    /// # Safety
    ///
    /// `visit` does nothing with this mutator.
    pub unsafe fn walk(&self, mut visit: impl FnMut(Object)) {
        let alive = self.heap().alive();
        self.each_span(|span, cursor_word, free| {
            let (slot_bytes, drops) = (span.slot_bytes(), span.lane().drops());
            for word in 0..KIB {
                let mut bits = span.bits(alive, word);
                if word == cursor_word {
                    bits &= !free;
                }
                while bits != 0 {
                    visit(Object { address: span.object_at(word, bits), slot_bytes, drops });
                    bits &= bits - 1;
                }
            }
        });
    }

    /// Calls `visit` for each size class that has spans, smallest first, and for large objects first.
    pub fn for_each_class(&mut self, mut visit: impl FnMut(ClassFigures)) {
        let mut classes = [ClassFigures::default(); super::classes::MAX_CLASSES];
        let alive = self.heap().alive();
        self.each_span(|span, cursor_word, free| {
            let class = &mut classes[span.lane().class()];
            let taken: usize =
                (0..KIB).map(|word| span.bits(alive, word).count_ones() as usize).sum();
            debug_assert!(free == 0 || cursor_word < KIB);
            let objects = taken - free.count_ones() as usize;
            class.spans += 1;
            class.objects += objects;
            class.object_bytes += objects * span.slot_bytes();
            class.free_slots += span.span_slots() - objects;
        });
        for (class, figures) in
            classes.iter_mut().enumerate().filter(|(_, figures)| figures.spans > 0)
        {
            figures.slot_bytes = Classes::<KIB>::info(class).slot_bytes;
            visit(*figures);
        }
    }

    /// Writes the heap's figures, those of its classes, then those of the layer below.
    pub fn report(&mut self, report: &mut Report<'_>) {
        let figures = self.figures();
        report.layer("ObjectHeap", |report| {
            report.count("runs", figures.runs as u64);
            report.bytes("run bytes", figures.run_bytes);
            report.count("objects", figures.objects as u64);
            report.bytes("object bytes", figures.object_bytes);
            report.bytes("free slots", figures.free_slot_bytes);
            report.bytes("empty spans", figures.pool_bytes);
            report.layer("objects by class", |report| {
                self.for_each_class(|class| {
                    let mut name = Name::default();
                    report.figure(name.of(class.slot_bytes), class.objects as u64, Unit::Slots);
                });
            });
            self.heap().below.report(report);
        });
    }

    /// The heap's figures at this moment. Takes time linear in its spans.
    pub fn figures(&mut self) -> HeapFigures {
        let mut figures = HeapFigures::default();
        self.for_each_class(|class| {
            figures.objects += class.objects;
            figures.object_bytes += class.object_bytes;
            figures.free_slot_bytes += class.free_slots * class.slot_bytes;
        });
        let lists = self.heap().lists.lock();
        figures.runs = lists.runs;
        figures.run_bytes = lists.run_bytes;
        figures.pool_bytes = lists.pool.len() * SpanRef::<KIB>::SPAN_BYTES;
        figures
    }
}

/// The name of a class in a report, written without allocating.
#[derive(Default)]
struct Name {
    text: [u8; 24],
    len: usize,
}

impl Name {
    fn of(&mut self, slot_bytes: usize) -> &str {
        use fmt::Write;
        let written = match slot_bytes {
            0 => self.write_str("large"),
            _ => write!(self, "{slot_bytes} B"),
        };
        debug_assert!(written.is_ok());
        core::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Name {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}
