//! What still passes unseen in a thread: so many allocations, so many bytes.
//!
//! Above: `watch/mod.rs`, for each `malloc` of a watched program. Below: two words of the thread's own. The watchers of alloc-core
//! count by themselves, in thread-local storage that costs a library a call; here it costs a load.
//! A watcher draws its distances without a memory, so that it does not matter who counts them, nor that other functions than
//! `malloc` leave it to the watcher. Not here: what is done when one is over.

use core::cell::Cell;

/// What has come to an end with an allocation.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// The distance in allocations.
    pub(super) calls: bool,
    /// The distance in bytes.
    pub(super) bytes: bool,
}

/// A thread's words, zero at first.
struct Count {
    /// Allocations that still pass; below zero, it is one's turn.
    calls: Cell<isize>,
    /// Bytes; likewise.
    bytes: Cell<isize>,
    is_drawn: Cell<bool>,
}

/// Counts an allocation of at most `isize::MAX` bytes; `false` if it may be a watcher's: then [`settle`] says at once what it is.
#[inline(always)]
pub(super) fn passes(bytes: usize) -> bool {
    // Two steps, two branches: each is one instruction on a word in memory. Where the first ends, `settle` makes the second.
    passes_both(bytes)
}

/// The same for what is counted by its bytes alone, and [`settle_bytes`].
#[inline(always)]
pub(super) fn passes_bytes(bytes: usize) -> bool {
    with(|count| !is_over(&count.bytes, bytes))
}

/// Takes so many off. Below zero it is over.
#[inline(always)]
fn is_over(left: &Cell<isize>, units: usize) -> bool {
    left.set(left.get().wrapping_sub(units.cast_signed()));
    left.get() < 0
}

/// What an allocation that does not pass is: what came to an end with it begins anew, by `calls` and `bytes`, which draw a distance.
pub(super) fn settle(size: usize, calls: impl Fn() -> isize, bytes: impl Fn() -> isize) -> Due {
    with(|count| {
        if !count.is_drawn.replace(true) {
            count.calls.set(calls().wrapping_sub(1));
            count.bytes.set(bytes().wrapping_sub(size.cast_signed()));
        } else if count.calls.get() < 0 {
            is_over(&count.bytes, size);
        }
        Due { calls: begins_anew(&count.calls, calls), bytes: begins_anew(&count.bytes, bytes) }
    })
}

/// Whether what does not pass by its bytes has ended them. A thread's first time draws for both.
pub(super) fn settle_bytes(
    size: usize,
    calls: impl Fn() -> isize,
    bytes: impl Fn() -> isize,
) -> bool {
    with(|count| {
        if !count.is_drawn.replace(true) {
            count.calls.set(calls());
            count.bytes.set(bytes().wrapping_sub(size.cast_signed()));
        }
        begins_anew(&count.bytes, bytes)
    })
}

/// Draws a new distance where the old one is over, and says whether it was.
fn begins_anew(left: &Cell<isize>, draw: impl Fn() -> isize) -> bool {
    let is_over = left.get() < 0;
    if is_over {
        left.set(draw());
    }
    is_over
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod storage {
    use super::Count;
    use core::mem::offset_of;

    core::arch::global_asm!(
        ".pushsection .tbss,\"awT\",@nobits",
        ".p2align 3",
        ".hidden strata_preload_watch_count",
        ".globl strata_preload_watch_count",
        ".type strata_preload_watch_count,@object",
        "strata_preload_watch_count:",
        ".zero {bytes}",
        ".size strata_preload_watch_count, . - strata_preload_watch_count",
        ".popsection",
        bytes = const size_of::<Count>(),
    );

    #[inline(always)]
    pub(super) fn passes_both(bytes: usize) -> bool {
        // SAFETY: reads a constant of the loader's, and then counts in this thread's `Count`, to which nobody has a reference now.
        unsafe {
            let place: usize;
            core::arch::asm!(
                "mov {place}, qword ptr [rip + strata_preload_watch_count@GOTTPOFF]",
                place = out(reg) place,
                options(pure, readonly, nostack, preserves_flags),
            );
            core::arch::asm!(
                "dec qword ptr fs:[{place} + {calls_at}]",
                "js {over}",
                "sub qword ptr fs:[{place} + {bytes_at}], {bytes}",
                "js {over}",
                place = in(reg) place,
                bytes = in(reg) bytes,
                calls_at = const offset_of!(Count, calls),
                bytes_at = const offset_of!(Count, bytes),
                over = label { return false },
                options(nostack),
            );
        }
        true
    }

    #[inline(always)]
    pub(super) fn with<R>(look: impl FnOnce(&Count) -> R) -> R {
        let count: *const Count;
        // SAFETY: reads the thread pointer and a constant of the loader's. The symbol is a `Count`: three words, zero at first, one
        // for each thread, which is in `look` as long as there is the reference.
        unsafe {
            core::arch::asm!(
                "mov {count}, qword ptr [rip + strata_preload_watch_count@GOTTPOFF]",
                "add {count}, qword ptr fs:[0]",
                count = out(reg) count,
                options(pure, readonly, nostack),
            );
            look(&*count)
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod storage {
    use super::{Cell, Count, is_over};

    std::thread_local! {
        static COUNT: Count =
            const { Count { calls: Cell::new(0), bytes: Cell::new(0), is_drawn: Cell::new(false) } };
    }

    #[inline(always)]
    pub(super) fn passes_both(bytes: usize) -> bool {
        with(|count| !is_over(&count.calls, 1) && !is_over(&count.bytes, bytes))
    }

    #[inline(always)]
    pub(super) fn with<R>(look: impl FnOnce(&Count) -> R) -> R {
        COUNT.with(look)
    }
}

use storage::{passes_both, with};
