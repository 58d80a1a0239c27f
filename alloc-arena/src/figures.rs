//! The arena's figures at one moment.
//!
//! Above: users and reports. Below: what mappings, the decay and the source count anyway.
#![forbid(unsafe_code)]

use crate::below::Calls;
use crate::source::Faults;
use alloc_core::Report;

/// Where an arena's memory stands.
///
/// Of the mappings that hold runs, always: `used + dirty + clean == committed <= reserved` (in
/// bytes). Runs with a mapping of their own are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SysStat {
    /// Address space in mappings that hold runs.
    pub reserved_bytes: usize,
    /// The accessible part of it.
    pub committed_bytes: usize,
    /// Of the committed: handed out. What of it was discarded and not written to since takes up no
    /// memory, and is counted all the same: the arena does not see the writing.
    pub used_bytes: usize,
    /// Of the committed: free, with contents that take up memory (unless they were discarded before the
    /// run was freed).
    pub dirty_bytes: usize,
    /// Of the committed: free, and never touched or purged.
    pub clean_bytes: usize,
    /// Given back to the source so far: dirty pages purged, by age or on demand.
    pub purged_bytes: usize,
    /// Memory of used runs given back to the source so far: [`discard`](alloc_core::Layer::discard).
    pub discarded_bytes: usize,
    /// For which huge pages were asked so far.
    pub huge_bytes: usize,
    /// Runs with a mapping of their own.
    pub dedicated_bytes: usize,
    /// Mappings of that kind whose run was freed lately, kept for the next one.
    pub idle_bytes: usize,
    /// Memory for the arena's own tables, so far as it is accessible.
    pub metadata_bytes: usize,
    /// Mappings that hold runs: reservations, and what was adopted.
    pub mappings: usize,
    /// How many runs have a mapping of their own.
    pub dedicated_runs: usize,
    /// Page faults of the *whole process* since it started, if the source knows.
    pub process_faults: Option<Faults>,
    /// Calls to the source.
    pub calls: Calls,
}

impl SysStat {
    /// Writes all figures.
    pub(crate) fn report(&self, report: &mut Report<'_>) {
        report.bytes("reserved", self.reserved_bytes);
        report.bytes("committed", self.committed_bytes);
        report.bytes("used", self.used_bytes);
        report.bytes("dirty", self.dirty_bytes);
        report.bytes("clean", self.clean_bytes);
        report.bytes("purged in all", self.purged_bytes);
        report.bytes("discarded in all", self.discarded_bytes);
        report.bytes("huge pages asked for", self.huge_bytes);
        report.bytes("dedicated", self.dedicated_bytes);
        report.bytes("idle", self.idle_bytes);
        report.bytes("metadata", self.metadata_bytes);
        report.count("mappings", self.mappings as u64);
        report.count("dedicated runs", self.dedicated_runs as u64);
        let calls = self.calls;
        report.count("calls: reserve", calls.reserve as u64);
        report.count("calls: unreserve", calls.unreserve as u64);
        report.count("calls: commit", calls.commit as u64);
        report.count("calls: decommit", calls.decommit as u64);
        report.count("calls: remap", calls.remap as u64);
        report.count("calls: advise", calls.advise as u64);
        report.count("calls: failed", calls.failed as u64);
        // A group comes after the figures, as in a `Tree`.
        if let Some(faults) = self.process_faults {
            report.process(|report| {
                report.count("minor faults", faults.minor);
                report.count("major faults", faults.major);
            });
        }
    }

    /// Whether the figures agree with each other.
    pub(crate) fn agrees(&self) -> bool {
        self.used_bytes + self.dirty_bytes + self.clean_bytes == self.committed_bytes
            && self.committed_bytes <= self.reserved_bytes
    }
}
