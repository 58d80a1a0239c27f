//! The gate: whether calls make a detour, to be recorded or watched, or go to the hardened stack, and which sizes are ordinary.
//!
//! Above: `malloc.rs`. Below: nothing.
//! A hit does not look at the gate. While it is shut, no thread has lists
//! (`ThreadCache::stop_caching`), so that every call misses, and misses do look.

use alloc_core::sync::{AtomicU8, Ordering};

/// The largest size that any allocation may have: what `Layout` allows at the alignment of
/// `malloc`. It is `PTRDIFF_MAX` but for the last 15 bytes.
pub(crate) const LARGEST_BYTES: usize = isize::MAX as usize & !15;

/// The largest ordinary size: one that is looked up in one step.
const ORDINARY_BYTES: usize = 1 << 10;

const OPEN: u8 = 0;
const RECORDED: u8 = 1;
const WATCHED_WHOLLY: u8 = 2;
/// The watcher's, who has nothing to do with most calls.
const WATCHED_IN_PART: u8 = 3;
/// The hardened stack's.
const HARDENED: u8 = 4;
// One comparison tells these two, and each from all others (`way`).
const _: () = assert!(HARDENED > WATCHED_IN_PART && WATCHED_IN_PART > WATCHED_WHOLLY);

static STATE: AtomicU8 = AtomicU8::new(OPEN);

/// Whether `size` is an ordinary one, from 1 to `ORDINARY_BYTES`.
#[inline(always)]
pub(crate) const fn is_ordinary(size: usize) -> bool {
    // Zero wraps round to the largest word.
    size.wrapping_sub(1) < ORDINARY_BYTES
}

/// Sends every call that misses to the recorder from now on.
pub(crate) fn record() {
    // ORDERING: Relaxed; a call that sees it late goes unrecorded.
    STATE.store(RECORDED, Ordering::Relaxed);
}

/// Sends every call that misses to the watcher from now on, for good. `is_wholly`: it has to do with every free, too.
pub(crate) fn watch(is_wholly: bool) {
    // ORDERING: Relaxed; there is one thread, and those that it starts see what it did.
    STATE.store(if is_wholly { WATCHED_WHOLLY } else { WATCHED_IN_PART }, Ordering::Relaxed);
}

/// Sends every call to the hardened stack from now on, for good.
pub(crate) fn harden() {
    // ORDERING: Relaxed, as in `watch`.
    STATE.store(HARDENED, Ordering::Relaxed);
}

/// Ends a recording.
pub(crate) fn open() {
    // ORDERING: Relaxed; a call that sees it late goes to the recorder, whose lock decides.
    STATE.store(OPEN, Ordering::Relaxed);
}

/// Whether calls make a detour.
pub(crate) fn is_shut() -> bool {
    // ORDERING: Relaxed, as in `record`, `watch` and `open`.
    STATE.load(Ordering::Relaxed) != OPEN
}

/// Whether the recorder has shut the gate.
pub(crate) fn is_recorded() -> bool {
    // ORDERING: Relaxed, as above.
    STATE.load(Ordering::Relaxed) == RECORDED
}

/// Whether the hardened stack has.
#[inline(always)]
pub(crate) fn is_hardened() -> bool {
    // ORDERING: Relaxed, as above.
    STATE.load(Ordering::Relaxed) == HARDENED
}

/// Whether the watcher has.
pub(crate) fn is_watched() -> bool {
    // ORDERING: Relaxed, as above.
    matches!(STATE.load(Ordering::Relaxed), WATCHED_IN_PART | WATCHED_WHOLLY)
}

/// Where a call goes that misses.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// To the watcher, who has nothing to do with most calls.
    WatchedInPart,
    /// To the hardened stack.
    Hardened,
    /// To the default stack, or a detour.
    Other,
}

/// The way of a call that misses, by one comparison with the word in memory: the compiler makes a load of an atomic one, and then the
/// comparison.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
pub(crate) fn way() -> Way {
    // SAFETY: reads a byte of a static, as an atomic load does on this architecture, and jumps.
    // ORDERING: Relaxed, as above.
    unsafe {
        core::arch::asm!(
            "cmp byte ptr [rip + {state}], {watched}",
            "ja {hardened}",
            "je {in_part}",
            state = sym STATE,
            watched = const WATCHED_IN_PART,
            hardened = label { return Way::Hardened },
            in_part = label { return Way::WatchedInPart },
            options(nostack, readonly),
        );
    }
    Way::Other
}

/// The way of a call that misses.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[inline(always)]
pub(crate) fn way() -> Way {
    // ORDERING: Relaxed, as above.
    match STATE.load(Ordering::Relaxed) {
        WATCHED_IN_PART => Way::WatchedInPart,
        HARDENED => Way::Hardened,
        _ => Way::Other,
    }
}
