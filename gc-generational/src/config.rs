//! What a collector is told when it is built.
//!
//! Above: the user. Below: `pacer.rs`; the tenured space, which has settings of its own.
#![forbid(unsafe_code)]

use gc_marksweep::Mode;

/// When an object that survives leaves the nursery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Promotion {
    /// At its first minor collection.
    First,
    /// At its second: objects that were just in use when the first came are not promoted for that.
    Second,
    /// At its second, as long as few objects survive the first, and not most of those the second.
    #[default]
    Adaptive,
}

/// The settings of a [`Generational`](crate::Generational).
///
/// ```
/// use gc_generational::{Config, Promotion};
///
/// let config = Config { promotion: Promotion::Second, ..Config::default() };
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The tenured space: how its cycles are spread over time, when they begin, its limit, which the nursery's
    /// memory counts for too; and whether collections come more often than is useful, and are verified.
    pub tenured: gc_marksweep::Config,
    /// Bytes that are allocated between two minor collections, at first.
    pub nursery_bytes: usize,
    /// The most that this becomes, where a larger nursery lets fewer objects survive.
    pub nursery_max_bytes: usize,
    /// When survivors are promoted.
    pub promotion: Promotion,
    /// Where most of the nursery survives several times in a row, whether objects are made in the tenured space at
    /// once for a while: copying them, and remembering what is written to meanwhile, is in vain then.
    pub rests: bool,
    /// How long a minor collection may take, in microseconds: the nursery shrinks if it takes longer. Without
    /// `std` there is no clock, and the nursery stays as it is.
    pub pause_micros: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tenured: gc_marksweep::Config::default(),
            nursery_bytes: 256 << 10,
            nursery_max_bytes: 4 << 20,
            promotion: Promotion::default(),
            rests: true,
            pause_micros: 1000,
        }
    }
}

impl Config {
    /// The defaults, with the tenured space collected in this mode.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { tenured: gc_marksweep::Config::new(mode), ..Self::default() }
    }

    /// As it is, but tortured: with checks, a minor collection after every mutation, and memory that objects
    /// have left given back to the layer below at once.
    #[must_use]
    pub fn tortured(self, torture: gc_marksweep::Torture) -> Self {
        Self { tenured: self.tenured.tortured(torture), ..self }
    }
}
