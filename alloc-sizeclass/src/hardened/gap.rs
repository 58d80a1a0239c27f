//! The gap with which a span begins: guard pages, so that nobody gets from one span into the next in small steps, and as
//! many of them as a random number says, so that nobody knows where in a span its slots begin.
//!
//! Above: `miss.rs`, before a span is on its shelf and after it has left it. Below: the system (`system.rs`), where it has
//! guards that split no mapping. Elsewhere there are no gaps: two mappings for each span would be too many.

use super::system;
use core::ptr::NonNull;

/// The most pages of a gap. A span has sixteen pages at least, so it loses a sixth on the average: of addresses.
const MOST_PAGES: u64 = 4;

/// Makes a gap at the start of a run of pages, and returns its bytes: 0 if the system has none to give.
///
/// # Safety
///
/// The run is the caller's, has sixteen pages at least, and nobody has seen it.
pub(super) unsafe fn open(run: NonNull<u8>, random: u64) -> usize {
    // The span's first slot is drawn by the upper half.
    let pages = 1 + random % MOST_PAGES;
    let bytes = (pages as usize) * system::page_bytes();
    // SAFETY: the caller's promise.
    if bytes <= super::GRANULE_BYTES / 4 && unsafe { system::guard(run, bytes) } {
        bytes
    } else {
        0
    }
}

/// Takes a gap back, before its run goes to the layer below; `false` if it is still there.
///
/// # Safety
///
/// The run is the caller's, and begins with a gap of so many bytes.
pub(super) unsafe fn close(run: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: the caller's promise.
    bytes == 0 || unsafe { system::unguard(run, bytes) }
}
