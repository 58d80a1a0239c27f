//! What a collector did: minor collections, bytes, pauses.
//!
//! Above: the user; `minor.rs`, which counts. Below: the tenured space's figures.
#![forbid(unsafe_code)]

use alloc_core::Report;
use alloc_core::gc::Pauses;
use core::fmt;
use gc_marksweep::Figures as TenuredFigures;

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
    /// Minor collections, by how long they took. Without `std` there is no clock, and nothing is counted.
    pub pauses: Pauses,
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

    /// Writes the figures to the layer of a report that is open, but for the tenured space's.
    pub fn report(&self, report: &mut Report<'_>) {
        let whole = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        report.count("minor collections", self.minors as u64);
        report.bytes("nursery size", self.nursery_size_bytes);
        report.bytes("used in the nursery in all", whole(self.nursery_bytes));
        report.bytes("copied in all", whole(self.copied_bytes));
        report.bytes("promoted in all", whole(self.promoted_bytes));
        report.count("remembered objects", self.remembered_objects);
        report.count("remembered cards", self.remembered_cards);
        report.count("minors short of memory", self.short_minors as u64);
        report.count("rests", self.rests as u64);
        report.count("compactions", self.compactions as u64);
        report.count("evacuated spans", self.evacuated_spans as u64);
        self.pauses.report("minor collections by length", report);
    }
}

/// A line on minor collections, with rests and compactions if there were any; one for each length of pauses that there
/// was; then the tenured space's.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest_micros = self.pauses.longest_nanos() / 1000;
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
        if self.pauses.count() > 0 {
            write!(f, "\n{}", self.pauses)?;
        }
        write!(f, "\n{}", self.tenured)
    }
}
