#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adopt;
mod advice;
mod advised;
mod arena;
mod away;
mod below;
mod bits;
mod bump;
mod config;
mod decay;
mod dedicated;
mod discard;
mod drop_bump;
mod figures;
#[cfg(all(feature = "os", unix))]
mod file;
mod fixed;
mod forest;
mod frame;
mod herd;
mod huge;
mod lifo;
mod long;
mod mapping;
mod mappings;
#[cfg(all(feature = "os", unix))]
mod os;
mod purge;
mod recent;
mod record;
mod reserve;
mod resize;
mod runs;
mod scheduled;
pub mod source;
mod stack;
mod stacks;
mod state;
mod table;
mod tree;
mod values;
mod walk;

/// `Global`, `Vec` and `Box` of allocator-api2 0.4, to which all this belongs; the standard library's are other types.
pub use alloc_core::api2;
/// What [`Bump::map`] and [`Bump::set`] make.
#[cfg(feature = "hashbrown")]
pub use hashbrown;

pub use adopt::{Adopted, Purge};
pub use alloc_core::Ground;
pub use arena::Arena;
pub use below::Calls;
pub use bump::Bump;
pub use drop_bump::DropBump;
pub use figures::SysStat;
#[cfg(all(feature = "os", unix))]
pub use file::{FileMapping, Sharing};
pub use fixed::Fixed;
pub use frame::{DeferError, Deferred, Frame};
pub use herd::{Herd, Member};
pub use huge::HugePages;
pub use lifo::{Checkpoint, Lifo};
pub use mapping::{Mapping, MappingKind};
#[cfg(all(feature = "os", unix))]
pub use os::Os;
pub use scheduled::{Call, Failures, Scheduled};
pub use source::{Advice, Source};
pub use stack::{Borrowed, Stack};
#[cfg(all(feature = "os", unix))]
pub use stacks::overflow;
pub use stacks::{PoolRef, PooledStack, StackError, StackFigures, StackPool};
#[cfg(feature = "alloc")]
pub use values::Text;
pub use walk::{PageRun, PageState};
