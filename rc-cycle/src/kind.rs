//! How a box is counted: by one thread, or by many; and who finds its cycles then.
//!
//! Above: the pointers, one code for both. Below: words, records. What tells a candidate stands beside the lists that it
//! comes to: `cycles.rs`, `sync/collector.rs`.

use crate::header::Record;
#[cfg(feature = "std")]
use crate::words::Shared;
use crate::words::{Counts, Local, Words};
use alloc_core::api2::alloc::Global;
use core::ptr::NonNull;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Local {}

    pub trait Admits<T: ?Sized, A> {}
    impl<T: ?Sized, A> Admits<T, A> for super::Local {}
    #[cfg(feature = "std")]
    impl<T: ?Sized + Send + Sync, A: Send + Sync> Admits<T, A> for super::Shared {}
    #[cfg(feature = "std")]
    impl Sealed for super::Shared {}
}

/// One of the two ways to count: [`Local`], or `Shared`. Sealed.
pub trait Kind: Counts + sealed::Sealed {
    /// One pointer less. `true`: it was the last one.
    ///
    /// # Safety
    ///
    /// The words are those of a box whose value lies at `value`; if `may_cycle`, it has a record, or is plain.
    #[doc(hidden)]
    unsafe fn release(words: &Words<Self>, value: NonNull<u8>, may_cycle: bool) -> bool;
    /// A box with this record was made, or is freed.
    #[doc(hidden)]
    fn note(value: NonNull<u8>, record: &'static Record, is_new: bool);
}

/// Whether a value may be counted so, in memory of this allocator: on many threads, if both are `Send` and `Sync`. Sealed.
///
/// Unlike `Arc`, a `sync::Cc` of anything else cannot be made: its thread would look at it.
pub trait Admits<T: ?Sized, A = Global>: Kind + sealed::Admits<T, A> {}
impl<T: ?Sized, A, K: Kind + sealed::Admits<T, A>> Admits<T, A> for K {}
