//! What a collector did: cycles, bytes, pauses.
//!
//! Above: the user; `cycle.rs`, which counts. Below: nothing.
#![forbid(unsafe_code)]

use alloc_core::Report;
use alloc_core::gc::Pauses;
use core::fmt;

/// Why a cycle began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The heap grew as far as the pacer lets it.
    Growth,
    /// Somebody asked for it.
    Asked,
    /// Memory is short: at the pacer's limit, or because the layer below refused, or somebody reclaims.
    Exhaustion,
    /// The torture mode.
    Torture,
}

/// What a collector did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Figures {
    /// Cycles that have ended.
    pub cycles: usize,
    /// Why the last one began.
    pub last_cause: Option<Cause>,
    /// Bytes that the last one found alive, with those that were allocated while it marked.
    pub live_bytes: usize,
    /// The part of those that were allocated while it marked.
    pub born_bytes: usize,
    /// Bytes that were allocated when the last one began, alive or not; slots that were set out for the next
    /// allocations count.
    pub before_bytes: usize,
    /// Objects whose barrier came before the marker.
    pub barrier_visits: usize,
    /// Cards of huge slices whose barrier came before the marker.
    pub barrier_cards: usize,
    /// Times that the queue could not grow, and the heap was searched instead.
    pub searches: usize,
    /// Turns, by how long they took. Without `std` there is no clock, and nothing is counted.
    pub pauses: Pauses,
}

/// One cycle, when its marking has ended: what [`MarkSweep::with_trace`](crate::MarkSweep::with_trace) is
/// shown. As text it is a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// Its number, from 1.
    pub number: usize,
    /// Why it began.
    pub cause: Cause,
    /// Bytes that were allocated when it began, alive or not; slots that were set out for the next allocations
    /// count.
    pub before_bytes: usize,
    /// Bytes found alive, with those that were allocated while it marked.
    pub live_bytes: usize,
    /// The part of those that were allocated while it marked.
    pub born_bytes: usize,
    /// Bytes of all runs that the heap has from the layer below.
    pub run_bytes: usize,
    /// From its beginning to the end of marking, in nanoseconds; 0 without `std`.
    pub marking_nanos: u64,
    /// The part of that in which mutations waited.
    pub paused_nanos: u64,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, cause, before_bytes, live_bytes, born_bytes, run_bytes, .. } = self;
        let kib = |bytes: &usize| bytes / 1024;
        let garbage = (before_bytes + born_bytes).saturating_sub(*live_bytes);
        let micros = |nanos: u64| nanos / 1000;
        write!(
            f,
            "gc {number}: {cause:?}, {} KiB before, {} born, {} live, {} garbage, {} in runs; marked in {} us, paused {} us",
            kib(before_bytes),
            kib(born_bytes),
            kib(live_bytes),
            kib(&garbage),
            kib(run_bytes),
            micros(self.marking_nanos),
            micros(self.paused_nanos),
        )
    }
}

impl Figures {
    /// Writes the figures to the layer of a report that is open.
    pub fn report(&self, report: &mut Report<'_>) {
        report.count("cycles", self.cycles as u64);
        report.bytes("before the last one", self.before_bytes);
        report.bytes("live after it", self.live_bytes);
        report.bytes("born while it marked", self.born_bytes);
        report.count("barriers before the marker", self.barrier_visits as u64);
        report.count("the same, of cards", self.barrier_cards as u64);
        report.count("searches for want of memory", self.searches as u64);
        self.pauses.report("turns", report);
    }
}

/// A line of sums, and one for each length of turns that there was.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycles, live_bytes, pauses, .. } = self;
        let (turns, longest_micros) = (pauses.count(), pauses.longest_nanos() / 1000);
        write!(
            f,
            "{cycles} cycles, {} KiB live; {turns} turns, the longest {longest_micros} us",
            live_bytes / 1024
        )?;
        if turns > 0 { write!(f, "\n{pauses}") } else { Ok(()) }
    }
}
