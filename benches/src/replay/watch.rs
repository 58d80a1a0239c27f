//! What a pass does besides the steps of a lane.
//!
//! Above: `lane`, which tells it. Below: whoever looks: `probe` at memory, `pauses` at time, `()` at nothing.

use crate::program::Step;

/// What a pass does besides the steps.
pub(super) trait Watch {
    /// A step begins.
    #[inline]
    fn begin(&mut self) {}
    /// A step that is an event has been done.
    #[inline]
    fn end(&mut self, _step: Step) {}
    /// `live` bytes more, or less, are live.
    #[inline]
    fn live(&mut self, _bytes: i64) {}
    /// A point at which memory is sampled.
    #[inline]
    fn sample(&mut self, _number: u32) {}
    /// The point with the most live bytes.
    #[inline]
    fn peak(&mut self) {}
}

/// A timed pass does nothing besides.
impl Watch for () {}
