//! What comes out of a workload.
//!
//! Above: the command `memory`. Below: numbers.

use serde::{Deserialize, Serialize};

/// Memory at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Which moment.
    pub at: String,
    /// What the workload has asked for and not freed.
    pub live_bytes: u64,
    /// The pages on which that lies: less cannot be resident without moving objects. 0 where nobody
    /// looked.
    pub pinned_bytes: u64,
    /// What is resident, above what the process had before.
    pub resident_bytes: u64,
    /// The part of it that the system may take at any moment (`MADV_FREE`).
    pub lazy_bytes: u64,
}

impl Reading {
    /// Resident over live.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.resident_bytes as f64 / self.live_bytes.max(1) as f64
    }

    /// Resident over what is pinned, if that is known.
    #[must_use]
    pub fn over_pinned(&self) -> Option<f64> {
        let pinned = self.pinned_bytes;
        (pinned > 0).then(|| self.resident_bytes as f64 / pinned as f64)
    }
}

/// What a workload's process tells its parent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// At the moments that the workload names, in their order.
    pub readings: Vec<Reading>,
    /// In between, at times, while its threads ran.
    pub samples: Vec<Reading>,
    /// The most that was resident.
    pub peak_bytes: u64,
    /// From begin to end, waiting included.
    pub wall_ns: u64,
    /// Processor time of all threads.
    pub cpu_ns: u64,
    /// The kernel's part of it.
    pub sys_ns: u64,
    /// Page faults.
    pub minor_faults: u64,
    /// What the allocator said of itself at the readings, if it says anything.
    pub reports: Vec<(String, String)>,
}

impl Outcome {
    /// The last reading.
    #[must_use]
    pub fn end(&self) -> Option<&Reading> {
        self.readings.last()
    }

    /// The reading at this moment.
    #[must_use]
    pub fn at(&self, at: &str) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.at == at)
    }

    /// The mean of resident over live over the later half of the samples.
    #[must_use]
    pub fn settled_ratio(&self) -> Option<f64> {
        let late = &self.samples[self.samples.len() / 2..];
        let sum: f64 = late.iter().map(Reading::ratio).sum();
        (!late.is_empty()).then(|| sum / late.len() as f64)
    }
}
