//! Zeroing, and looking whether memory is zero still: sixteen bytes and more at a time.
//!
//! Above: frees wipe, allocations look. Below: memory. Slots are multiples of 16 bytes and aligned to 16.
//! Up to [`SHORT_BYTES`] both are one straight line for all slots, of stores or loads that overlap where the slot is
//! shorter: which class comes next is hard to foresee, and a branch that goes wrong costs more than all of them.

use super::canary::CANARY_BYTES as LAST_BYTES;
use alloc_core::sync::store_word;
use core::ptr::{NonNull, null_mut};

/// What is done in a straight line.
pub(super) const SHORT_BYTES: usize = 128;

/// Up to here a slot is looked at as a whole whenever it is handed out. Of a longer one these are the two ends; all of it is
/// looked at when the program asks for zeroes, or it is drawn (`bag.rs`).
const WHOLE_BYTES: usize = 1 << 10;

/// How much of each end of a longer slot is looked at whenever it is handed out.
const END_BYTES: usize = 128;

/// What is read and written at once: a vector register, where there are some. Slots are aligned to it.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Word([u64; 2]);

impl Word {
    const ZERO: Self = Self([0; 2]);

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        self.0[0] | self.0[1] == 0
    }
}

/// Where the words of a short slot are: from both ends, as far as there are any. (The first one is at 0, and the last one
/// 16 bytes before the end.)
#[derive(Clone, Copy, Debug)]
pub(super) struct Places([u8; 6]);

impl Places {
    /// The places of a slot, or those of the longest short one.
    pub(super) fn of(slot_bytes: usize) -> Self {
        let last = slot_bytes.min(SHORT_BYTES) - 16;
        let places = [
            last.min(16),
            last.min(32),
            last.min(48),
            last.saturating_sub(48),
            last.saturating_sub(32),
            last.saturating_sub(16),
        ];
        Self(places.map(|place| place as u8))
    }
}

/// Zeroes a short slot. Its last word is never seen half zero (`canary.rs`): what is written at once is aligned, and holds it as a
/// whole.
///
/// # Safety
///
/// `slot` has `slot_bytes` bytes, a multiple of 16 from 16 to [`SHORT_BYTES`], is aligned to 16, and is the caller's;
/// `places` are those of its size.
#[inline(always)]
pub(super) unsafe fn wipe_short(slot: NonNull<u8>, slot_bytes: usize, places: &Places) {
    let start = slot.as_ptr();
    // SAFETY: the caller's promise; each place lies within `slot_bytes`.
    unsafe {
        start.cast::<Word>().write(Word::ZERO);
        for place in places.0 {
            start.add(place as usize).cast::<Word>().write(Word::ZERO);
        }
        start.add(slot_bytes - 16).cast::<Word>().write(Word::ZERO);
    }
}

/// Zeroes a slot, of `slot_bytes` bytes, of which only the first `used_bytes` and the last [`LAST_BYTES`] may differ from zero.
///
/// # Safety
///
/// `slot` has `slot_bytes` bytes, at least 16, is aligned to 16, and is the caller's.
#[inline(always)]
pub(super) unsafe fn wipe(slot: NonNull<u8>, slot_bytes: usize, used_bytes: usize) {
    let last = slot_bytes - LAST_BYTES;
    // SAFETY: the caller's promise.
    unsafe {
        slot.write_bytes(0, used_bytes.min(last));
        // The owner of the next slot may look at this word at any moment (`canary.rs`): it changes at once.
        store_word(slot.add(last).cast().as_ptr(), null_mut());
    }
}

/// Whether a short slot is zero.
///
/// # Safety
///
/// As for [`wipe_short`].
#[inline(always)]
pub(super) unsafe fn is_short_zero(slot: NonNull<u8>, slot_bytes: usize, places: &Places) -> bool {
    let start = slot.as_ptr();
    // SAFETY: the caller's promise; each place lies within `slot_bytes`.
    unsafe {
        let word = |place: usize| start.add(place).cast::<Word>().read();
        let all = places.0.iter().fold(word(0), |all, place| all.or(word(*place as usize)));
        all.or(word(slot_bytes - 16)).is_zero()
    }
}

/// Whether a slot is zero: all of it, if it is not too long; else at both ends.
///
/// # Safety
///
/// As for [`wipe`].
pub(super) unsafe fn is_zero_around(slot: NonNull<u8>, slot_bytes: usize) -> bool {
    if slot_bytes <= WHOLE_BYTES {
        // SAFETY: the caller's promise.
        return unsafe { is_zero(slot, slot_bytes) };
    }
    // SAFETY: both ends lie within `slot_bytes`.
    unsafe { is_zero(slot, END_BYTES) && is_zero(slot.add(slot_bytes - END_BYTES), END_BYTES) }
}

/// Whether all of a slot of any size is zero.
///
/// # Safety
///
/// As for [`wipe`].
#[inline]
pub(super) unsafe fn is_zero(slot: NonNull<u8>, slot_bytes: usize) -> bool {
    let start = slot.as_ptr();
    if slot_bytes < 64 {
        // SAFETY: the caller's promise.
        return unsafe { is_short_zero(slot, slot_bytes, &Places::of(slot_bytes)) };
    }
    // Four words at once, which do not wait for each other.
    let mut all = [Word::ZERO; 4];
    let mut fold = |at: usize| {
        for (n, all) in all.iter_mut().enumerate() {
            // SAFETY: the caller's promise: four words from `at` on lie within `slot_bytes`.
            *all = all.or(unsafe { start.add(at + 16 * n).cast::<Word>().read() });
        }
    };
    (0..slot_bytes / 64).for_each(|line| fold(64 * line));
    fold(slot_bytes - 64);
    let [a, b, c, d] = all;
    a.or(b).or(c.or(d)).is_zero()
}

/// The first byte that is not zero, if there is one.
///
/// # Safety
///
/// As for [`wipe`].
#[cold]
pub(super) unsafe fn first_other(slot: NonNull<u8>, slot_bytes: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(slot.as_ptr(), slot_bytes) };
    bytes.iter().position(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use super::{
        END_BYTES, Places, SHORT_BYTES, WHOLE_BYTES, first_other, is_short_zero, is_zero,
        is_zero_around, wipe, wipe_short,
    };
    use core::ptr::NonNull;

    #[repr(align(16))]
    struct Memory([u8; 4096 + 32]);

    #[test]
    fn every_byte_of_every_slot_counts() {
        let mut memory = Memory([0; 4096 + 32]);
        for slot_bytes in (16..=256).step_by(16).chain([320, 1024, 1040, 4096]) {
            let (is_short, places) = (slot_bytes <= SHORT_BYTES, Places::of(slot_bytes));
            for at in 0..slot_bytes {
                memory.0.fill(0);
                memory.0[16 + at] = 1;
                // SAFETY: within the memory, which is the test's.
                unsafe {
                    let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                    assert!(!is_zero(slot, slot_bytes), "byte {at} of {slot_bytes}");
                    let in_between =
                        slot_bytes > WHOLE_BYTES && at >= END_BYTES && at < slot_bytes - END_BYTES;
                    assert_eq!(is_zero_around(slot, slot_bytes), in_between, "{at}");
                    assert!(!is_short || !is_short_zero(slot, slot_bytes, &places));
                    assert_eq!(first_other(slot, slot_bytes), Some(at));
                }
            }
            for is_short in [false, is_short] {
                memory.0.fill(7);
                // SAFETY: as above.
                unsafe {
                    let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                    match is_short {
                        true => wipe_short(slot, slot_bytes, &places),
                        false => wipe(slot, slot_bytes, slot_bytes),
                    }
                    assert!(is_zero(slot, slot_bytes));
                    assert!(!is_short || is_short_zero(slot, slot_bytes, &places));
                }
                let (before, behind) = (&memory.0[..16], &memory.0[16 + slot_bytes..]);
                assert!(before.iter().chain(behind).all(|byte| *byte == 7), "{slot_bytes}");
            }
        }
    }
}
