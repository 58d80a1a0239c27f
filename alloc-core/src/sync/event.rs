//! What a lock tells of itself.
//!
//! Above: the lock; the model of cache lines, which is told.

/// What a lock tells of itself; to nobody, but under `cfg(strata_lines)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockEvent {
    /// A thread is about to try.
    Tries,
    /// It tried in vain, for the first time.
    Waits,
    /// It has the lock.
    Taken,
    /// It is about to let go.
    Freed,
}
