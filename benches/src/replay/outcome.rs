//! What comes out of a replay: it goes from process to process as JSON.
//!
//! Above: `run`, which takes medians over rounds; tables and reports.

use super::pauses::Pauses;
use crate::heap::Run;
use alloc_core::Layout;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a replay measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pass {
    /// Time, processor time, faults.
    Time,
    /// Live and resident memory, and the map of the arena's pages.
    Memory,
    /// The events that take long, each timed by itself.
    Pauses,
}

impl Pass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Time, Self::Memory, Self::Pauses];

    /// What it is called between processes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Pauses => "pauses",
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// From the start of the first step to the end of the last.
    pub wall_ns: u64,
    /// Processor time in the program, over all threads.
    pub user_ns: u64,
    /// Processor time in the kernel, over all threads.
    pub sys_ns: u64,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Of a memory pass.
    pub memory: Option<Memory>,
    /// Of a pass that times single events.
    #[serde(default)]
    pub pauses: Option<Pauses>,
}

/// Memory over the course of a replay. Resident bytes are those above the baseline: the memory
/// that the process had, program and tables included, right before the first step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Resident bytes before the first step.
    pub baseline_bytes: u64,
    /// The most resident bytes at any time.
    pub peak_bytes: u64,
    /// Whether the kernel told the peak; else it is that of the samples.
    pub peak_is_marked: bool,
    /// In the order of the trace.
    pub samples: Vec<Sample>,
    /// Where the trace has the most live bytes.
    pub at_peak: Sample,
    /// After the last step.
    pub at_end: Sample,
    /// The arena's pages where the trace has the most live bytes.
    pub pages: Vec<Run>,
    /// What the stack says of itself after the last step.
    pub report: Option<String>,
}

/// Memory at one point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The point: a fraction of the trace's events, in thousandths.
    pub at_permille: u32,
    /// The sum of the sizes of live objects.
    pub live_bytes: u64,
    /// Resident bytes above the baseline.
    pub resident_bytes: u64,
}

impl Sample {
    /// Resident bytes for each live byte, if there is one.
    #[must_use]
    pub fn fragmentation(&self) -> Option<f64> {
        (self.live_bytes > 0).then(|| self.resident_bytes as f64 / self.live_bytes as f64)
    }
}

/// A heap did not do what it has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The thread of the replay.
    pub thread: u32,
    /// Which of the thread's events it was, counted from 1; 0 for a fault found after the last.
    pub event: u64,
    /// The event: op, size, alignment, place.
    pub op: String,
    /// What was wrong.
    pub what: String,
}

impl Fault {
    pub(super) fn at(thread: usize, event: u64, op: String, what: &str) -> Self {
        Self { thread: thread as u32, event, op, what: what.into() }
    }

    pub(super) fn broken(rule: String) -> Self {
        Self { thread: 0, event: 0, op: "verify".into(), what: rule }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.event == 0 {
            return write!(f, "{} after the replay: {}", self.op, self.what);
        }
        write!(f, "event {} of thread {}, {}: {}", self.event, self.thread, self.op, self.what)
    }
}

impl std::error::Error for Fault {}

/// How a fault names an op.
pub(super) fn name(op: &str, place: u32, layout: Layout) -> String {
    format!("{op} of {} bytes at alignment {} (object {place})", layout.size(), layout.align())
}
