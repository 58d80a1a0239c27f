//! How many bytes are live, by who made and freed them.
//!
//! Above: `object`, which counts; `stage`, which reads. Below: an atomic word.

use alloc_core::sync::{AtomicUsize, Ordering};

/// The live bytes that one thread has made, less those that it has freed: below zero, by wrapping,
/// where it frees what others made.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Live(AtomicUsize);

impl Live {
    /// The count.
    pub fn bytes(&self) -> usize {
        // ORDERING: Relaxed, here and below: counts of one thread, read as figures.
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.store(self.bytes().wrapping_add(bytes), Ordering::Relaxed);
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.0.store(self.bytes().wrapping_sub(bytes), Ordering::Relaxed);
    }
}
