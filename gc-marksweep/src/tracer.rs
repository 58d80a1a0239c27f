//! Marking: from grey objects to what they point at.
//!
//! Above: the collector's turns, its barrier, its background thread. Below: the queue, the heap's mark
//! bits and claim bits, and the functions that `Trace` was compiled to. Not here: when to mark.

use crate::ahead::{Ahead, fetch};
use crate::cards::{Cards, Partly};
use crate::heap::{Marker, ObjectHeap};
use crate::outside::Beyond;
use crate::protocol::Passage;
#[cfg(feature = "std")]
use crate::protocol::Verdict;
use crate::queue::Queue;
use alloc_core::Layer;
use alloc_core::gc::{Collector, Object, Visitor};
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

/// Marks what it is shown, and queues it.
///
/// It is made for a step of marking, with the queue, and gives that back.
pub struct Tracer<A: Layer, C> {
    marker: Marker,
    pub(crate) queue: Queue,
    ahead: Ahead,
    /// Where the object is that is being visited.
    here: usize,
    below: NonNull<A>,
    /// No other thread marks, claims or allocates.
    alone: bool,
    /// Bytes of objects that were visited.
    pub(crate) visited_bytes: usize,
    /// What is not in this heap, and is marked elsewhere.
    pub(crate) beyond: Beyond,
    of: PhantomData<fn(C)>,
}

/// By what rule objects are visited: so that none is visited twice in a cycle, or while it changes.
pub(crate) trait Pass {
    /// Whether the caller is to visit what has this address, and then to say that it has left.
    fn enters(&self, address: usize, claim: impl FnOnce() -> bool) -> bool;

    /// It was visited.
    #[inline(always)]
    fn leave(&self) {}
}

/// The rule where no other thread mutates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    /// By claim bits: a mutation may come between two steps.
    Needed,
    /// None: each object is in the queue once, and no mutation comes before marking has ended.
    Idle,
}

impl Pass for Claims {
    #[inline(always)]
    fn enters(&self, _address: usize, claim: impl FnOnce() -> bool) -> bool {
        *self == Self::Idle || claim()
    }
}

/// Beside a mutator: P1 and P2.
#[cfg(feature = "std")]
impl Pass for Passage {
    #[inline(always)]
    fn enters(&self, address: usize, claim: impl FnOnce() -> bool) -> bool {
        self.enter(address, claim) == Verdict::Visit
    }

    #[inline(always)]
    fn leave(&self) {
        Passage::leave(self);
    }
}

impl<A: Layer, C: Collector<Marker = Self>> Tracer<A, C> {
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
        Self {
            marker,
            queue,
            ahead: Ahead::new(),
            here: 0,
            below: NonNull::from(heap.below()),
            alone,
            visited_bytes: 0,
            beyond: Beyond::NOTHING,
            of: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn below<'a>(&self) -> &'a A {
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

    /// Other tracers are at work from now on, or none is.
    #[cfg(feature = "std")]
    pub(crate) const fn set_alone(&mut self, alone: bool) {
        self.alone = alone;
    }

    /// Whether an object was claimed.
    pub(crate) fn is_claimed(&self, object: Object) -> bool {
        // SAFETY: as in `claim`.
        unsafe { self.marker.is_claimed(object.header()) }
    }

    /// Whether an object was marked.
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
        let info = unsafe { object.info::<C>() };
        if let Some(mark) = info.mark {
            // SAFETY: the type's own function; nobody writes (caller).
            unsafe { mark(object, self) };
        }
    }

    /// Claims a card of a huge slice. `true`: the caller is to visit it.
    fn claim_card(&self, cards: &Cards, card: usize) -> bool {
        // SAFETY: as in `claim`; who has `Cards` has an object with cards.
        unsafe {
            let header = cards.object().header();
            if self.alone {
                self.marker.claim_card_alone(header, card)
            } else {
                self.marker.claim_card(header, card)
            }
        }
    }

    /// The cards of an object, if it is so huge that it is visited by cards.
    pub(crate) fn cards(&self, object: Object) -> Option<Cards> {
        // SAFETY: objects that reach a tracer are alive and of its heap.
        unsafe {
            let shape = object.shape::<C>();
            Cards::of::<C>(object, shape.layout.size(), self.marker)
        }
    }

    /// The barrier: visits those of the cards that nobody claimed, and waits for the others. Returns how
    /// many it visited.
    ///
    /// # Safety
    ///
    /// The object is alive, and nobody writes to it meanwhile.
    pub(crate) unsafe fn visit_cards(
        &mut self,
        marker: Option<&Passage>,
        cards: &Cards,
        which: Range<usize>,
    ) -> usize {
        let mut visited = 0;
        for card in which {
            let visits_first = || {
                let is_first = self.claim_card(cards, card);
                if is_first {
                    // SAFETY: claimed, so nobody else visits it; nobody writes (caller).
                    unsafe { cards.visit::<C>(card, self) };
                    visited += 1;
                }
                is_first
            };
            Passage::before_write(marker, cards.address(card), || false, visits_first);
        }
        visited
    }

    /// The object on top of the queue, if it lies near the last one; else one that was on top a little
    /// earlier, and was asked of memory then.
    #[inline(always)]
    fn next_object(&mut self) -> Option<Object> {
        loop {
            let Some(object) = self.queue.pop(self.below()) else { return self.ahead.take() };
            let distance = object.address().wrapping_sub(self.here).wrapping_add(NEAR_BYTES);
            if distance < 2 * NEAR_BYTES {
                return Some(object);
            }
            fetch(object.header().as_ptr());
            if let Some(earlier) = self.ahead.exchange(object) {
                return Some(earlier);
            }
        }
    }

    /// Puts those that wait into the queue.
    pub(crate) fn settle(&mut self) {
        while let Some(object) = self.ahead.take() {
            self.queue.push(object, self.below());
        }
    }

    /// Visits queued objects until about `budget_bytes` are used up, or none is left. `true`: there may be
    /// more.
    ///
    /// # Safety
    ///
    /// Nobody writes to an object meanwhile; beside a [`Passage`], nobody without the barrier (P2). Without
    /// claims, nobody writes before marking has ended.
    pub(crate) unsafe fn drain(&mut self, pass: &impl Pass, budget_bytes: &mut usize) -> bool {
        loop {
            // SAFETY: the caller's.
            if self.queue.partly.is_some() && unsafe { self.drain_cards(pass, budget_bytes) } {
                return true;
            }
            let Some(object) = self.next_object() else { return false };
            self.here = object.address();
            // SAFETY: it is an object of this collector's heap, and alive.
            let info = unsafe { object.info::<C>() };
            if C::TAGS && !self.beyond.is_nothing() && self.beyond.contains(object) {
                // SAFETY: as in `visit`: it is in no bitmap, so it is not claimed.
                unsafe { self.visit(object) };
                continue;
            }
            let plain_bytes = info.plain_bytes;
            let bytes = if plain_bytes == 0 { self.size_other(object) } else { plain_bytes };
            self.visited_bytes += bytes;
            if let Some(mark) = info.mark
                && (plain_bytes != 0 || self.queue.partly.is_none())
                && pass.enters(object.address(), || self.claim(object))
            {
                // SAFETY: the type's own function; nobody writes (caller).
                unsafe { mark(object, self) };
                pass.leave();
            }
            *budget_bytes = budget_bytes.saturating_sub(bytes.min(COST_MAX_BYTES));
            if *budget_bytes == 0 {
                return true;
            }
        }
    }

    /// The size of an object that is not plain. A huge slice is set out to be visited card by card.
    #[cold]
    fn size_other(&mut self, object: Object) -> usize {
        if let Some(cards) = self.cards(object) {
            self.queue.partly = Some(Partly { cards, next: 0 });
        }
        // SAFETY: it is an object of this collector's heap, and alive.
        unsafe { object.shape::<C>() }.layout.size()
    }

    /// Visits cards of the huge slice at hand. `true`: the budget is used up.
    ///
    /// # Safety
    ///
    /// As for [`drain`](Self::drain).
    #[cold]
    unsafe fn drain_cards(&mut self, pass: &impl Pass, budget_bytes: &mut usize) -> bool {
        while let Some(Partly { cards, next }) = self.queue.partly {
            let rest = next + 1 < cards.count();
            self.queue.partly = rest.then_some(Partly { cards, next: next + 1 });
            if pass.enters(cards.address(next), || self.claim_card(&cards, next)) {
                // SAFETY: nobody writes (caller).
                unsafe { cards.visit::<C>(next, self) };
                pass.leave();
            }
            *budget_bytes = budget_bytes.saturating_sub(COST_MAX_BYTES);
            if *budget_bytes == 0 {
                return true;
            }
        }
        false
    }
}

/// What lies so near to the last object needs no hint, or has had it.
const NEAR_BYTES: usize = 64;

/// What an object, or a card, counts for in a budget at most.
const COST_MAX_BYTES: usize = 4 << 10;

// SAFETY: it takes notes in bitmaps and in the queue.
unsafe impl<A: Layer, C: Collector<Marker = Self>> Visitor for Tracer<A, C> {
    #[inline(always)]
    fn object(&mut self, object: Object) {
        if C::TAGS
            && !self.beyond.is_nothing()
            && let Some(is_first) = self.beyond.mark(object)
        {
            if is_first {
                self.queue.push(object, self.below());
            }
            return;
        }
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

impl<A: Layer, C> core::fmt::Debug for Tracer<A, C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}
