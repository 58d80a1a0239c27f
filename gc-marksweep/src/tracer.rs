//! Marking: from grey objects to what they point at.
//!
//! Above: the collector's turns, its barrier, its background thread. Below: the queue, the heap's mark
//! bits and claim bits, and the functions that `Trace` was compiled to. Not here: when to mark.

use crate::MarkSweep;
use crate::cards::{CARDED_BYTES, Cards, Partly};
use crate::heap::{Marker, ObjectHeap};
#[cfg(feature = "std")]
use crate::protocol::{Passage, Verdict};
use crate::queue::Queue;
use alloc_core::Layer;
use alloc_core::gc::{Object, Visitor};
use core::ops::Range;
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
        let info = unsafe { object.info::<MarkSweep<A>>() };
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
            let shape = object.shape::<MarkSweep<A>>();
            Cards::of::<A>(object, shape.layout.size(), self.marker)
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
        cards: &Cards,
        which: Range<usize>,
        wait_for: impl Fn(usize),
    ) -> usize {
        let mut visited = 0;
        for card in which {
            if self.claim_card(cards, card) {
                // SAFETY: claimed, so nobody else visits it; nobody writes (caller).
                unsafe { cards.visit(card, self) };
                visited += 1;
            } else {
                wait_for(cards.address(card));
            }
        }
        visited
    }

    /// Takes the next object from the queue, or says what of a huge slice is next.
    #[inline(always)]
    fn take(&mut self) -> Option<Next> {
        if self.queue.partly.is_some() {
            return self.next_card();
        }
        let object = self.queue.pop(self.below())?;
        // SAFETY: it is an object of this collector's heap, and alive.
        let shape = unsafe { object.shape::<MarkSweep<A>>() };
        let bytes = shape.layout.size();
        self.visited_bytes += bytes;
        if !shape.needs_trace {
            return Some(Next::Leaf(bytes));
        }
        if bytes >= CARDED_BYTES
            && let Some(cards) = self.cards(object)
        {
            self.queue.partly = Some(Partly { cards, next: 0 });
            return Some(Next::Leaf(0));
        }
        Some(Next::Object(object, bytes))
    }

    #[cold]
    fn next_card(&mut self) -> Option<Next> {
        let partly = self.queue.partly.as_mut()?;
        let (cards, card) = (partly.cards, partly.next);
        partly.next += 1;
        if partly.next >= cards.count() {
            self.queue.partly = None;
        }
        Some(Next::Card(cards, card))
    }

    /// Visits queued objects until about `budget_bytes` are used up, or none is left.
    ///
    /// # Safety
    ///
    /// Nobody writes to an object meanwhile that is not claimed; to none at all without claims.
    pub(crate) unsafe fn drain(&mut self, budget_bytes: &mut usize, claims: Claims) {
        while let Some(next) = self.take() {
            let bytes = match next {
                Next::Leaf(bytes) => bytes,
                Next::Object(object, bytes) => {
                    if claims == Claims::Idle || self.claim(object) {
                        // SAFETY: claimed by this tracer, or without writers (caller).
                        unsafe { self.visit(object) };
                    }
                    bytes
                }
                Next::Card(cards, card) => {
                    if claims == Claims::Idle || self.claim_card(&cards, card) {
                        // SAFETY: the same.
                        unsafe { cards.visit(card, self) };
                    }
                    CARD_COST_BYTES
                }
            };
            *budget_bytes = budget_bytes.saturating_sub(bytes);
            if *budget_bytes == 0 {
                return;
            }
        }
    }

    /// Visits some queued objects, and cards, without claims. `true`: there may be more.
    ///
    /// # Safety
    ///
    /// Nobody writes to any object meanwhile.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn visit_some(&mut self, objects: usize) -> bool {
        for _ in 0..objects {
            match self.take() {
                None => return false,
                Some(Next::Leaf(_)) => {}
                // SAFETY: nobody writes (caller).
                Some(Next::Object(object, _)) => unsafe { self.visit(object) },
                // SAFETY: the same.
                Some(Next::Card(cards, card)) => unsafe { cards.visit(card, self) },
            }
        }
        true
    }

    /// Visits some queued objects beside a mutator. `true`: there may be more.
    ///
    /// # Safety
    ///
    /// Who writes to an object has called the barrier for it (P2).
    #[cfg(feature = "std")]
    pub(crate) unsafe fn drain_beside(&mut self, passage: &Passage, objects: usize) -> bool {
        for _ in 0..objects {
            match self.take() {
                None => return false,
                Some(Next::Leaf(_)) => {}
                Some(Next::Object(object, _)) => {
                    if passage.enter(object.address(), || self.claim(object)) == Verdict::Visit {
                        // SAFETY: claimed, and the mutator waits while this thread is inside.
                        unsafe { self.visit(object) };
                        passage.leave();
                    }
                }
                Some(Next::Card(cards, card)) => {
                    let claim = || self.claim_card(&cards, card);
                    if passage.enter(cards.address(card), claim) == Verdict::Visit {
                        // SAFETY: the same.
                        unsafe { cards.visit(card, self) };
                        passage.leave();
                    }
                }
            }
        }
        true
    }
}

/// What a tracer visits next.
enum Next {
    /// Nothing of it; so many bytes.
    Leaf(usize),
    Object(Object, usize),
    Card(Cards, usize),
}

/// What a card counts for in a budget.
const CARD_COST_BYTES: usize = 4 << 10;

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
