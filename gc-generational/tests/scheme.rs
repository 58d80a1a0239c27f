//! The Scheme of `examples/scheme-generational`: the same programs as on gc-marksweep, with the same results.
#![cfg(not(loom))]

#[path = "../examples/scheme-generational/collector.rs"]
mod collector;
#[path = "../../gc-marksweep/examples/scheme/interpreter/mod.rs"]
mod interpreter;
#[path = "../../gc-marksweep/tests/scheme/programs.rs"]
mod programs;
