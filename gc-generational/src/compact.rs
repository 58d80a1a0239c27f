//! Compaction: objects in sparse spans of the tenured space move together, in a pause, when somebody asks for it.
//!
//! Above: turns. Below: the space, which copies; the mover, which rewrites every pointer there is. It comes right
//! behind a whole collection: nothing is young, remembered, marked or to be swept. What was pinned, or asked for its
//! identity, stays, and so does its span.

use crate::Generational;
use crate::minor::Whole;
use crate::mover::{Mover, place_in_tenured};
use alloc_core::Layer;
use alloc_core::gc::{World, tag};

/// Spans are sparse in which at most this part of the slots hold objects.
const SPARSE_PERCENT: usize = 40;

impl<A: Layer> Generational<A> {
    pub(crate) fn compact(&mut self, world: &mut World<'_, Self>) {
        let whole = Whole;
        // SAFETY: all of that happens right below; nothing unwinds in between (rules T2, C6).
        let evacuated = unsafe {
            self.tenured.evacuate(
                SPARSE_PERCENT,
                |object| object.word().addr() & tag::PINNED == 0,
                |from, to| {
                    let lead = to.header().as_ptr().map_addr(|address| address | tag::MOVED);
                    from.set_word(lead);
                },
            )
        };
        // SAFETY: both are this collector's, and are not changed exclusively while the mover is used.
        let mut mover = unsafe { Mover::compacting(&self.tenured, &self.remembered) };
        world.relocate_roots(&mut mover);
        // SAFETY: the mover does nothing with the space. The object is alive; it is not one that moved, as those are not
        // walked, or no objects any more.
        unsafe {
            self.tenured.walk(|object| {
                if let Some(relocate) = object.info::<Self>().relocate {
                    relocate(object, &mut mover);
                }
            });
        }
        world.settle(&mut |object| Some(place_in_tenured(object)));
        core::mem::forget(whole);
        let figures = self.figures.get_mut();
        figures.compactions += 1;
        figures.evacuated_spans += evacuated.len();
        // SAFETY: every pointer was rewritten: those of the roots, of all objects, of what watches objects.
        unsafe { self.tenured.finish_evacuation(evacuated) };
    }
}
