//! What was counted.
//!
//! Above: `cores`, which counts; whoever reads. Below: nothing.

use super::directory::Found;
use std::collections::BTreeMap;

/// Accesses to one kind of shared memory: a file's atomics, or a type of cell or lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// All accesses to lines.
    pub accesses: u64,
    /// Those for which the line had to come from another core.
    pub transfers: u64,
    /// Those that found the line nowhere.
    pub cold: u64,
    /// Steps that transfers waited for other transfers of the same line.
    pub queued_steps: u64,
}

/// What became of the locks of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockFigures {
    /// How often one was taken.
    pub taken: u64,
    /// How often it was held by another core at that moment.
    pub contended: u64,
    /// Steps from the first try to having it, over all that had to wait.
    pub waited_steps: u64,
    /// Steps from having it to letting go.
    pub held_steps: u64,
}

/// What a simulation counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By the path of the file that has the access, or by the name of the cell's or lock's type.
    pub points: BTreeMap<&'static str, Point>,
    /// By the name of the type that the lock guards.
    pub locks: BTreeMap<&'static str, LockFigures>,
    /// From the beginning of the count until the last core was done.
    pub steps: u64,
    /// What the workload said it did.
    pub operations: u64,
}

impl Figures {
    pub(super) fn count(&mut self, who: &'static str, found: Found, queued_steps: u64) {
        let point = self.points.entry(who).or_default();
        point.accesses += 1;
        point.queued_steps += queued_steps;
        match found {
            Found::Hit => {}
            Found::Cold => point.cold += 1,
            Found::Transfer => point.transfers += 1,
        }
    }

    pub(super) fn lock(&mut self, who: &'static str) -> &mut LockFigures {
        self.locks.entry(who).or_default()
    }
}
