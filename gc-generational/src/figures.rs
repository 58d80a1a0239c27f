//! What a collector did: minor collections, bytes, pauses.
//!
//! Above: the user; `minor.rs`, which counts. Below: the tenured space's figures.
#![forbid(unsafe_code)]

use core::fmt;
use gc_marksweep::Figures as TenuredFigures;

/// Pauses are counted by powers of two of microseconds.
pub(crate) const PAUSES: usize = 24;

/// What a collector did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Figures {
    /// The tenured space's.
    pub tenured: TenuredFigures,
    /// Minor collections.
    pub minors: usize,
    /// Bytes of the nursery that were in use when they began, in all.
    pub nursery_bytes: u64,
    /// Bytes that were copied within the nursery, in all.
    pub copied_bytes: u64,
    /// Bytes that were promoted, in all.
    pub promoted_bytes: u64,
    /// Objects that were remembered because they were written to, or made in the tenured space; in all.
    pub remembered_objects: u64,
    /// Cards of huge slices that were looked at, in all.
    pub remembered_cards: u64,
    /// Minor collections that could not promote all that they should have, for want of memory.
    pub short_minors: usize,
    /// Times that the nursery was given a rest, since most of it survived.
    pub rests: usize,
    /// Compactions of the tenured space, and spans that they have emptied.
    pub compactions: usize,
    /// See `compactions`.
    pub evacuated_spans: usize,
    /// What the nursery grows to until the next minor collection, in bytes.
    pub nursery_size_bytes: usize,
    /// Minor collections, by how long they took: the entry `n` counts those of less than 2^n microseconds that
    /// are not in the entry before. Without `std` there is no clock, and nothing is counted.
    pub pauses: [usize; PAUSES],
    /// The longest of them, in nanoseconds.
    pub longest_nanos: u64,
}

impl Figures {
    /// The part of the nursery's bytes that survived minor collections, in percent.
    #[must_use]
    pub fn survival_percent(&self) -> f64 {
        let survived_bytes = self.copied_bytes + self.promoted_bytes;
        if self.nursery_bytes == 0 {
            return 0.0;
        }
        survived_bytes as f64 * 100.0 / self.nursery_bytes as f64
    }

    #[cfg(feature = "std")]
    pub(crate) fn paused(&mut self, pause: core::time::Duration) {
        let micros = pause.as_micros().min(1 << (PAUSES - 2)) as u32;
        self.pauses[(u32::BITS - micros.leading_zeros()) as usize] += 1;
        self.longest_nanos = self.longest_nanos.max(pause.as_nanos() as u64);
    }
}

/// A line on minor collections, with rests and compactions if there were any; one for each length of pauses that there
/// was; then the tenured space's.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest_micros = self.longest_nanos / 1000;
        write!(
            f,
            "{} minor collections, {:.1} % survived, {} KiB promoted; the longest {longest_micros} us",
            self.minors,
            self.survival_percent(),
            self.promoted_bytes / 1024,
        )?;
        if self.rests > 0 {
            write!(f, "; {} rests", self.rests)?;
        }
        if self.compactions > 0 {
            let Self { compactions, evacuated_spans, .. } = self;
            write!(f, "; {compactions} compactions have emptied {evacuated_spans} spans")?;
        }
        let counted = self.pauses.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.into_iter().try_for_each(|(power, count)| {
            write!(f, "\n{count:>9} below {:>8} us", 1_usize << power)
        })?;
        write!(f, "\n{}", self.tenured)
    }
}
