//! Huge slices are visited card by card, so that a step of marking, and the barrier of one element, take
//! bounded time whatever the slice's length.
//!
//! Above: the tracer, the barrier. Below: the heap's claim bits for cards, the type's `mark_part`.
//!
//! * K1: a card is visited by whoever claims it, once in a cycle, before its first change: P1 and P2 of
//!   `protocol.rs`, with cards for objects.
//! * K2: the claim bit of the whole object says that all its cards were visited, or that the object was
//!   born while marking. It is set by the mutator only; the marker never meets such an object in its queue.

use crate::heap::Marker;
use alloc_core::gc::{Collector, Object, TypeInfo};
use core::ops::Range;

/// Objects are visited as a whole below this.
pub(crate) const CARDED_BYTES: usize = 64 << 10;
/// Elements of a card, at least.
const CARD_ELEMENTS: usize = 512;

/// How an object is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cards {
    object: Object,
    elements: usize,
    card_elements: usize,
}

impl Cards {
    fn new(object: Object, elements: usize) -> Self {
        let card_elements = elements.div_ceil(Marker::<64>::CARDS).max(CARD_ELEMENTS);
        Self { object, elements, card_elements }
    }

    /// The cards of an object that has `size_bytes`, if it is visited by cards.
    ///
    /// # Safety
    ///
    /// The object is of this collector's heap, and alive.
    pub unsafe fn of<C: Collector>(
        object: Object,
        size_bytes: usize,
        marker: Marker,
    ) -> Option<Self> {
        if size_bytes < CARDED_BYTES {
            return None;
        }
        // SAFETY: the caller's.
        unsafe {
            object.info::<C>().mark_part?;
            let elements = object.elements::<C>()?;
            marker.has_cards(object.header()).then(|| Self::new(object, elements))
        }
    }

    pub const fn object(&self) -> Object {
        self.object
    }

    /// How many cards there are.
    pub const fn count(&self) -> usize {
        self.elements.div_ceil(self.card_elements)
    }

    /// The cards that these elements lie in.
    pub const fn of_elements(&self, elements: &Range<usize>) -> Range<usize> {
        if elements.start >= elements.end {
            return 0..0;
        }
        elements.start / self.card_elements..(elements.end - 1) / self.card_elements + 1
    }

    /// The elements of a card.
    fn elements(&self, card: usize) -> Range<usize> {
        let start = card * self.card_elements;
        start..(start + self.card_elements).min(self.elements)
    }

    /// A number that no other card and no object has: addresses inside this object.
    pub fn address(&self, card: usize) -> usize {
        debug_assert!(card + 1 < CARDED_BYTES);
        self.object.address() + 1 + card
    }

    /// Visits the elements of a card.
    ///
    /// # Safety
    ///
    /// The object is alive, and nobody writes to these elements meanwhile.
    pub unsafe fn visit<C: Collector>(&self, card: usize, tracer: &mut C::Marker) {
        // SAFETY: the object is of this collector's heap (`of`) and alive (caller).
        let info: &TypeInfo<C> = unsafe { self.object.info() };
        if let Some(mark) = info.mark_part {
            // SAFETY: the type's own function; nobody writes (caller).
            unsafe { mark(self.object, self.elements(card), tracer) };
        }
    }
}

/// A huge slice that was visited up to a card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partly {
    pub cards: Cards,
    pub next: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;

    #[test]
    fn cards_cover_every_element_once() {
        let word = 0_u64;
        // SAFETY: nobody follows it.
        let object = unsafe { Object::from_header(NonNull::from(&word).cast()) };
        for elements in [0, 1, 511, 512, 513, 100_000, 1 << 20, (1 << 20) + 1, 12_345_678] {
            let cards = Cards::new(object, elements);
            assert!(cards.count() <= Marker::<64>::CARDS);
            let mut next = 0;
            for card in 0..cards.count() {
                let range = cards.elements(card);
                assert!(range.start == next && !range.is_empty());
                assert_eq!(cards.of_elements(&range), card..card + 1);
                next = range.end;
            }
            assert_eq!(next, elements);
            assert_eq!(cards.of_elements(&(0..elements)), 0..cards.count());
            assert_eq!(cards.of_elements(&(5..5)), 0..0);
        }
    }
}
