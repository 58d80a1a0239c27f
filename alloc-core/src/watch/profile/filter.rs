//! The filter in front of the ledger: whether an address can be a sample's at all.
//!
//! Above: `Profile`, whose frees ask it. Below: nothing.
//! A sample lies at the start of a page, so most addresses are told from one by their lowest bits, without a
//! load. What begins on a page all the same (large objects, the first slots of spans) finds its page's
//! counter; several pages share one, so that a counter above 0 says no more than "ask the ledger".
//!
//! Rule R1: between `add` and `remove` of an address, `may_hold` is true for whoever may free it. `add` comes before the
//! address is handed out, and whatever brings the address to another thread brings the counter with it; other
//! pages' changes of the counter add and subtract, and never store.

use alloc_core::sync::{AtomicUsize, Ordering, zeroed_counters};

/// A sample is aligned to this, whatever its own alignment.
pub const PAGE_BYTES: usize = 4096;

/// Counters of pages.
const COUNTERS: usize = 1024;
const _: () = assert!(COUNTERS.is_power_of_two() && PAGE_BYTES.is_power_of_two());

/// How many samples lie in the pages of each counter.
#[derive(Debug)]
pub(crate) struct Filter {
    counters: [AtomicUsize; COUNTERS],
}

impl Filter {
    alloc_core::const_fn! {
        /// A filter that holds nothing.
        pub(crate) const fn new() -> Self {
            Self { counters: zeroed_counters() }
        }
    }

    /// Whether the address may have been added.
    #[inline(always)]
    pub(crate) fn may_hold(&self, address: usize) -> bool {
        Self::is_on_page(address) && self.counts(address)
    }

    /// Whether the address begins a page.
    #[inline(always)]
    pub(crate) const fn is_on_page(address: usize) -> bool {
        address & (PAGE_BYTES - 1) == 0
    }

    #[inline]
    fn counts(&self, address: usize) -> bool {
        // ORDERING: Relaxed; whoever may free the address has seen `add` (R1).
        self.counter(address).load(Ordering::Relaxed) > 0
    }

    /// Adds an address that begins a page.
    pub(crate) fn add(&self, address: usize) {
        // ORDERING: Relaxed; a read-modify-write loses no other's change (R1).
        self.counter(address).fetch_add(1, Ordering::Relaxed);
    }

    /// Takes an address out that was added.
    pub(crate) fn remove(&self, address: usize) {
        // ORDERING: Relaxed, as in `add`.
        self.counter(address).fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    fn counter(&self, address: usize) -> &AtomicUsize {
        let page = address / PAGE_BYTES;
        &self.counters[(page ^ (page / COUNTERS)) % COUNTERS]
    }
}
