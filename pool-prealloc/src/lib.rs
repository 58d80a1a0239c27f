#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]

mod run;
#[cfg(feature = "std")]
pub mod sync;
#[cfg(feature = "std")]
pub use sync::{ObjectPool, SyncPool};
