//! A pool's figures at one moment.
#![forbid(unsafe_code)]

use crate::below::Calls;
use alloc_core::Report;

/// Where the stacks of a [`StackPool`](crate::StackPool) stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackFigures {
    /// Each stack has so many bytes of addresses, in whole pages, and below them its guard: what was asked for, and up to
    /// 1920 bytes by which stacks begin at different places of their pages.
    pub stack_bytes: usize,
    /// The guard's.
    pub guard_bytes: usize,
    /// In use, or looked after at this moment.
    pub live_stacks: usize,
    /// Free, with the memory that they touched.
    pub warm_stacks: usize,
    /// Free, without memory.
    pub cold_stacks: usize,
    /// So many were in use at one time.
    pub peak_live_stacks: usize,
    /// The deepest that any stack was, as far as they were looked at: that is before they lose memory,
    /// once in an idle delay when they come back, and by [`measure`](crate::StackPool::measure). 0 if none was, or the source
    /// does not know.
    pub peak_stack_bytes: usize,
    /// Memory given back to the source so far; addresses, where the source does not know how much was touched.
    pub given_back_bytes: usize,
    /// Guards that each split a mapping of the system, as there was no better way.
    pub split_guards: usize,
    /// Address space in mappings.
    pub reserved_bytes: usize,
    /// The accessible part of it, the guards among it: addresses as well, whose memory comes as it is touched.
    pub committed_bytes: usize,
    /// The accessible part of the pool's records.
    pub metadata_bytes: usize,
    /// Calls to the source.
    pub calls: Calls,
}

impl StackFigures {
    /// Writes all figures.
    pub(super) fn report(&self, report: &mut Report<'_>) {
        report.bytes("stack", self.stack_bytes);
        report.bytes("guard", self.guard_bytes);
        report.count("live stacks", self.live_stacks as u64);
        report.count("warm stacks", self.warm_stacks as u64);
        report.count("cold stacks", self.cold_stacks as u64);
        report.count("peak live stacks", self.peak_live_stacks as u64);
        report.bytes("peak of a stack", self.peak_stack_bytes);
        report.bytes("given back in all", self.given_back_bytes);
        report.count("guards that split mappings", self.split_guards as u64);
        report.bytes("reserved", self.reserved_bytes);
        report.bytes("committed", self.committed_bytes);
        report.bytes("metadata", self.metadata_bytes);
        let calls = self.calls;
        report.count("calls: reserve", calls.reserve as u64);
        report.count("calls: unreserve", calls.unreserve as u64);
        report.count("calls: commit", calls.commit as u64);
        report.count("calls: decommit", calls.decommit as u64);
        report.count("calls: guard", calls.guard as u64);
        report.count("calls: advise", calls.advise as u64);
        report.count("calls: failed", calls.failed as u64);
    }
}
