//! Counted pointers side by side: the same programs on std's, on rc-cycle's and on those of other crates.
//!
//! Above: the command `counted`. Below: a process for each run, and what runs in it.
//!
//! In `programs`: what is done, each program written once. In `kinds`: pointers of each crate, behind one trait. In
//! `systems`: who takes part. In `census`: what was made and not dropped. In `clock`: time. In `child`: a process. In
//! `results`: rounds, and medians.
//!
//! A program does the same on every system and answers with a number; all answers must agree.

mod census;
pub mod child;
mod clock;
mod kinds;
pub mod programs;
pub mod results;
pub mod systems;

pub use child::Outcome;
pub use programs::Program;
pub use systems::System;
