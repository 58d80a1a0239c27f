#![doc = include_str!("../README.md")]

pub mod arenas;
pub mod candidates;
pub mod collectors;
pub mod commands;
mod console;
pub mod counted;
pub mod error;
pub mod global;
pub mod goroutines;
pub mod heap;
pub mod measure;
pub mod memory;
pub mod micro;
pub mod peers;
mod places;
pub mod pools;
pub mod program;
pub mod purpose;
pub mod replay;
pub mod report;
pub mod run;
pub mod stacks;
pub mod table;
pub mod turns;
pub mod units;

pub use error::Failure;

/// The example of the workspace's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontDoor;
