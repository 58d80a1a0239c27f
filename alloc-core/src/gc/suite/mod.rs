//! The suite that every collector goes through: the same tests, whatever collects.
//!
//! Above: the tests of each collector crate, which call [`run`]. Below: the handles. `handles.rs`: what
//! pointers, slices, weak pointers and finalisers do. `drops.rs`: who is dropped, when, and how often.
//! `graph.rs`: random changes of a graph beside a model of it.

mod drops;
mod graph;
mod handles;

use super::Collector;

/// Puts a kind of collector through everything. `make` makes a new one; `nodes` says how long
/// structures get (a collector that is slow on purpose is given fewer).
///
/// # Panics
///
/// When the collector is at fault.
pub fn run<C: Collector>(make: impl Fn() -> C, nodes: usize) {
    handles::run(&make);
    drops::run(&make);
    handles::deep_list(make(), nodes);
    handles::wide_slice(make(), nodes);
    let seeds = if nodes < 10_000 { 10 } else { 40 };
    (0..seeds).for_each(|seed| graph::run(make(), seed, nodes.min(2_000)));
}
