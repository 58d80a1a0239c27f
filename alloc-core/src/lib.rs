#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(strata_nightly, feature(allocator_api), doc(test(attr(feature(allocator_api)))))]

#[cfg(feature = "alloc")]
extern crate alloc;
// The derive macro names the crate so, inside it as well.
extern crate self as alloc_core;

#[macro_use]
mod allocator;
#[macro_use]
mod like_its_value;
#[macro_use]
mod pass_on;
mod combine;
#[cfg(feature = "allocator-api2-02")]
mod compat;
#[cfg(feature = "conformance")]
pub mod conformance;
mod foreign;
#[cfg(all(unix, feature = "std", not(all(loom, feature = "loom"))))]
pub mod forks;
pub mod gc;
#[cfg(feature = "alloc")]
mod ground;
mod idle;
mod layer;
#[cfg(feature = "alloc")]
mod owned;
pub mod report;
#[cfg(all(feature = "signals", unix))]
pub mod signals;
mod static_ground;
pub mod sync;
#[cfg(any(
    feature = "calls",
    feature = "profile",
    feature = "leaks",
    feature = "sampled",
    feature = "valgrind"
))]
mod watch;

pub use allocator_api2 as api2;
#[doc(hidden)]
#[cfg(feature = "allocator-api2-02")]
pub use allocator_api2_02 as api2_02;

pub use allocator_api2::alloc::{AllocError, Allocator};
pub use combine::{
    AsGlobal, Failing, Fallback, Figures, Limit, Locked, Null, Observe, Reclaiming, Schedule,
    Segregate,
};
#[cfg(feature = "allocator-api2-02")]
pub use compat::Compat02;
pub use core::alloc::Layout;
pub use foreign::Foreign;
pub use idle::Idle;
#[cfg(feature = "std")]
pub use idle::Purger;
pub use layer::{Broken, Layer, cut, dangling};
#[cfg(feature = "alloc")]
pub use owned::{Boxed, Shared};
pub use report::{Report, Unit};
pub use static_ground::{Ground, Page};
#[cfg(feature = "valgrind")]
pub use watch::Memcheck;
#[cfg(all(feature = "sampled", unix))]
pub use watch::Sampled;
#[cfg(any(feature = "calls", feature = "profile", feature = "leaks", feature = "sampled"))]
pub use watch::calls::leave_out_code;
#[cfg(feature = "calls")]
pub use watch::calls::write_calls;
#[cfg(feature = "leaks")]
pub use watch::leaks::{self, Leaks};
#[cfg(feature = "profile")]
pub use watch::profile::{self, Profile};

/// Ends the process where there is no other sound way on. Unwinding is not one (rule L5).
#[cold]
pub(crate) fn abort(why: &'static str) -> ! {
    // Without `std` there is no call that aborts; a panic that would leave this function does.
    #[allow(improper_ctypes_definitions, reason = "only called here, from Rust")]
    extern "C" fn never_unwinds(why: &'static str) -> ! {
        panic!("{why}");
    }
    never_unwinds(why)
}
