//! Whether an address is the pool's: what every free asks.
//!
//! Above: `Sampled`. Below: nothing.
//!
//! Rule R1: from the moment when an address of the pool is handed out, `contains` is true for whoever may free it. `set` comes
//! before the first address is handed out, and what brings an address to another thread brings the range with it. The
//! range is set once; a thread that sees only half of it sees an empty one: one that ends at 0, or begins behind every address.
//!
//! The pool lies below what other allocators have (`system.rs`), so that one comparison, with its end, tells nearly all addresses.

use alloc_core::sync::{AtomicUsize, Ordering};

/// A range of addresses that is empty until it is set.
#[derive(Debug)]
pub(crate) struct AddressRange {
    base: AtomicUsize,
    end: AtomicUsize,
}

impl AddressRange {
    alloc_core::const_fn! {
        /// The empty range.
        pub(crate) const fn new() -> Self {
            Self { base: AtomicUsize::new(usize::MAX), end: AtomicUsize::new(0) }
        }
    }

    /// Sets the range, once.
    pub(crate) fn set(&self, base: usize, bytes: usize) {
        // ORDERING: Relaxed; whoever may free an address of the range has seen both words (R1).
        self.base.store(base, Ordering::Relaxed);
        self.end.store(base + bytes, Ordering::Relaxed);
    }

    /// Whether the address is in the range.
    #[inline(always)]
    pub(crate) fn contains(&self, address: usize) -> bool {
        // ORDERING: Relaxed, as in `set`.
        address < self.end.load(Ordering::Relaxed) && address >= self.base.load(Ordering::Relaxed)
    }
}
