//! How a memory pass looks at memory: live bytes, resident bytes, the map of pages.
//!
//! Above: `Stage` in `mod.rs`, `lane`. Below: `measure`.
//! What it needs is there, and touched, before the baseline is taken.

use super::lane::Lane;
use super::watch::Watch;
use super::{Memory, Sample, Stage};
use crate::heap::{Heap, Run};
use crate::measure::Resident;
use crate::program::{SAMPLES, stride};
use alloc_core::sync::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by all threads of a memory pass.
#[derive(Debug)]
pub(super) struct Probe {
    resident: Resident,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    baseline_bytes: u64,
    marked: bool,
    samples: Vec<Sample>,
    at_peak: Sample,
    pages: Vec<Run>,
}

impl Probe {
    pub fn new() -> Self {
        let mut samples = vec![Sample { live_bytes: 1, ..Sample::default() }; SAMPLES as usize + 8];
        samples.clear();
        let resident = Resident::open();
        // The first look pays for what every look needs.
        let _ = resident.bytes();
        Self { resident, seen: Mutex::new(Seen { samples, ..Seen::default() }) }
    }

    /// Takes the baseline.
    pub fn begin(&self) {
        let mut seen = self.seen();
        seen.marked = self.resident.reset_peak();
        seen.baseline_bytes = self.resident.bytes();
    }

    /// The watch of one thread.
    pub fn of<'a, H: Heap>(&'a self, stage: &'a Stage<'a, H>, thread: usize) -> Watcher<'a, H> {
        Watcher { probe: self, stage, lane: &stage.lanes[thread], live_bytes: 0 }
    }

    /// Looks a last time.
    pub fn end<H: Heap>(&self, stage: &Stage<'_, H>) -> Memory {
        let at_end = self.look(stage, 1000);
        let marked_bytes = self.resident.peak_bytes();
        let mut seen = self.seen();
        seen.samples.sort_by_key(|sample| sample.at_permille);
        let seen = std::mem::take(&mut *seen);
        let all = seen.samples.iter().chain([&seen.at_peak, &at_end]);
        let sampled = all.map(|sample| sample.resident_bytes).max().unwrap_or(0);
        // The mark is the kernel's own counter, which may lag some pages behind the exact samples.
        let marked = marked_bytes.filter(|_| seen.marked);
        let above = marked.map(|bytes| bytes.saturating_sub(seen.baseline_bytes));
        Memory {
            baseline_bytes: seen.baseline_bytes,
            peak_bytes: above.unwrap_or(0).max(sampled),
            peak_is_marked: marked.is_some(),
            samples: seen.samples,
            at_peak: seen.at_peak,
            at_end,
            pages: seen.pages,
            report: stage.heap.report().map(|tree| tree.to_string()),
        }
    }

    fn look<H: Heap>(&self, stage: &Stage<'_, H>, at_permille: u32) -> Sample {
        // ORDERING: a sum of counters that others are changing; nothing is read through it.
        let live = |lane: &Lane| lane.live_bytes.load(Ordering::Relaxed);
        let live_bytes = stage.lanes.iter().map(live).fold(0, u64::wrapping_add);
        let resident = self.resident.bytes();
        let baseline = self.seen().baseline_bytes;
        // Another thread may be between its count and ours: never below zero for long.
        let live_bytes = if live_bytes > 1 << 62 { 0 } else { live_bytes };
        Sample { at_permille, live_bytes, resident_bytes: resident.saturating_sub(baseline) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one thread's live bytes, and looks where its steps say so.
pub(super) struct Watcher<'a, H> {
    probe: &'a Probe,
    stage: &'a Stage<'a, H>,
    lane: &'a Lane,
    live_bytes: u64,
}

impl<H: Heap> Watch for Watcher<'_, H> {
    #[inline]
    fn live(&mut self, bytes: i64) {
        self.live_bytes = self.live_bytes.wrapping_add_signed(bytes);
        // ORDERING: see `Probe::look`.
        self.lane.live_bytes.store(self.live_bytes, Ordering::Relaxed);
    }

    #[cold]
    fn sample(&mut self, number: u32) {
        let events = self.stage.program.events();
        let at_permille = u64::from(number) * stride(events) * 1000 / events.max(1);
        let sample = self.probe.look(self.stage, at_permille as u32);
        let mut seen = self.probe.seen();
        // Within the room that was made: a replay's samples do not grow its memory.
        if seen.samples.len() < seen.samples.capacity() {
            seen.samples.push(sample);
        }
    }

    #[cold]
    fn peak(&mut self) {
        let sample = self.probe.look(self.stage, 0);
        let pages = self.stage.heap.pages();
        let mut seen = self.probe.seen();
        (seen.at_peak, seen.pages) = (sample, pages);
    }
}
