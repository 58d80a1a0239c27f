//! A span: a run of pages cut into slots of one class, with a bit for each slot that is free.
//!
//! Above: a class's shelf (`shelf.rs`), under whose lock all this happens. Below: the record's own memory, which lies
//! outside of the span, between guard pages (`vault.rs`). Nothing is ever written into a free slot: so it stays zero, and
//! what writes to it after its free is found.
//! The first slots are never handed out: those on the guard pages with which a span begins, if it has some (`gap.rs`), and
//! one behind them, or the first of all. It stays zero, so that what is written before the next one is found, too.
//! Slots are taken from a random one on, round and round, so that memory is touched page by page, and a slot that has come
//! back is the last to leave again. Whoever takes the slots shuffles them (`bag.rs`).

use core::ptr::{NonNull, null_mut};

/// Slots of a word of bits.
const WORD_SLOTS: usize = u64::BITS as usize;

/// A record. Behind it lie the words of bits, one for each 64 slots.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Span {
    pub base: NonNull<u8>,
    pub prev: *mut Span,
    pub next: *mut Span,
    pub slot_bytes: u32,
    /// With the first ones.
    pub slots: u32,
    pub free_slots: u32,
    /// The first one that is handed out.
    first: u32,
    /// The guard pages at its start.
    pub gap_bytes: u32,
    /// The slot from which on free ones are looked for.
    at: u32,
    /// Two to the power of 32 divided by `slot_bytes`, rounded up: for offsets of slots, a product's upper half is the
    /// quotient, as long as spans are not longer than that.
    reciprocal: u64,
}

/// The bytes of a record for so many slots.
pub(super) const fn record_bytes(slots: u32) -> usize {
    size_of::<Span>() + (slots as usize).div_ceil(WORD_SLOTS) * size_of::<u64>()
}

/// The bits of a word that stand for slots below this one.
const fn below(slot: u32, word: usize) -> u64 {
    let slots = (slot as usize).saturating_sub(word * WORD_SLOTS);
    if slots >= WORD_SLOTS { u64::MAX } else { (1 << slots) - 1 }
}

impl Span {
    /// Writes the record of a span whose slots are all free, behind so many bytes of guard pages. Of those that may be
    /// handed out there is at least one.
    ///
    /// # Safety
    ///
    /// `record` has `record_bytes(slots)` bytes, is aligned for a `Span`, and is the caller's.
    pub(super) unsafe fn write(
        record: NonNull<u8>,
        base: NonNull<u8>,
        slot_bytes: usize,
        slots: u32,
        gap_bytes: usize,
        random: u64,
    ) -> NonNull<Self> {
        let words = (slots as usize).div_ceil(WORD_SLOTS);
        // What lies before this one can be read: a whole slot, or the rest of one.
        let first = (gap_bytes / slot_bytes) as u32 + 1;
        debug_assert!(first < slots);
        let at = first + (((random >> 32) * u64::from(slots - first)) >> 32) as u32;
        let span = record.cast::<Self>();
        // SAFETY: the caller's promise: the record and its words have room.
        unsafe {
            span.write(Self {
                base,
                prev: null_mut(),
                next: null_mut(),
                slot_bytes: slot_bytes as u32,
                slots,
                free_slots: slots - first,
                first,
                gap_bytes: gap_bytes as u32,
                at,
                reciprocal: (1u64 << 32).div_ceil(slot_bytes as u64),
            });
            let bits = span.add(1).cast::<u64>();
            for word in 0..words {
                bits.add(word).write(below(slots, word) & !below(first, word));
            }
        }
        span
    }

    fn words(&self) -> usize {
        (self.slots as usize).div_ceil(WORD_SLOTS)
    }

    fn word(&mut self, word: usize) -> &mut u64 {
        debug_assert!(word < self.words());
        // SAFETY: the words lie behind the record (`write`), and are borrowed with it.
        unsafe { &mut *NonNull::from(&mut *self).add(1).cast::<u64>().as_ptr().add(word) }
    }

    /// Takes a free slot, if there is one.
    pub(super) fn take(&mut self) -> Option<NonNull<u8>> {
        if self.free_slots == 0 {
            return None;
        }
        loop {
            let (word, first) = (self.at as usize / WORD_SLOTS, self.at as usize % WORD_SLOTS);
            let bits = self.word(word);
            let ahead = *bits & (u64::MAX << first);
            if ahead != 0 {
                let bit = ahead.trailing_zeros() as usize;
                *bits ^= 1 << bit;
                self.free_slots -= 1;
                let slot = word * WORD_SLOTS + bit;
                self.go_to(slot + 1);
                // SAFETY: bits stand for slots of the span only (`write`).
                return Some(unsafe { self.base.add(slot * self.slot_bytes as usize) });
            }
            self.go_to((word + 1) * WORD_SLOTS);
        }
    }

    fn go_to(&mut self, slot: usize) {
        self.at = if slot < self.slots as usize { slot as u32 } else { self.first };
    }

    /// Takes a slot back; `false`, and nothing happens, if it is free already.
    pub(super) fn put(&mut self, slot: NonNull<u8>) -> bool {
        let offset = slot.addr().get() - self.base.addr().get();
        let index = ((offset as u64 * self.reciprocal) >> 32) as usize;
        debug_assert_eq!(index * self.slot_bytes as usize, offset);
        let bit = 1 << (index % WORD_SLOTS);
        let bits = self.word(index / WORD_SLOTS);
        if *bits & bit != 0 {
            return false;
        }
        *bits |= bit;
        self.free_slots += 1;
        true
    }

    /// Whether no slot is in use or waits elsewhere.
    pub(super) fn is_empty(&self) -> bool {
        self.free_slots + self.first == self.slots
    }

    /// Whether the count agrees with the bits.
    pub(super) fn is_sound(&mut self) -> bool {
        let free: u32 = (0..self.words()).map(|word| self.word(word).count_ones()).sum();
        free == self.free_slots && self.at < self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, record_bytes};
    use core::ptr::NonNull;
    use std::collections::HashSet;

    #[test]
    fn every_slot_is_handed_out_once_and_comes_back_once() {
        for (slots, slot_bytes, gap_bytes) in [
            (2u32, 64usize, 0),
            (63, 16, 0),
            (64, 32, 0),
            (65, 48, 0),
            (1000, 64, 0),
            (1024, 64, 4096),
            (1365, 48, 16 << 10),
            (4096, 16, 12 << 10),
            (8, 8192, 16 << 10),
            (8, 40 << 10, 16 << 10),
        ] {
            let mut memory = vec![0u64; record_bytes(slots) / 8];
            let base = NonNull::new(core::ptr::without_provenance_mut(1 << 20)).unwrap();
            let record = NonNull::new(memory.as_mut_ptr().cast()).unwrap();
            // SAFETY: the record has the bytes that it asked for.
            let span = unsafe {
                Span::write(record, base, slot_bytes, slots, gap_bytes, 7 << 60).as_mut()
            };
            let first = 1 + gap_bytes / slot_bytes;
            let mut taken = HashSet::new();
            while let Some(slot) = span.take() {
                assert_eq!((slot.addr().get() - (1 << 20)) % slot_bytes, 0);
                let before = slot.addr().get() - (1 << 20) - gap_bytes;
                assert!(before >= 16, "what is before it is no guard page");
                assert!(taken.insert(slot), "handed out twice");
                assert!(span.is_sound());
            }
            assert_eq!(taken.len(), slots as usize - first);
            for slot in taken {
                assert!(!span.is_empty());
                assert!(span.put(slot) && !span.put(slot), "once");
            }
            assert!(span.is_empty() && span.is_sound());
        }
    }
}
