#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod block;
mod boxed;
mod budget;
mod buffer;
#[cfg(feature = "critical-section")]
mod critical;
mod error;
mod inline;
mod key;
mod plan;
mod pool;
mod prepare;
mod reports;
mod run;
mod slots;
mod static_pool;
#[cfg(feature = "std")]
pub mod sync;
mod traits;

/// Memory for a [`Budget`] or a [`Buffer`] in a `static`, in safe code.
pub use alloc_core::Ground;
/// `Global`, `Vec` and `Box` of allocator-api2 0.4, to which all this belongs; the standard library's are other types.
pub use alloc_core::api2;
pub use block::BlockPool;
pub use boxed::{Home, SlotBox};
pub use budget::Budget;
pub use buffer::Buffer;
#[cfg(feature = "critical-section")]
pub use critical::{CriticalBox, CriticalPool};
pub use error::{Full, StaleKey, TakeError};
pub use key::{Drain, Iter, IterMut, Key, KeyPool, Keys};
pub use plan::{Plan, PlanError, Share};
pub use pool::{Living, LivingMut, Pool, PoolBox};
pub use prepare::Preparation;
pub use static_pool::{Handle, StaticBox, StaticPool};
#[cfg(feature = "std")]
pub use sync::{ObjectPool, SyncPool};
