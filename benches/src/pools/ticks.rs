//! A clock for single operations, and how often an operation took how many of its ticks.
//!
//! Above: `programs::latency`. Below: the processor's time-stamp counter, which is measured against the monotonic clock;
//! elsewhere that clock itself.

use std::time::{Duration, Instant};

/// A moment, in ticks. What stands before in the program has ended by then.
#[inline(always)]
pub(super) fn begin() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has these instructions.
    unsafe {
        use std::arch::x86_64::{_mm_lfence, _rdtsc};
        _mm_lfence();
        let ticks = _rdtsc();
        _mm_lfence();
        ticks
    }
    #[cfg(not(target_arch = "x86_64"))]
    elsewhere()
}

/// The same, and what stands behind has not begun.
#[inline(always)]
pub(super) fn end() -> u64 {
    begin()
}

#[cfg(not(target_arch = "x86_64"))]
fn elsewhere() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Nanoseconds of a tick.
pub(super) fn tick_ns() -> f64 {
    let (start, ticks) = (Instant::now(), begin());
    while start.elapsed() < Duration::from_millis(20) {
        std::hint::spin_loop();
    }
    let (ticks, time) = (end() - ticks, start.elapsed());
    time.as_nanos() as f64 / ticks.max(1) as f64
}

/// Durations that are counted one by one; longer ones are kept as they are.
const COUNTED: usize = 1 << 14;

/// How long operations took.
#[derive(Debug)]
pub(super) struct Ticks {
    counts: Vec<u64>,
    longer: Vec<u64>,
}

impl Ticks {
    pub fn new() -> Self {
        // Room for what a machine does by itself; nothing is allocated while operations are timed.
        Self { counts: vec![0; COUNTED], longer: Vec::with_capacity(1 << 16) }
    }

    #[inline]
    pub fn add(&mut self, ticks: u64) {
        match self.counts.get_mut(ticks as usize) {
            Some(count) => *count += 1,
            None => self.longer.push(ticks),
        }
    }

    pub fn operations(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer.len() as u64
    }

    /// What so large a part of all operations (0 to 1) did not take longer than, in ticks.
    pub fn quantile(&mut self, part: f64) -> u64 {
        let wanted = ((self.operations() as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        for (ticks, count) in (0..).zip(&self.counts) {
            seen += count;
            if seen >= wanted {
                return ticks;
            }
        }
        self.longer.sort_unstable();
        let at = (wanted - seen) as usize - 1;
        self.longer.get(at).or(self.longer.last()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let mut ticks = Ticks::new();
        (1..=999).for_each(|n| ticks.add(n));
        ticks.add(1_000_000);
        assert_eq!(ticks.operations(), 1000);
        assert_eq!(
            [0.5, 0.99, 0.999, 1.0].map(|part| ticks.quantile(part)),
            [500, 990, 999, 1_000_000]
        );
    }

    #[test]
    fn the_clock_goes_on() {
        let (first, ns) = (begin(), tick_ns());
        assert!(end() > first && ns > 0.0 && ns < 100.0, "{ns}");
    }
}
