//! What a collector is told when it is built.
//!
//! Above: the user. Below: `cycle.rs`, `pacer.rs`.
#![forbid(unsafe_code)]

use crate::Pace;

/// How a cycle is spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Marking happens in one turn, between two mutations. Sweeping is spread over allocations.
    #[default]
    StopTheWorld,
    /// Marking happens in small steps, at the ends of mutations, in proportion to what they allocated.
    Incremental,
    /// Marking happens on a thread of its own, beside mutations. So does sweeping, of what has no
    /// destructors.
    #[cfg(feature = "std")]
    Background,
}

/// What a test asks for, so that faults show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Torture {
    /// Nothing.
    #[default]
    Off,
    /// A turn after every mutation, and as little as can be done in it: cycles never pause, and every
    /// mutation meets another state.
    Steps,
    /// A whole cycle after every mutation.
    Cycles,
}

/// The settings of a [`MarkSweep`](crate::MarkSweep).
///
/// ```
/// use gc_marksweep::{Config, Mode};
///
/// let config = Config { mode: Mode::Incremental, ..Config::default() };
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How a cycle is spread over time.
    pub mode: Mode,
    /// When cycles begin.
    pub pace: Pace,
    /// Collects more often than is useful.
    pub torture: Torture,
    /// Before marking ends, marks again with another tracer, and compares; then walks the heap's
    /// metadata. The default in debug builds.
    pub verify: bool,
    /// Dead slots are filled with this byte when they are swept.
    pub poison: Option<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            pace: Pace::default(),
            torture: Torture::default(),
            verify: cfg!(debug_assertions),
            poison: None,
        }
    }
}

impl Config {
    /// The defaults, in this mode.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// As it is, but tortured: with checks, and with dead slots poisoned.
    #[must_use]
    pub fn tortured(self, torture: Torture) -> Self {
        Self { torture, verify: true, poison: Some(0xDD), ..self }
    }
}
