#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]

mod adopt;
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
#[cfg(all(feature = "os", unix))]
mod file;
mod fixed;
mod forest;
mod huge;
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
mod stacks;
mod stat;
mod state;
mod table;
mod tree;
mod walk;

pub use adopt::{Adopted, Purge};
pub use arena::Arena;
pub use below::Calls;
pub use bump::Bump;
#[cfg(all(feature = "os", unix))]
pub use file::{FileMapping, Sharing};
pub use fixed::{Fixed, Ground};
pub use huge::HugePages;
pub use mapping::{Mapping, MappingKind};
#[cfg(all(feature = "os", unix))]
pub use os::Os;
pub use scheduled::{Call, Failures, Scheduled};
pub use source::{Advice, Source};
#[cfg(all(feature = "os", unix))]
pub use stacks::overflow;
pub use stacks::{PoolRef, PooledStack, StackError, StackPool, StackStat};
pub use stat::SysStat;
pub use walk::{PageRun, PageState};
