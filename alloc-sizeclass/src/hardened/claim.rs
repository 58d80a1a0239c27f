//! The one moment at which threads meet over an object: its free (the ledger's R1).
//!
//! Above: every free (`hit.rs`, `other.rs`). Below: one byte of the ledger, and one of the C library's; the sync shim alone,
//! so that a model can include this file. Not here: what states there are (`ledger.rs`).

use alloc_core::sync::{AtomicU8, Ordering};

/// A slot that holds no object.
pub const FREE: u8 = 1;

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object is the caller's.
    Claimed,
    /// There is no such object, and nothing has happened.
    Other,
    /// There was, but another thread was faster.
    Late,
}

/// Changes a state to free: the state that it had. Of several threads that try, one finds the object live.
#[inline(always)]
pub fn claim(state: &AtomicU8) -> u8 {
    // ORDERING: Relaxed: the exchange alone decides (R1). What the object holds came to this thread with its address.
    state.swap(FREE, Ordering::Relaxed)
}

/// Changes a state to free if it is `live`. `alone` is not 0 while the process has one thread.
#[inline(always)]
pub fn claim_if(state: &AtomicU8, live: u8, alone: &AtomicU8) -> Outcome {
    // ORDERING: Relaxed: where there are other threads, it is a guess, and the exchange decides.
    if state.load(Ordering::Relaxed) != live {
        return Outcome::Other;
    }
    // ORDERING: Relaxed: it becomes 0 before the second thread starts, and something else again only when all others have
    // been waited for: the start and the end of a thread order what is Relaxed here and below.
    if alone.load(Ordering::Relaxed) != 0 {
        state.store(FREE, Ordering::Relaxed);
        return Outcome::Claimed;
    }
    if claim(state) == live { Outcome::Claimed } else { Outcome::Late }
}
