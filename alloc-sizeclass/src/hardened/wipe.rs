//! Zeroing, and looking whether memory is zero still: sixteen bytes and more at a time.
//!
//! Above: frees wipe, allocations look. Below: memory. Slots are multiples of 16 bytes and aligned to 16.
//! Up to [`SHORT_BYTES`] both are straight lines of a few stores or loads, the last ones overlapping those before; a
//! call of the C library for less would cost more than the work.

use core::ptr::NonNull;

/// What is done in a straight line.
const SHORT_BYTES: usize = 128;

type Word = [u64; 2];
type Line = [u64; 8];

/// Zeroes a slot, of `slot_bytes` bytes, of which only the first `used_bytes` and the last 16 may differ from zero.
///
/// # Safety
///
/// `slot` has `slot_bytes` bytes, a multiple of 16 above 0, is aligned to 16, and is the caller's.
#[inline(always)]
pub(super) unsafe fn wipe(slot: NonNull<u8>, slot_bytes: usize, used_bytes: usize) {
    let start = slot.as_ptr();
    // SAFETY: the caller's promise; each place lies within `slot_bytes`.
    unsafe {
        if slot_bytes > SHORT_BYTES {
            start.write_bytes(0, used_bytes);
            start.add(slot_bytes - 16).cast::<Word>().write([0; 2]);
        } else if slot_bytes >= 64 {
            start.cast::<Line>().write([0; 8]);
            start.add(slot_bytes - 64).cast::<Line>().write([0; 8]);
        } else {
            start.cast::<Word>().write([0; 2]);
            start.add((slot_bytes / 2) & !15).cast::<Word>().write([0; 2]);
            start.add(slot_bytes - 16).cast::<Word>().write([0; 2]);
        }
    }
}

/// Whether a slot is zero.
///
/// # Safety
///
/// As for [`wipe`].
#[inline(always)]
pub(super) unsafe fn is_zero(slot: NonNull<u8>, slot_bytes: usize) -> bool {
    let start = slot.as_ptr();
    // SAFETY: the caller's promise; each place lies within `slot_bytes`.
    unsafe {
        if slot_bytes >= 64 {
            if slot_bytes > SHORT_BYTES {
                return is_long_zero(start, slot_bytes);
            }
            let (first, last) =
                (start.cast::<Line>().read(), start.add(slot_bytes - 64).cast::<Line>().read());
            fold(first) | fold(last) == 0
        } else {
            let [a, b] = start.cast::<Word>().read();
            let [c, d] = start.add((slot_bytes / 2) & !15).cast::<Word>().read();
            let [e, f] = start.add(slot_bytes - 16).cast::<Word>().read();
            a | b | c | d | e | f == 0
        }
    }
}

#[inline(always)]
fn fold(line: Line) -> u64 {
    let [a, b, c, d, e, f, g, h] = line;
    a | b | c | d | e | f | g | h
}

/// # Safety
///
/// As for [`is_zero`]; `bytes` is at least 64.
#[inline(never)]
unsafe fn is_long_zero(start: *const u8, bytes: usize) -> bool {
    let (mut at, mut all) = (0, 0);
    // SAFETY: the caller's promise: each line lies within `bytes`.
    unsafe {
        while at + 64 <= bytes {
            all |= fold(start.add(at).cast::<Line>().read());
            at += 64;
        }
        all |= fold(start.add(bytes - 64).cast::<Line>().read());
    }
    all == 0
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
    use super::{first_other, is_zero, wipe};
    use core::ptr::NonNull;

    #[repr(align(16))]
    struct Memory([u8; 4096 + 32]);

    #[test]
    fn every_byte_of_every_slot_counts() {
        let mut memory = Memory([0; 4096 + 32]);
        for slot_bytes in (16..=256).step_by(16).chain([320, 1024, 1040, 4096]) {
            for at in 0..slot_bytes {
                memory.0.fill(0);
                memory.0[16 + at] = 1;
                // SAFETY: within the memory, which is the test's.
                unsafe {
                    let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                    assert!(!is_zero(slot, slot_bytes), "byte {at} of {slot_bytes}");
                    assert_eq!(first_other(slot, slot_bytes), Some(at));
                }
            }
            memory.0.fill(7);
            // SAFETY: as above.
            unsafe {
                let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                wipe(slot, slot_bytes, slot_bytes);
                assert!(is_zero(slot, slot_bytes));
            }
            assert!(memory.0[..16].iter().all(|byte| *byte == 7), "nothing before {slot_bytes}");
            assert!(memory.0[16 + slot_bytes..].iter().all(|byte| *byte == 7), "nor behind");
        }
    }
}
