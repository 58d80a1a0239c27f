//! The gate: whether somebody records, and which sizes are ordinary.
//!
//! Above: `malloc.rs`. Below: nothing.
//! A hit does not look at the gate. While a recording runs, no thread has lists
//! (`ThreadCache::stop_caching`), so that every call misses, and misses do look.

use alloc_core::sync::{AtomicBool, Ordering};

/// The largest size that any allocation may have: what `Layout` allows at the alignment of
/// `malloc`. It is `PTRDIFF_MAX` but for the last 15 bytes.
pub(crate) const LARGEST_BYTES: usize = isize::MAX as usize & !15;

/// The largest ordinary size: one that is looked up in one step.
const ORDINARY_BYTES: usize = 1 << 10;

static SHUT: AtomicBool = AtomicBool::new(false);

/// Whether `size` is an ordinary one, from 1 to `ORDINARY_BYTES`.
#[inline(always)]
pub(crate) const fn is_ordinary(size: usize) -> bool {
    // Zero wraps round to the largest word.
    size.wrapping_sub(1) < ORDINARY_BYTES
}

/// Sends every call that misses to the recorder from now on.
pub(crate) fn shut() {
    // ORDERING: Relaxed; a call that sees it late goes unrecorded.
    SHUT.store(true, Ordering::Relaxed);
}

/// Ends that.
pub(crate) fn open() {
    // ORDERING: Relaxed; a call that sees it late goes to the recorder, whose lock decides.
    SHUT.store(false, Ordering::Relaxed);
}

/// Whether a recorder has shut the gate.
pub(crate) fn is_shut() -> bool {
    // ORDERING: Relaxed, as in `shut` and `open`.
    SHUT.load(Ordering::Relaxed)
}
