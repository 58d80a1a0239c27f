//! The one moment at which threads meet over an object: its free (the ledger's R1).
//!
//! Above: every free (`hit.rs`, `other.rs`). Below: one byte of the ledger. Not here: what states there are (`ledger.rs`).

use alloc_core::sync::{AtomicU8, Ordering};

/// A slot that holds no object.
pub const FREE: u8 = 1;

/// Changes a state to free: the state that it had. Of several threads that try, one finds the object live.
#[inline(always)]
pub fn claim(state: &AtomicU8) -> u8 {
    // ORDERING: Relaxed: the exchange alone decides (R1). What the object holds came to this thread with its address.
    state.swap(FREE, Ordering::Relaxed)
}
