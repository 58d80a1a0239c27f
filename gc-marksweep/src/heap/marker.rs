//! The verbs of marking: mark bits and claim bits of objects, found from their addresses alone.
//!
//! Above: the collector's marker, on any thread, and its write barrier. Below: spans' bitmaps.
//! Not here: what to mark. A marker lasts from `start_marking` to `finish_marking`; it is two words'
//! worth of constants, and copied freely.

use super::span::{Place, Plane, SpanRef};
use alloc_core::sync::{AtomicU64, Ordering};
use core::ptr::NonNull;

/// Marks and claims objects of one heap, during one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Marker<const KIB: usize = 64> {
    marks: Plane,
}

impl<const KIB: usize> Marker<KIB> {
    pub(super) const fn new(marks: Plane) -> Self {
        Self { marks }
    }

    /// Sets the object's mark bit. `true`: it was not set, and nobody else was told so (R3).
    ///
    /// # Safety
    ///
    /// `object` was handed out by the heap that this marker is of, is alive, and has the provenance
    /// that it was handed out with. The heap is still in the marking phase that this marker was made
    /// for.
    #[inline(always)]
    #[must_use]
    pub unsafe fn mark(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.set(self.marks, object) }
    }

    /// [`mark`](Self::mark) for when no other thread marks, claims or allocates: it is the same
    /// without an atomic read-modify-write.
    ///
    /// # Safety
    ///
    /// As for `mark`; and no other thread uses a marker of this heap meanwhile.
    #[inline(always)]
    #[must_use]
    pub unsafe fn mark_alone(&self, object: NonNull<u8>) -> bool {
        let place = SpanRef::<KIB>::place(object);
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        let bits = span.bits(self.marks, place.word);
        span.set_bits(self.marks, place.word, bits | place.bit);
        bits & place.bit == 0
    }

    /// Whether the object's mark bit is set. `false` may be out of date where other threads mark.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[inline(always)]
    #[must_use]
    pub unsafe fn is_marked(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        let place = SpanRef::<KIB>::place(object);
        span.bits(self.marks, place.word) & place.bit != 0
    }

    /// Sets the object's claim bit. `true`: it was not set, and nobody else was told so: the caller is
    /// the one to trace the object in this cycle (R3).
    ///
    /// Claims are ordered: what a thread wrote before it claimed an object is visible to whoever finds
    /// the object claimed.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[inline(always)]
    #[must_use]
    pub unsafe fn claim(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        claim_bit(span, SpanRef::<KIB>::place(object))
    }

    /// [`claim`](Self::claim) for when no other thread marks, claims or allocates.
    ///
    /// # Safety
    ///
    /// As for [`mark_alone`](Self::mark_alone).
    #[inline(always)]
    #[must_use]
    pub unsafe fn claim_alone(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        claim_bit_alone(span, SpanRef::<KIB>::place(object))
    }

    /// Whether somebody claimed the object: ordered, as claims are. `false` may be out of date where other
    /// threads claim.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[inline(always)]
    #[must_use]
    pub unsafe fn is_claimed(&self, object: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        let place = SpanRef::<KIB>::place(object);
        // ORDERING: Acquire: partner of the AcqRel in `claim_bit`.
        span.word(Plane::CLAIMS, place.word).load(Ordering::Acquire) & place.bit != 0
    }

    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[inline(always)]
    unsafe fn set(&self, plane: Plane, object: NonNull<u8>) -> bool {
        let place = SpanRef::<KIB>::place(object);
        // SAFETY: the caller's promise.
        let word = unsafe { SpanRef::<KIB>::of(object) }.word(plane, place.word);
        // Most objects that are met again are marked already, and a load does not take the line.
        word.load(Ordering::Relaxed) & place.bit == 0 && set_once(word, place.bit)
    }
}

/// Sets a claim bit, ordered; whether this call was the one that did.
#[inline(always)]
pub(super) fn claim_bit<const KIB: usize>(span: SpanRef<KIB>, place: Place) -> bool {
    let word = span.word(Plane::CLAIMS, place.word);
    // ORDERING: Acquire, and below AcqRel: claims of the same object are each other's partners; other
    // changes of the word meanwhile are read-modify-writes, which hand on what the claim released.
    word.load(Ordering::Acquire) & place.bit == 0
        && word.fetch_or(place.bit, Ordering::AcqRel) & place.bit == 0
}

/// Sets a claim bit when no other thread does.
#[inline(always)]
pub(super) fn claim_bit_alone<const KIB: usize>(span: SpanRef<KIB>, place: Place) -> bool {
    let bits = span.bits(Plane::CLAIMS, place.word);
    span.set_bits(Plane::CLAIMS, place.word, bits | place.bit);
    bits & place.bit == 0
}

/// Sets a bit; whether this call was the one that did.
#[inline(always)]
fn set_once(word: &AtomicU64, bit: u64) -> bool {
    // ORDERING: Relaxed: one of several read-modify-writes of a word is the first whatever the order
    // (R3), and no other memory is published by a bit. What an object holds reaches the marker by how
    // the collector hands the snapshot over; and who is told `false` must not touch the object on the
    // strength of that.
    word.fetch_or(bit, Ordering::Relaxed) & bit == 0
}
