//! The interpreter of `examples/scheme`: its language, and real programs under every mode, in torture and
//! without.
#![cfg(not(loom))]

#[path = "../examples/scheme/collector.rs"]
mod collector;
#[path = "../examples/scheme/interpreter/mod.rs"]
mod interpreter;

#[path = "scheme/programs.rs"]
mod programs;
