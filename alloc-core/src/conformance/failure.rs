//! What a run of the kit finds: the promise that was broken, and how to see it break again.
//!
//! Above: whoever reads it. Not here: how it is found.

use core::fmt;

/// The promises of an allocator, as the kit tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Promise {
    /// An address is a multiple of the alignment that was asked for.
    Aligned,
    /// A slice has at least the size that was asked for.
    LargeEnough,
    /// Live allocations do not overlap.
    NoOverlap,
    /// The contents of an allocation change only when its owner writes to it.
    Contents,
    /// Growing keeps the contents.
    GrowKeeps,
    /// Shrinking keeps the contents.
    ShrinkKeeps,
    /// A refused grow or shrink leaves the allocation as it was.
    RefusalKeeps,
    /// Memory handed out as zeroed is zero.
    Zeroed,
    /// A layout of size 0 can be allocated and freed (rule L3 for layers: with a slice of length 0).
    ZeroSize,
    /// A layout within the limits is served.
    Serves,
    /// What was freed serves again.
    Resumes,
    /// Nothing stays behind when everything has been freed.
    NothingLost,
    /// Moving the allocator leaves its memory alone.
    Moves,
    /// No method unwinds (rule L5).
    NoUnwinding,
    /// Several threads can allocate and free at once, each other's memory too.
    Threads,
    /// [`Layer::discard`](crate::Layer::discard) takes the contents of the bytes it is given, no others,
    /// and leaves them usable.
    Discards,
    /// Rule L1: slices have exactly the usable size.
    UsableSize,
    /// Rule L2: sizes that fit an allocation agree on its usable size.
    SizesAgree,
    /// Rule L4: no live address is denied.
    Owns,
    /// [`Layer::range`](crate::Layer::range), once known, stays.
    Range,
    /// [`Layer::report`](crate::Layer::report) closes what it opens.
    Report,
    /// [`Layer::verify`](crate::Layer::verify) finds nothing broken.
    Verify,
}

impl Promise {
    /// The promise as a sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Aligned => "an address is a multiple of the alignment asked for",
            Self::LargeEnough => "a slice has at least the size asked for",
            Self::NoOverlap => "live allocations do not overlap",
            Self::Contents => "contents change only when their owner writes",
            Self::GrowKeeps => "growing keeps the contents",
            Self::ShrinkKeeps => "shrinking keeps the contents",
            Self::RefusalKeeps => "a refused grow or shrink leaves the allocation as it was",
            Self::Zeroed => "memory handed out as zeroed is zero",
            Self::ZeroSize => "a layout of size 0 is served (a layer: with an empty slice)",
            Self::Serves => "a layout within the limits is served",
            Self::Resumes => "what was freed serves again",
            Self::NothingLost => "nothing stays behind when everything has been freed",
            Self::Moves => "moving the allocator leaves its memory alone",
            Self::NoUnwinding => "no method unwinds (L5)",
            Self::Threads => "several threads may allocate and free at once",
            Self::Discards => "discarding leaves what it was, or zeroes, and nothing else changes",
            Self::UsableSize => "a slice has exactly the usable size (L1)",
            Self::SizesAgree => "sizes that fit an allocation agree on its usable size (L2)",
            Self::Owns => "no live address is denied (L4)",
            Self::Range => "a range, once known, stays",
            Self::Report => "a report closes what it opens",
            Self::Verify => "verify finds nothing broken",
        }
    }
}

/// What most of a run is.
pub(super) const SEQUENCE: &str = "a sequence";

/// A broken promise, and the shortest sequence of operations that was found to break it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The promise that does not hold.
    pub promise: Promise,
    /// What was seen.
    pub what: String,
    /// The type of the allocator.
    pub allocator: &'static str,
    /// What was being done: a sequence, or what follows when all sequences have passed.
    pub during: &'static str,
    /// The operations that led there, one a line, the last one being the one that failed.
    pub steps: Vec<String>,
    /// The seed that draws this sequence again.
    pub seed: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} breaks a promise: {}.", self.allocator, self.promise.text())?;
        writeln!(f, "  seen: {}", self.what)?;
        match self.during {
            SEQUENCE => writeln!(f, "  the shortest sequence found:")?,
            during => writeln!(f, "  during {during}:")?,
        }
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "  {:>4}. {step}", at + 1)?;
        }
        write!(f, "  again: STRATA_CONFORMANCE_SEED={:#x}", self.seed)
    }
}

impl core::error::Error for Failure {}

/// A broken promise as a session finds it, without the way that led there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub promise: Promise,
    pub what: String,
}

/// `Ok` if `holds`, else the promise that is broken, with what was seen.
pub(super) fn promised(
    holds: bool,
    promise: Promise,
    what: impl FnOnce() -> String,
) -> Result<(), Found> {
    if holds { Ok(()) } else { Err(Found { promise, what: what() }) }
}
