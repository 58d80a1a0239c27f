//! One number that all threads go by: the first that is offered.
//!
//! Above: `exit.rs`, whose key it is. Below: the sync shim alone, so that a model can include this file.
//!
//! Rule: `made` changes once, from 0. Who finds it changed goes by what it found; who changes it, by what it offered. The
//! number is all that is passed on.

use alloc_core::sync::{AtomicUsize, Ordering};

/// A number, from the first that is offered on.
#[derive(Debug)]
pub(crate) struct Agreed {
    /// The number and one; 0 while there is none.
    made: AtomicUsize,
}

impl Agreed {
    alloc_core::const_fn! {
        /// None yet.
        pub(crate) const fn new() -> Self {
            Self { made: AtomicUsize::new(0) }
        }
    }

    /// The number, if there is one.
    pub(crate) fn get(&self) -> Option<usize> {
        // ORDERING: Relaxed: the number is all that is passed on, here and in `offer`.
        self.made.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Offers a number (less than the largest word). `Err`: it is another one.
    pub(crate) fn offer(&self, number: usize) -> Result<(), usize> {
        // ORDERING: Relaxed, as in `get`.
        match self.made.compare_exchange(0, number + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(made) => Err(made - 1),
        }
    }
}
