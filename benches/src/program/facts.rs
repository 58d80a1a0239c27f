//! What a trace asks for, counted while it is compiled.
//!
//! Above: tables, reports, and candidates that have to say whether they can serve it at all.

use serde::{Deserialize, Serialize};

/// What a trace asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The program that was recorded, with its arguments.
    pub command: Vec<String>,
    /// When: seconds since 1970-01-01 00:00 UTC.
    pub date_unix_seconds: u64,
    /// Where: operating system and processor.
    pub platform: String,
    /// Events in all.
    pub events: u64,
    /// Recorded threads.
    pub threads: u64,
    /// Threads in the replay.
    pub replay_threads: u64,
    /// Objects allocated.
    pub objects: u64,
    /// Objects freed.
    pub frees: u64,
    /// Changes of size.
    pub reallocs: u64,
    /// Objects freed or resized by another thread than the one that last touched them.
    pub handed_over: u64,
    /// Sum of all sizes that were asked for, changes of size included.
    pub asked_bytes: u64,
    /// The largest sum of sizes of live objects.
    pub peak_live_bytes: u64,
    /// The largest number of live objects.
    pub peak_live_objects: u64,
    /// Live bytes when the trace ends.
    pub end_live_bytes: u64,
    /// Allocations and changes of size by size.
    pub sizes: Histogram,
}

/// Counts by powers of two: entry `n` counts sizes of more than 2ⁿ⁻¹ and at most 2ⁿ bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    entries: Vec<Entry>,
}

/// The requests of one power of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The largest size that it counts.
    pub up_to_bytes: u64,
    /// How many requests.
    pub count: u64,
    /// The sum of their sizes.
    pub bytes: u64,
}

impl Histogram {
    /// Counts a size; 0 counts as 1.
    pub fn count(&mut self, size_bytes: u64) {
        let n = size_bytes.max(1).next_power_of_two().trailing_zeros() as usize;
        while n >= self.entries.len() {
            let up_to_bytes = 1 << self.entries.len();
            self.entries.push(Entry { up_to_bytes, ..Entry::default() });
        }
        self.entries[n].count += 1;
        self.entries[n].bytes += size_bytes;
    }

    /// The entries from the first to the last that is not empty.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        let first = self.entries.iter().position(|entry| entry.count > 0);
        &self.entries[first.unwrap_or(0)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_where_they_belong() {
        let mut histogram = Histogram::default();
        for size in [3, 4, 5, 8, 9, 4096] {
            histogram.count(size);
        }
        let entries = histogram.entries().iter().filter(|e| e.count > 0);
        let entries: Vec<_> = entries.map(|e| (e.up_to_bytes, e.count, e.bytes)).collect();
        assert_eq!(entries, [(4, 2, 7), (8, 2, 13), (16, 1, 9), (4096, 1, 4096)]);
        assert_eq!(histogram.entries()[0].up_to_bytes, 4);
        histogram.count(0);
        assert_eq!(histogram.entries()[0].up_to_bytes, 1);
    }
}
