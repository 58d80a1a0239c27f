//! Giving back: what no slot in use stands on leaves for the layer below.
//!
//! Above: `Layer::reclaim`. Below: empty spans are released (`spans.rs`); of partly used spans the
//! pages that no slot in use touches are discarded (`pages.rs` says which).
//!
//! A span whose pages are on their way is *away*: on a list of its own, so that nothing is taken
//! from it, while slots still come back to it. No lock is held meanwhile.

use super::SizeClassHeap;
use super::pages::Grid;
use crate::table::{Class, ClassInfo, ClassTable, SizeClasses};
use alloc_core::Layer;

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    /// Returns what waits in the transfer caches to the spans, and every empty span to the layer
    /// below. Returns the bytes of those spans.
    pub(super) fn release_idle(&self) -> usize {
        let mut released_bytes = 0;
        for class in T::classes() {
            let info = T::info(class);
            while let Some(batch) = self.class(class).transfer.take() {
                // SAFETY: the batch was flushed to this class.
                unsafe { self.flush_to_spans(class, batch) };
            }
            loop {
                // The guard goes before the release, which calls the layer below.
                let empty = self.class(class).spans.lock().take_empty(info);
                let Some(span) = empty else { break };
                released_bytes += info.span_bytes;
                // SAFETY: `take_empty` took it off the lists because none of its slots is used.
                unsafe { self.release(span) };
            }
        }
        released_bytes
    }

    /// Gives back pages of partly used spans, until that is `goal_bytes` or all. Returns the bytes.
    pub(super) fn discard_idle(&self, goal_bytes: usize) -> usize {
        let mut discarded_bytes = 0;
        for class in T::classes() {
            let info = T::info(class);
            let Some(grid) = Grid::of(info) else { continue };
            // So many as are partial now: those that were looked at stand behind the others.
            let spans = self.class(class).spans.lock().partial.len();
            for _ in 0..spans {
                if discarded_bytes >= goal_bytes {
                    return discarded_bytes;
                }
                discarded_bytes += self.discard_in_first(class, info, grid);
            }
        }
        discarded_bytes
    }

    /// Gives back pages of the first partial span.
    fn discard_in_first(&self, class: Class, info: &ClassInfo, grid: Grid) -> usize {
        let departed = self.class(class).spans.lock().depart(info, grid);
        let Some((span, leaving)) = departed.filter(|(_, leaving)| *leaving != 0) else { return 0 };
        // SAFETY: the span is away, so its base stays.
        let base = unsafe { span.as_ref().base };
        let mut discarded_bytes = 0;
        for run in grid.runs(leaving) {
            // SAFETY: `rest` chose pages in the span's memory that no slot in use touches and in
            // which no link lies; while the span is away, none is handed out or linked.
            discarded_bytes += unsafe { self.below.discard(base.add(run.start), run.len()) };
        }
        // SAFETY: it departed above.
        let empty = unsafe { self.class(class).spans.lock().arrive(info, span) };
        if let Some(span) = empty {
            // SAFETY: `arrive` took it off the lists because none of its slots is used.
            unsafe { self.release(span) };
        }
        discarded_bytes
    }
}
