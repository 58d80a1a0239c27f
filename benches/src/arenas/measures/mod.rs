//! What is measured, and on whom: a file for each measure, with its programs and its contestants.
//!
//! Above: `rounds`, `child`. Below: `kinds`. In `objects`: the objects of 8 to 64 bytes that some measures share. In `passes`:
//! passes of millions of objects, each contestant in a process of its own.

mod deferred;
mod dropping;
mod drops;
mod frames;
mod live;
mod mixed;
mod objects;
mod passes;
mod scopes;
mod small;
mod stacks;
mod suppliers;
mod vectors;

use super::{Contestant, Measure};

/// All measures, in the order of tables.
pub static ALL: [&Measure; 9] = [
    &small::MEASURE,
    &mixed::MEASURE,
    &drops::MEASURE,
    &drops::PASSES,
    &vectors::MEASURE,
    &frames::MEASURE,
    &deferred::MEASURE,
    &stacks::MEASURE,
    &live::MEASURE,
];

/// The measure of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Measure> {
    ALL.into_iter().find(|measure| measure.name == name)
}

impl Measure {
    /// The contestant of this name.
    #[must_use]
    pub fn contestant(&self, name: &str) -> Option<&'static Contestant> {
        self.contestants.iter().find(|who| who.name == name)
    }
}
