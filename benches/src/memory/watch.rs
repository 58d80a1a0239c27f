//! Looks at memory: live, pinned, resident.
//!
//! Above: `stage`. Below: `measure`. What it needs is there, and touched, before the baseline is taken.

use super::outcome::{Outcome, Reading};
use crate::measure::{Resident, page_bytes};

/// Room for the places of so many objects.
const EXTENTS: usize = 2 << 20;
/// Room for so many readings, and samples.
const READINGS: usize = 64;
const SAMPLES: usize = 4096;

pub(super) struct Watch {
    resident: Resident,
    baseline_bytes: u64,
    readings: Vec<Reading>,
    samples: Vec<Reading>,
    reports: Vec<(String, String)>,
    extents: Vec<(usize, usize)>,
}

impl Watch {
    pub fn new() -> Self {
        let resident = Resident::open();
        // The first look pays for what every look needs.
        let _ = (resident.bytes(), resident.lazily_freed_bytes());
        Self {
            resident,
            baseline_bytes: 0,
            readings: room(READINGS),
            samples: room(SAMPLES),
            reports: room(READINGS),
            extents: room(EXTENTS),
        }
    }

    /// Takes the baseline, and returns it.
    pub fn begin(&mut self) -> u64 {
        self.baseline_bytes = self.resident.bytes();
        self.baseline_bytes
    }

    /// Goes on with a baseline of before.
    pub fn resume(&mut self, baseline_bytes: u64) {
        self.baseline_bytes = baseline_bytes;
    }

    pub fn sample(&mut self, live_bytes: usize) {
        if self.samples.len() < self.samples.capacity() {
            let reading = self.look(live_bytes);
            self.samples.push(reading);
        }
    }

    pub fn read(
        &mut self,
        at: &str,
        live_bytes: usize,
        objects: impl Iterator<Item = (usize, usize)>,
        report: Option<String>,
    ) {
        // First: what follows allocates.
        let reading = self.look(live_bytes);
        self.extents.clear();
        self.extents.extend(objects);
        let pinned_bytes = pinned_bytes(&mut self.extents) as u64;
        self.readings.push(Reading { at: at.into(), pinned_bytes, ..reading });
        self.reports.extend(report.map(|report| (at.into(), report)));
    }

    fn look(&self, live_bytes: usize) -> Reading {
        Reading {
            at: String::new(),
            live_bytes: live_bytes as u64,
            pinned_bytes: 0,
            resident_bytes: self.resident.bytes().saturating_sub(self.baseline_bytes),
            lazy_bytes: self.resident.lazily_freed_bytes(),
        }
    }

    pub fn end(self) -> Outcome {
        let all = self.readings.iter().chain(&self.samples);
        let peak_bytes = all.map(|reading| reading.resident_bytes).max().unwrap_or(0);
        Outcome {
            peak_bytes,
            readings: self.readings,
            samples: self.samples,
            reports: self.reports,
            ..Outcome::default()
        }
    }
}

/// An empty vector whose room for `count` items has been written to.
pub(super) fn room<T>(count: usize) -> Vec<T> {
    let mut items: Vec<T> = Vec::with_capacity(count);
    // SAFETY: so many items have room there, which may hold anything.
    // Not zeroes: those the compiler would ask the system for, and no page would be touched.
    unsafe { items.as_mut_ptr().write_bytes(1, count) };
    std::hint::black_box(items)
}

/// The bytes of all pages that some object has a byte on. Orders the objects.
fn pinned_bytes(extents: &mut [(usize, usize)]) -> usize {
    let page = page_bytes();
    extents.sort_unstable();
    let (mut pages, mut reached) = (0, 0);
    for &(start, end) in &*extents {
        let first = (start / page).max(reached);
        let behind = end.div_ceil(page);
        pages += behind.saturating_sub(first);
        reached = reached.max(behind);
    }
    pages * page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_pinned_once() {
        let page = page_bytes();
        let at = |offset: usize, bytes: usize| (10 * page + offset, 10 * page + offset + bytes);
        let pinned = |mut extents: Vec<_>| pinned_bytes(&mut extents) / page;
        assert_eq!(pinned(vec![]), 0);
        assert_eq!(pinned(vec![at(5, 8), at(100, 8), at(page - 8, 8)]), 1);
        assert_eq!(pinned(vec![at(page - 8, 16), at(0, 8)]), 2);
        assert_eq!(pinned(vec![at(5 * page, 3 * page), at(6 * page, 8), at(9 * page, 1)]), 4);
    }
}
