//! What a stack says of itself: a tree of layers with named figures.
//!
//! Above: whoever prints or stores it. Below: nothing; a layer calls [`Report::layer`] and, inside,
//! reports the layer below, so the tree has the shape of the stack.
//! A report goes to a [`Sink`]: [`Text`] writes lines as they come and allocates nothing, so that
//! an allocator can report from inside itself; `Tree` keeps them.

mod held;
mod text;
#[cfg(feature = "alloc")]
mod tree;

pub(crate) use held::Held;
pub use text::Text;
#[cfg(feature = "alloc")]
pub use tree::{Figure, Tree};

use crate::Layer;
use core::fmt;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Pages of the operating system.
    Pages,
    /// Slots of a span or a pool.
    Slots,
    /// Times that something happened, or a number of things.
    Count,
    /// Thousandths.
    Permille,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    /// The unit's symbol: what stands behind a number.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Bytes => "B",
            Self::Pages => "pages",
            Self::Slots => "slots",
            Self::Count => "",
            Self::Permille => "‰",
            Self::Nanoseconds => "ns",
        }
    }
}

/// Where a report goes.
pub trait Sink {
    /// A layer, or a group of figures within one, begins.
    fn enter(&mut self, name: &str);
    /// One figure of the innermost layer or group.
    fn figure(&mut self, name: &str, value: u64, unit: Unit);
    /// The innermost layer or group ends.
    fn leave(&mut self);
}

/// What has a report: every [`Layer`], and what is none and stands on one: heaps of objects, collectors, pools.
///
/// It is for those who take any of them, as [`Text::write`] does. Each has a method `report` of its own as well, which needs
/// no import.
pub trait Reports {
    /// Writes the figures, then those of the layer below.
    fn report(&self, report: &mut Report<'_>);
}

impl<L: Layer + ?Sized> Reports for L {
    fn report(&self, report: &mut Report<'_>) {
        Layer::report(self, report);
    }
}

/// A report that is being written; what [`Layer::report`] takes.
pub struct Report<'s> {
    sink: &'s mut dyn Sink,
}

impl<'s> Report<'s> {
    /// A report that goes to `sink`.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink }
    }

    /// A layer (or a named group of figures): its figures, and then the layers below it, are
    /// written by `body`.
    ///
    /// A layer reads its figures under its locks, lets go of them, and then reports: the sink may
    /// allocate from the very stack that reports.
    pub fn layer(&mut self, name: &str, body: impl FnOnce(&mut Report<'_>)) {
        self.sink.enter(name);
        body(&mut Report { sink: self.sink });
        self.sink.leave();
    }

    /// The name of a group of figures about the whole process, whatever the layer had to do with them.
    pub const PROCESS: &'static str = "process";

    /// A group of figures about the whole process: [`PROCESS`](Self::PROCESS). They are no sign that
    /// anything happened in the stack ([`Idle`](crate::Idle)).
    pub fn process(&mut self, body: impl FnOnce(&mut Report<'_>)) {
        self.layer(Self::PROCESS, body);
    }

    /// A figure in any unit.
    pub fn figure(&mut self, name: &str, value: u64, unit: Unit) {
        self.sink.figure(name, value, unit);
    }

    /// A figure in bytes.
    pub fn bytes(&mut self, name: &str, value: usize) {
        self.figure(name, value as u64, Unit::Bytes);
    }

    /// A figure in pages.
    pub fn pages(&mut self, name: &str, value: usize) {
        self.figure(name, value as u64, Unit::Pages);
    }

    /// A figure in slots.
    pub fn slots(&mut self, name: &str, value: usize) {
        self.figure(name, value as u64, Unit::Slots);
    }

    /// A plain count.
    pub fn count(&mut self, name: &str, value: u64) {
        self.figure(name, value, Unit::Count);
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}
