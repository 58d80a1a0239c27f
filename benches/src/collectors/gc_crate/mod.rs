//! The `gc` crate: the programs on it, whose objects are boxes of the process's allocator.
//!
//! Above: `contestants`. Below: that crate, as its documentation uses it: `Gc` like an `Rc`, `GcCell` for
//! what changes, plain fields for what does not, and nothing of either where Rust's own types do. So
//! tables are vectors outside of the heap, whose entries are roots: a `GcCell` around a table would
//! root all its entries for each write. It collects by itself, in `Gc::new`.

#![expect(
    non_local_definitions,
    reason = "its derive macros write them; newer compilers do not like it"
)]

mod cache;
mod graph;
mod trees;

pub(super) use cache::cache;
pub(super) use graph::graph;
pub(super) use trees::forest;

use super::text::weight;
use super::{TextStep, Texts};
use gc::Gc;

struct Table(Vec<Gc<Box<str>>>);

pub(super) fn texts(count: usize) -> Box<dyn Texts> {
    let empty: Gc<Box<str>> = Gc::new(Box::from(""));
    Box::new(Table(vec![empty; count]))
}

impl Texts for Table {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        for step in steps {
            step.build(|n| self.0[n].as_ref(), scratch);
            self.0[step.to()] = Gc::new(Box::from(scratch.as_str()));
        }
    }

    fn sum(&mut self) -> u64 {
        self.0.iter().map(|text| weight(text)).fold(0, u64::wrapping_add)
    }
}
