//! What a worker counts: plain numbers of its own, which others read when it has stopped.
//!
//! Above: workers and tasks. Below: nothing.

use alloc_core::sync::{AtomicU64, Ordering};
use serde::{Deserialize, Serialize};

/// A number that one thread writes.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    #[inline(always)]
    pub fn add(&self, more: u64) {
        // ORDERING: Relaxed: one thread writes it; who reads it has joined that thread.
        self.0.store(self.get() + more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        // ORDERING: Relaxed, as in `add`.
        self.0.load(Ordering::Relaxed)
    }
}

/// A worker's. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counts {
    pub begun: Count,
    pub ended: Count,
    pub switches: Count,
    pub moves: Count,
    pub steals: Count,
    pub panics: Count,
}

/// What the workers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Tasks that were made.
    pub begun: u64,
    /// Tasks that ended, by a panic or otherwise.
    pub ended: u64,
    /// How often a worker began to run a task, or went on with it.
    pub switches: u64,
    /// How often that was another worker than before.
    pub moves: u64,
    /// How often a worker took tasks from another's queue.
    pub steals: u64,
    /// Tasks that a panic ended.
    pub panics: u64,
}

impl Figures {
    pub(super) fn of(all: &[Counts]) -> Self {
        let sum = |of: fn(&Counts) -> &Count| all.iter().map(|counts| of(counts).get()).sum();
        Self {
            begun: sum(|counts| &counts.begun),
            ended: sum(|counts| &counts.ended),
            switches: sum(|counts| &counts.switches),
            moves: sum(|counts| &counts.moves),
            steals: sum(|counts| &counts.steals),
            panics: sum(|counts| &counts.panics),
        }
    }
}
