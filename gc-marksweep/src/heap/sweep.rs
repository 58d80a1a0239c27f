//! Step 4 of the journey: sweeping.
//!
//! Above: refills, the collector's background thread, the mutator's destructors. Below: a span's bitmaps.
//! Nothing in a span that has no destructors is touched but its header: what is alive is known already.

use super::mutator::Mutator;
use super::span::{Plane, SpanRef};
use super::{NO_POISON, ObjectHeap, POOL_SPANS};
use alloc_core::Layer;
use core::borrow::Borrow;
use core::ptr::NonNull;

/// What a span was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Empty,
    Partial,
    Full,
}

impl<A: Layer, const KIB: usize> ObjectHeap<A, KIB> {
    /// Sweeps up to `spans` spans without destructors, from any thread. Returns how many; fewer than
    /// asked for means that none is left.
    pub fn sweep_some(&self, spans: usize) -> usize {
        for swept in 0..spans {
            let Some(span) = self.lists.lock().take_any_unswept(false) else { return swept };
            self.settle(span, self.sweep_bits(span));
        }
        spans
    }

    /// Whether every span is swept, and no thread is at one. Marking can start then.
    pub fn is_swept(&self) -> bool {
        self.lists.lock().all_swept()
    }

    /// Makes the bitmaps of a span in hand ready for the next cycle, and counts what is alive.
    pub(super) fn sweep_bits(&self, span: SpanRef<KIB>) -> Outcome {
        if self.poison != NO_POISON {
            self.poison_dead(span);
        }
        let alive = self.alive();
        let mut live_slots = 0;
        for word in 0..KIB {
            live_slots += span.bits(alive, word).count_ones() as usize;
            span.set_bits(alive.other(), word, 0);
            span.set_bits(Plane::CLAIMS, word, 0);
        }
        span.set_live_slots(live_slots);
        match live_slots {
            0 => Outcome::Empty,
            all if all == span.span_slots() => Outcome::Full,
            _ => Outcome::Partial,
        }
    }

    #[cold]
    fn poison_dead(&self, span: SpanRef<KIB>) {
        let alive = self.alive();
        for word in 0..KIB {
            let mut dead = span.bits(alive.other(), word) & !span.bits(alive, word);
            while dead != 0 {
                self.poison(span, span.object_at(word, dead));
                dead &= dead - 1;
            }
        }
    }

    /// Overwrites a dead object of a span in hand, if the heap does that.
    fn poison(&self, span: SpanRef<KIB>, object: NonNull<u8>) {
        if self.poison != NO_POISON {
            // SAFETY: the object is dead, and its destructor, if it had one, has run (R6); so the slot is
            // its span's owner's (R1), and this long.
            unsafe { object.write_bytes(self.poison as u8, span.slot_bytes()) };
        }
    }

    /// Puts a span in hand, which was swept, where it belongs.
    pub(super) fn settle(&self, span: SpanRef<KIB>, outcome: Outcome) {
        let lane = span.lane();
        let mut lists = self.lists.lock();
        lists.in_hand -= 1;
        match outcome {
            Outcome::Full => lists.lane(lane).full.push(span),
            Outcome::Partial => lists.lane(lane).partial.push(span),
            Outcome::Empty if !lane.is_large() && lists.pool.len() < POOL_SPANS => {
                lists.pool.push(span);
            }
            Outcome::Empty => {
                lists.forget(span);
                drop(lists);
                // SAFETY: the span was in this thread's hand, and is empty (R7).
                unsafe { self.give_back(span) };
            }
        }
    }
}

/// A span in hand, whose destructors are being run. Dropped before it is settled, also by unwinding, it
/// goes back as unswept as it is.
struct InHand<'h, A: Layer, const KIB: usize> {
    heap: &'h ObjectHeap<A, KIB>,
    span: SpanRef<KIB>,
}

impl<A: Layer, const KIB: usize> InHand<'_, A, KIB> {
    /// Calls `finish` for dead objects until `budget` is used up. `true`: none is left.
    fn drop_dead(&self, budget: &mut usize, finish: &mut impl FnMut(NonNull<u8>)) -> bool {
        let alive = self.heap.alive();
        for word in 0..KIB {
            loop {
                let old = self.span.bits(alive.other(), word);
                let dead = old & !self.span.bits(alive, word);
                if dead == 0 {
                    break;
                }
                if *budget == 0 {
                    return false;
                }
                *budget -= 1;
                // Before the call, so that an object is not finished twice if that unwinds.
                self.span.set_bits(alive.other(), word, old & !(dead & dead.wrapping_neg()));
                let object = self.span.object_at(word, dead);
                finish(object);
                self.heap.poison(self.span, object);
            }
        }
        true
    }

    fn settle(self) {
        self.heap.settle(self.span, self.heap.sweep_bits(self.span));
        core::mem::forget(self);
    }
}

impl<A: Layer, const KIB: usize> Drop for InHand<'_, A, KIB> {
    fn drop(&mut self) {
        self.heap.lists.lock().put_back(self.span);
    }
}

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Sweeps spans with destructors: calls `finish` once for each dead object that was allocated with
    /// `drops`, up to `objects` of them. `true`: none is left.
    ///
    /// The object's memory is intact during the call, and is used again later; objects that it points
    /// to may be gone. If `finish` unwinds, that object is done with, and the next call goes on behind it.
    pub fn sweep_dropping(&self, objects: usize, mut finish: impl FnMut(NonNull<u8>)) -> bool {
        let mut budget = objects;
        let heap = self.heap();
        loop {
            let Some(span) = heap.lists.lock().take_any_unswept(true) else { return true };
            let in_hand = InHand { heap, span };
            if !in_hand.drop_dead(&mut budget, &mut finish) {
                return false;
            }
            in_hand.settle();
        }
    }
}
