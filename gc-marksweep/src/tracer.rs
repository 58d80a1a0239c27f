//! Marking: from grey objects to what they point at.
//!
//! Above: the collector's turns, its barrier, its background thread. Below: the queue, the heap's mark
//! bits and claim bits, and the functions that `Trace` was compiled to. Not here: when to mark.

use crate::MarkSweep;
use crate::heap::{Marker, ObjectHeap};
#[cfg(feature = "std")]
use crate::protocol::{Passage, Verdict};
use crate::queue::Queue;
use alloc_core::Layer;
use alloc_core::gc::{Object, Visitor};
use core::ptr::NonNull;

/// Marks what it is shown, and queues it.
///
/// It is made for a step of marking, with the queue, and gives that back.
pub struct Tracer<A: Layer> {
    marker: Marker,
    pub(crate) queue: Queue,
    below: NonNull<A>,
    /// No other thread marks, claims or allocates.
    alone: bool,
    /// Bytes of objects that were visited.
    pub(crate) visited_bytes: usize,
}

/// How objects are kept from being visited twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claims {
    /// By their claim bits: a mutation may come between two steps, or go on beside this one.
    Needed,
    /// Each is in the queue once, and nothing comes between.
    Idle,
}

impl<A: Layer> Tracer<A> {
    /// # Safety
    ///
    /// The heap outlives the tracer, and is marking, as `marker` says, for as long. If `alone`, no
    /// other thread uses a marker of this heap meanwhile, or allocates.
    pub(crate) unsafe fn new(
        marker: Marker,
        queue: Queue,
        heap: &ObjectHeap<A>,
        alone: bool,
    ) -> Self {
        Self { marker, queue, below: NonNull::from(heap.below()), alone, visited_bytes: 0 }
    }

    #[inline(always)]
    fn below<'a>(&self) -> &'a A {
        // SAFETY: the heap outlives the tracer (`new`), and nobody changes it exclusively.
        unsafe { self.below.as_ref() }
    }

    /// Claims an object. `true`: the caller is to visit it.
    #[inline(always)]
    pub(crate) fn claim(&self, object: Object) -> bool {
        // SAFETY: objects that reach a tracer are alive and of its heap, which is marking; if alone, this
        // is the only thread (`new`).
        unsafe {
            if self.alone {
                self.marker.claim_alone(object.header())
            } else {
                self.marker.claim(object.header())
            }
        }
    }

    /// Whether an object was claimed and marked already.
    pub(crate) fn is_marked(&self, object: Object) -> bool {
        // SAFETY: as in `claim`.
        unsafe { self.marker.is_marked(object.header()) }
    }

    /// Visits an object that is claimed, or need not be.
    ///
    /// # Safety
    ///
    /// Nobody writes to the object meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn visit(&mut self, object: Object) {
        // SAFETY: it is an object of this collector's heap, and alive.
        let info = unsafe { object.info::<MarkSweep<A>>() };
        if let Some(mark) = info.mark {
            // SAFETY: the type's own function; nobody writes (caller).
            unsafe { mark(object, self) };
        }
    }

    /// Visits queued objects until about `budget_bytes` are used up, or none is left.
    ///
    /// # Safety
    ///
    /// Nobody writes to an object meanwhile that is not claimed; to none at all without claims.
    pub(crate) unsafe fn drain(&mut self, budget_bytes: &mut usize, claims: Claims) {
        while let Some(object) = self.queue.pop(self.below()) {
            // SAFETY: it is an object of this collector's heap, and alive.
            let shape = unsafe { object.shape::<MarkSweep<A>>() };
            self.visited_bytes += shape.layout.size();
            if shape.needs_trace && (claims == Claims::Idle || self.claim(object)) {
                // SAFETY: claimed by this tracer, or without writers (caller).
                unsafe { self.visit(object) };
            }
            *budget_bytes = budget_bytes.saturating_sub(shape.layout.size());
            if *budget_bytes == 0 {
                return;
            }
        }
    }

    /// Visits some queued objects beside a mutator. `true`: there may be more.
    ///
    /// # Safety
    ///
    /// Who writes to an object has called the barrier for it (P2).
    #[cfg(feature = "std")]
    pub(crate) unsafe fn drain_beside(&mut self, passage: &Passage, objects: usize) -> bool {
        for _ in 0..objects {
            let Some(object) = self.queue.pop(self.below()) else { return false };
            // SAFETY: it is an object of this collector's heap, and alive.
            let shape = unsafe { object.shape::<MarkSweep<A>>() };
            self.visited_bytes += shape.layout.size();
            if !shape.needs_trace {
                continue;
            }
            if passage.enter(object.address(), || self.claim(object)) == Verdict::Visit {
                // SAFETY: claimed, and the mutator waits while this thread is inside.
                unsafe { self.visit(object) };
                passage.leave();
            }
        }
        true
    }
}

// SAFETY: it takes notes in bitmaps and in the queue.
unsafe impl<A: Layer> Visitor for Tracer<A> {
    #[inline(always)]
    fn object(&mut self, object: Object) {
        // SAFETY: as in `claim`.
        let is_first = unsafe {
            if self.alone {
                self.marker.mark_alone(object.header())
            } else {
                self.marker.mark(object.header())
            }
        };
        if is_first {
            self.queue.push(object, self.below());
        }
    }
}

impl<A: Layer> core::fmt::Debug for Tracer<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}
