//! Claim bits for the parts of a large object, its *cards*.
//!
//! Above: the collector, which says what a card holds. Below: a span's claim plane. The span of a large
//! object has claim bits for all of its first `KIB`, and the object needs one: the upper half of the plane
//! is its cards'. Sweeping clears it with the rest.

use super::marker::{Marker, claim_bit, claim_bit_alone};
use super::span::{Place, Plane, SpanRef};
use core::ptr::NonNull;

/// The first word of the plane that is the cards'.
const fn first_word<const KIB: usize>() -> usize {
    KIB / 2
}

/// The bits of a word of the claim plane that stand for cards, in a large object's span.
pub(super) const fn card_bits<const KIB: usize>(word: usize) -> u64 {
    if word >= first_word::<KIB>() { u64::MAX } else { 0 }
}

impl<const KIB: usize> Marker<KIB> {
    /// The most cards an object may have.
    pub const CARDS: usize = if KIB < 2 { 0 } else { (KIB - first_word::<KIB>()) * 64 };

    /// Whether the object can be claimed by cards: it is large, and its own claim bit is elsewhere.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[must_use]
    pub unsafe fn has_cards(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        KIB >= 2
            && span.lane().is_large()
            && SpanRef::<KIB>::place(object).word < first_word::<KIB>()
    }

    /// [`claim`](Self::claim) of one card.
    ///
    /// # Safety
    ///
    /// As for `mark`; the object has cards, and `card` is below [`CARDS`](Self::CARDS).
    #[must_use]
    pub unsafe fn claim_card(&self, object: NonNull<u8>, card: usize) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        claim_bit(span, Self::card_place(card))
    }

    /// [`claim_card`](Self::claim_card) for when no other thread marks, claims or allocates.
    ///
    /// # Safety
    ///
    /// As for `claim_card`; and no other thread uses a marker of this heap meanwhile.
    #[must_use]
    pub unsafe fn claim_card_alone(&self, object: NonNull<u8>, card: usize) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        claim_bit_alone(span, Self::card_place(card))
    }

    fn card_place(card: usize) -> Place {
        debug_assert!(card < Self::CARDS);
        debug_assert!(Plane::CLAIMS != Plane::marks(0) && Plane::CLAIMS != Plane::marks(1));
        Place { word: first_word::<KIB>() + card / 64, bit: 1 << (card % 64) }
    }
}
