//! Passes of so many objects that no cache holds them, and each contestant in a process of its own: page faults, huge pages
//! and the state of `malloc` must not go from one to the next.
//!
//! Above: `mixed`, `drops`. Below: the thread's clock, the kernel's count of resident memory.
//!
//! A pass ends when all is freed. The first one finds no memory, the third one what an arena has kept.

use super::super::Column;
use super::super::Unit;
use super::super::answer::Answer;
use crate::measure::{Resident, of_this_thread};

/// What is told of passes.
pub(super) const COLUMNS: &[Column] = &[
    Column::told("first pass", "in memory that nobody had before", Unit::Ns),
    Column::told("third pass", "in what the arena has kept", Unit::Ns),
    Column::told(
        "peak",
        "the most that was resident, above what the process had before",
        Unit::Total,
    ),
];

/// Makes three passes over `count` objects each.
pub(super) fn three(count: u64, mut pass: impl FnMut()) -> Answer {
    let memory = Resident::open();
    let before_bytes = memory.bytes();
    let mut times = [0.0; 3];
    for time in &mut times {
        *time = of_this_thread(&mut pass).as_nanos() as f64 / count as f64;
    }
    let peak_bytes = memory.peak_bytes().map(|peak| peak.saturating_sub(before_bytes) as f64);
    Answer { figures: vec![Some(times[0]), Some(times[2]), peak_bytes], note: None, failed: None }
}

/// So many hundredths, in whole hundreds; at least a hundred.
pub(super) fn scaled(count: u64, percent: u32) -> u64 {
    (count * u64::from(percent) / 100 / 100).max(1) * 100
}
