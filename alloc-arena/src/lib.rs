#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

mod arena;
mod below;
mod bits;
mod config;
mod fixed;
mod mapping;
#[cfg(all(feature = "os", unix))]
mod os;
mod record;
mod runs;
pub mod source;
mod state;
mod table;
mod tree;

pub use arena::Arena;
pub use below::Calls;
pub use fixed::{Fixed, Ground};
pub use mapping::{Mapping, MappingKind};
#[cfg(all(feature = "os", unix))]
pub use os::Os;
pub use source::Source;
