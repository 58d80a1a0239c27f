//! One number that all threads go by: the first that is offered.
//!
//! Above: `exit.rs`, whose key it is; the hardened stack's secret (`hardened/miss.rs`). Below: the sync shim alone, so that
//! a model can include this file.
//!
//! Rule: `made` changes once, from 0. Who finds it changed goes by what it found; who changes it, by what it offered. The
//! number is all that is passed on.

use alloc_core::sync::{AtomicU64, Ordering};
use core::num::NonZeroU64;

/// A number, from the first that is offered on.
#[derive(Debug)]
pub(crate) struct Agreed {
    /// 0 while there is none.
    made: AtomicU64,
}

impl Agreed {
    alloc_core::const_fn! {
        /// None yet.
        pub(crate) const fn new() -> Self {
            Self { made: AtomicU64::new(0) }
        }
    }

    /// The number, if there is one.
    pub(crate) fn get(&self) -> Option<NonZeroU64> {
        // ORDERING: Relaxed: the number is all that is passed on, here and in `offer`.
        NonZeroU64::new(self.made.load(Ordering::Relaxed))
    }

    /// Offers a number. `Err`: it is another one.
    pub(crate) fn offer(&self, number: NonZeroU64) -> Result<(), NonZeroU64> {
        // ORDERING: Relaxed, as in `get`.
        match self.made.compare_exchange(0, number.get(), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            // What is there is not 0: 0 would have been changed.
            Err(made) => Err(NonZeroU64::new(made).unwrap_or(number)),
        }
    }
}
