//! The allocators of others, as what they all are: a `GlobalAlloc` of one value.
//!
//! Above: `candidates`, which lists them. Below: their crates, each behind a feature of its own name, but
//! the two that every run has.
//!
//! In `mimalloc`: both its major versions. In `registry`: what the feature `peers` adds.
//!
//! All are built as their crates build them for a release, with what a crate calls its defaults: no
//! secure, checking or counting mode, no instructions that other processors lack, no optimisation
//! across the languages (which needs one compiler for both). The README has them one by one.

mod mimalloc;
mod registry;

#[cfg(feature = "mimalloc2")]
pub use mimalloc::Mimalloc2;

use crate::purpose::Purpose;
use std::alloc::{GlobalAlloc, System};
use std::ffi::CStr;

/// An allocator of another project.
pub trait Peer: GlobalAlloc + Sync + Sized + 'static {
    /// What it is called in options, tables and plots.
    const NAME: &'static str;

    /// What it is, in a few words.
    const ABOUT: &'static str;

    /// What it is for.
    const PURPOSE: Purpose = Purpose::General;

    /// The allocator: any value of the type stands for the same one.
    const VALUE: Self;

    /// Its version: the C library's, where there is one and it tells, else its crate's.
    fn version() -> String;

    /// Has it give back to the system what it can spare, where its crate can ask for that.
    fn reclaim() {}
}

impl Peer for System {
    const NAME: &'static str = "system";
    const ABOUT: &'static str = "the C library's malloc";
    const VALUE: Self = Self;

    #[cfg(target_env = "gnu")]
    fn version() -> String {
        // SAFETY: the call returns a constant string that ends with a zero byte.
        let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", version.to_string_lossy())
    }

    #[cfg(not(target_env = "gnu"))]
    fn version() -> String {
        "of this system".into()
    }

    #[cfg(target_env = "gnu")]
    fn reclaim() {
        // SAFETY: the call has no preconditions.
        unsafe { libc::malloc_trim(0) };
    }
}
