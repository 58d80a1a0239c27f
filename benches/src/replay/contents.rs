//! What is written to objects, and checked before they end or move.
//!
//! Above: `lane`. Below: nothing.
//!
//! Of every object the first word, the last word and one word for each 4096 bytes between are
//! written (objects below 16 bytes: the first word and the last byte; below 8: every byte). So each
//! page of an object is touched once, as a program would at least, and two objects that overlap, an
//! object that moved without its contents, or memory that was given away too early, show up. What
//! is written depends on the object and on the place within it.

/// Bytes between two words that are written.
const STRIDE_BYTES: usize = 4096;
const WORD_BYTES: usize = size_of::<u64>();

/// What an object's words are made from: different for each object.
#[inline]
#[must_use]
pub fn tag(place: u32) -> u64 {
    (u64::from(place) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn word_at(tag: u64, offset: usize) -> u64 {
    tag ^ (offset as u64).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// The last word of an object is at another offset when its size changes, and so has another value.
#[inline]
fn last(size: usize) -> usize {
    size - WORD_BYTES
}

/// Offsets of the words between first and last, from `from` on, clear of the last word.
#[inline]
fn strides(from: usize, size: usize) -> impl Iterator<Item = usize> {
    let first = from.max(STRIDE_BYTES).next_multiple_of(STRIDE_BYTES);
    (first..(size + 1).saturating_sub(2 * WORD_BYTES)).step_by(STRIDE_BYTES)
}

/// Writes the contents of an object.
///
/// # Safety
///
/// `ptr` is valid for writes of `size` bytes.
#[inline]
pub unsafe fn fill(ptr: *mut u8, size: usize, tag: u64) {
    // SAFETY: the caller's promise.
    unsafe { fill_from(ptr, 0, size, tag) }
}

/// Writes the contents of an object whose size has changed from `old` to `size`.
///
/// # Safety
///
/// `ptr` is valid for writes of `size` bytes.
#[inline]
pub unsafe fn fill_from(ptr: *mut u8, old: usize, size: usize, tag: u64) {
    if size < WORD_BYTES {
        let bytes = word_at(tag, 0).to_ne_bytes();
        // SAFETY: `size` bytes may be written, and `bytes` is longer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, size) };
        return;
    }
    // SAFETY: at least `WORD_BYTES` bytes may be written.
    unsafe { write(ptr, 0, tag) };
    if size < 2 * WORD_BYTES {
        // SAFETY: the last of `size` bytes. For a size of 8 it is the word's own last byte.
        unsafe { ptr.add(size - 1).write(last_byte(tag, size)) };
        return;
    }
    // The old last word may have gone over the first words of the part that is new.
    for offset in strides(old.saturating_sub(2 * WORD_BYTES), size) {
        // SAFETY: `strides` stays two words below `size`.
        unsafe { write(ptr, offset, tag) };
    }
    // SAFETY: the last word of `size` bytes.
    unsafe { write(ptr, last(size), tag) };
}

/// Whether an object has the contents that were written for `size`, as far as they lie in its
/// first `kept` bytes.
///
/// # Safety
///
/// `ptr` is valid for reads of `kept` bytes, and `kept` is at most `size`.
#[inline]
#[must_use]
pub unsafe fn check(ptr: *const u8, size: usize, kept: usize, tag: u64) -> bool {
    if kept < WORD_BYTES || size < 2 * WORD_BYTES {
        // SAFETY: the caller's promise.
        return unsafe { check_small(ptr, size, kept, tag) };
    }
    // SAFETY: at least `WORD_BYTES` bytes may be read.
    let mut good = unsafe { read(ptr, 0) } == word_at(tag, 0);
    for offset in strides(0, size).take_while(|offset| offset + WORD_BYTES <= kept) {
        // SAFETY: the word ends within the first `kept` bytes.
        good &= unsafe { read(ptr, offset) } == word_at(tag, offset);
    }
    if kept == size {
        // SAFETY: the last word of `size` bytes.
        good &= unsafe { read(ptr, last(size)) } == word_at(tag, last(size));
    }
    good
}

/// Byte by byte.
///
/// # Safety
///
/// That of [`check`].
unsafe fn check_small(ptr: *const u8, size: usize, kept: usize, tag: u64) -> bool {
    let word = word_at(tag, 0).to_ne_bytes();
    let tail = (WORD_BYTES..2 * WORD_BYTES).contains(&size).then(|| size - 1);
    (0..kept.min(2 * WORD_BYTES)).all(|n| {
        // SAFETY: `n` is below `kept`.
        let byte = unsafe { ptr.add(n).read() };
        match tail {
            Some(at) if at == n => byte == last_byte(tag, size),
            _ => n >= WORD_BYTES || byte == word[n],
        }
    })
}

/// Whether the memory is zero where [`fill`] will write.
///
/// # Safety
///
/// `ptr` is valid for reads of `size` bytes.
#[inline]
#[must_use]
pub unsafe fn is_zero(ptr: *const u8, size: usize) -> bool {
    if size < WORD_BYTES {
        // SAFETY: below `size`.
        return (0..size).all(|n| unsafe { ptr.add(n).read() } == 0);
    }
    // SAFETY: the first and the last word of at least `WORD_BYTES` bytes.
    let mut any = unsafe { read(ptr, 0) | read(ptr, last(size)) };
    for offset in strides(0, size) {
        // SAFETY: `strides` stays two words below `size`.
        any |= unsafe { read(ptr, offset) };
    }
    any == 0
}

fn last_byte(tag: u64, size: usize) -> u8 {
    word_at(tag, size).to_ne_bytes()[3]
}

/// # Safety
///
/// A word at `offset` from `ptr` may be written.
#[inline]
unsafe fn write(ptr: *mut u8, offset: usize, tag: u64) {
    // SAFETY: the caller's promise.
    unsafe { ptr.add(offset).cast::<u64>().write_unaligned(word_at(tag, offset)) }
}

/// # Safety
///
/// A word at `offset` from `ptr` may be read.
#[inline]
unsafe fn read(ptr: *const u8, offset: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { ptr.add(offset).cast::<u64>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 18] =
        [1, 2, 7, 8, 9, 15, 16, 17, 24, 100, 4095, 4096, 4104, 4111, 4112, 4113, 9000, 70_000];

    #[test]
    fn contents_hold_and_only_for_their_object() {
        for size in SIZES {
            let mut bytes = vec![0u8; size];
            let ptr = bytes.as_mut_ptr();
            // SAFETY: `bytes` has `size` bytes.
            unsafe {
                assert!(is_zero(ptr, size));
                fill(ptr, size, tag(3));
                assert!(!is_zero(ptr, size));
                assert!(check(ptr, size, size, tag(3)), "{size}");
                assert!(!check(ptr, size, size, tag(4)), "{size}");
            }
        }
    }

    #[test]
    fn a_change_to_the_ends_or_to_any_page_is_seen() {
        for size in SIZES {
            let places = [0, size - 1].into_iter().chain((0..size / 4096).map(|n| n * 4096));
            for place in places {
                let mut bytes = vec![0u8; size];
                let ptr = bytes.as_mut_ptr();
                // SAFETY: `bytes` has `size` bytes, and `place` is among them.
                unsafe {
                    fill(ptr, size, tag(9));
                    *ptr.add(place) ^= 0x10;
                    // The second to last words may lie between two strides.
                    let touched = place == 0 || place == size - 1 || place + 16 <= size;
                    assert_eq!(!check(ptr, size, size, tag(9)), touched, "{place} of {size}");
                }
            }
        }
    }

    #[test]
    fn contents_survive_a_change_of_size() {
        for old in SIZES {
            for new in SIZES {
                let mut bytes = vec![0u8; old.max(new)];
                let ptr = bytes.as_mut_ptr();
                // SAFETY: `bytes` has at least `old` and `new` bytes.
                unsafe {
                    fill(ptr, old, tag(1));
                    assert!(check(ptr, old, old.min(new), tag(1)), "{old} to {new}");
                    fill_from(ptr, old, new, tag(1));
                    assert!(check(ptr, new, new, tag(1)), "{old} to {new}");
                }
            }
        }
    }
}
