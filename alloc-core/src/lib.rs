#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(strata_nightly, feature(allocator_api))]

#[cfg(feature = "alloc")]
extern crate alloc;

#[macro_use]
mod allocator;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "alloc")]
mod ground;
mod layer;
#[cfg(feature = "alloc")]
mod owned;
pub mod report;
pub mod sync;

pub use allocator_api2 as api2;
#[doc(hidden)]
#[cfg(feature = "allocator-api2-02")]
pub use allocator_api2_02 as api2_02;

pub use allocator_api2::alloc::{AllocError, Allocator};
pub use core::alloc::Layout;
pub use layer::{Broken, Layer, cut, dangling};
#[cfg(feature = "alloc")]
pub use owned::{Boxed, Shared};
pub use report::{Report, Unit};
