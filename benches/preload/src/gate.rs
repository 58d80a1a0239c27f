//! The gate: the one test that an ordinary call has to pass before it reaches the stack.
//!
//! Above: `malloc.rs`. Below: nothing.
//! A size of 0, a size that no object may have, a null pointer and a running recorder are all
//! rare, and all lead to a cold function. One comparison finds any of them: zero wraps round to
//! the largest word, and a recorder lowers the limit to nothing. So recording costs a program
//! that is not recorded no instruction of its own.

use alloc_core::sync::{AtomicUsize, Ordering};

/// The largest size that any allocation may have: what `Layout` allows at the alignment of
/// `malloc`. It is `PTRDIFF_MAX` but for the last 15 bytes.
pub(crate) const LARGEST_BYTES: usize = isize::MAX as usize & !15;

static LIMIT: AtomicUsize = AtomicUsize::new(LARGEST_BYTES);

/// Whether `word`, a size in bytes or an address, is an ordinary one, and nobody records.
#[inline(always)]
pub(crate) fn passes(word: usize) -> bool {
    // ORDERING: Relaxed; a call that sees the limit late goes unrecorded, or goes the cold way
    // once more, where the recorder's lock decides.
    word.wrapping_sub(1) < LIMIT.load(Ordering::Relaxed)
}

/// Sends every call the cold way from now on.
pub(crate) fn shut() {
    // ORDERING: Relaxed, as in `passes`.
    LIMIT.store(0, Ordering::Relaxed);
}

/// Lets ordinary calls pass again.
pub(crate) fn open() {
    // ORDERING: Relaxed, as in `passes`.
    LIMIT.store(LARGEST_BYTES, Ordering::Relaxed);
}

/// Whether a recorder has shut the gate.
pub(crate) fn is_shut() -> bool {
    // ORDERING: Relaxed, as in `passes`.
    LIMIT.load(Ordering::Relaxed) == 0
}
