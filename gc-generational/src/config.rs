//! What a collector is told when it is built.
//!
//! Above: the user. Below: `pacer.rs`; the tenured space, which has settings of its own.
#![forbid(unsafe_code)]

use gc_marksweep::{Config as TenuredConfig, Mode, Torture};

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
    /// The tenured space: how its cycles are spread over time (`mode`), when they begin (`pace`); the limit of the whole
    /// heap, the nursery's memory included (`pace.limit_bytes`); whether collections come more often than is useful
    /// (`torture`), and are checked (`verify`).
    ///
    /// `verify` is on in debug builds, and looks at the whole heap: with a large one a program takes many times as long for it.
    /// `tenured.verify = false` switches it off.
    pub tenured: TenuredConfig,
    /// Bytes that are allocated between two minor collections, at first; 16 KiB at least. As much again is set aside for
    /// what survives. Where the layer below has less than eight times as much, the nursery is shorter.
    ///
    /// The least memory that makes sense is 48 KiB, in which the nursery is all there is, and 8 KiB of objects can be made
    /// between two collections. The tenured space needs a span of 64 KiB for each size of object: with 256 KiB
    /// there is one beside the nursery.
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
            tenured: TenuredConfig::default(),
            nursery_bytes: 1 << 20,
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
        Self { tenured: TenuredConfig::new(mode), ..Self::default() }
    }

    /// As it is, but tortured: with checks, and dead slots of the tenured space poisoned; and, unless it is
    /// [`Torture::Off`], with a minor collection after every mutation, and memory that objects have left given back to the
    /// layer below at once.
    #[must_use]
    pub fn tortured(self, torture: Torture) -> Self {
        Self { tenured: self.tenured.tortured(torture), ..self }
    }
}
