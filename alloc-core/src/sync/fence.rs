//! Fences whose whole cost lies on one side.
//!
//! Above: protocols where a thread that runs often (the owner of a thread cache) and a thread that
//! runs seldom (one that reclaims) each write a flag and then read the other's. Both need a full
//! fence between their store and their load. The pair here lets the frequent side pay nothing but
//! the compiler's order, and the seldom side pay for both (Linux: `membarrier(2)`, private and
//! expedited, which runs a full fence on every thread of the process that is on a processor).
//!
//! Rule R1: a store before a `light_fence` in one thread, or a load after it, is ordered against a
//! `heavy_fence` in another thread as if both were `fence(SeqCst)`.
//! Where R1 cannot be had, `heavy_fence` returns `false`, and the seldom side must not go on.

#[cfg(all(loom, feature = "loom"))]
mod how {
    use super::super::{Ordering, fence};
    pub const KNOWN: bool = true;
    pub fn light() {
        // ORDERING: R1's fence on the frequent side; meets the one in `heavy`.
        fence(Ordering::SeqCst);
    }
    pub fn heavy() -> bool {
        // ORDERING: R1's fence on the seldom side; meets the one in `light`.
        fence(Ordering::SeqCst);
        true
    }
}

#[cfg(all(not(all(loom, feature = "loom")), feature = "std", target_os = "linux", not(miri)))]
mod how {
    use core::sync::atomic::{AtomicU8, Ordering, compiler_fence};

    pub const KNOWN: bool = true;

    // From linux/membarrier.h; libc names them on some targets only.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    const NOT_ASKED: u8 = 0;
    const REGISTERED: u8 = 1;
    const REFUSED: u8 = 2;

    #[inline(always)]
    pub fn light() {
        // ORDERING: keeps the compiler's order; `heavy` makes this a full fence (R1).
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether the process may use the expedited command. Registering is idempotent, and survives
    /// a fork, so a race of two threads that both ask is harmless.
    fn registered() -> bool {
        static STATE: AtomicU8 = AtomicU8::new(NOT_ASKED);
        // ORDERING: Relaxed; the flag only remembers what the kernel said.
        match STATE.load(Ordering::Relaxed) {
            REGISTERED => true,
            REFUSED => false,
            _ => {
                let ok = membarrier(REGISTER_PRIVATE_EXPEDITED);
                STATE.store(if ok { REGISTERED } else { REFUSED }, Ordering::Relaxed);
                ok
            }
        }
    }

    pub fn heavy() -> bool {
        // ORDERING: this thread's own full fence; membarrier makes the other threads' (R1).
        core::sync::atomic::fence(Ordering::SeqCst);
        registered() && membarrier(PRIVATE_EXPEDITED)
    }

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: membarrier reads its integer arguments and touches no memory of the caller.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

#[cfg(all(
    not(all(loom, feature = "loom")),
    not(all(feature = "std", target_os = "linux", not(miri)))
))]
mod how {
    pub const KNOWN: bool = false;
    #[inline(always)]
    pub fn light() {
        // ORDERING: keeps the compiler's order; without a `heavy` there is nothing to meet.
        core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    }
    pub fn heavy() -> bool {
        false
    }
}

/// Whether this target has a [`heavy_fence`] at all. It can still be refused at run time.
pub const HEAVY_FENCE_IS_KNOWN: bool = how::KNOWN;

/// The frequent side: between its store and its load. Costs no instruction (rule R1).
#[inline(always)]
pub fn light_fence() {
    how::light();
}

/// The seldom side: between its store and its load. Costs a system call (some microseconds).
///
/// Returns whether R1 holds for this fence; when `false`, nothing is ordered.
#[must_use]
pub fn heavy_fence() -> bool {
    how::heavy()
}
