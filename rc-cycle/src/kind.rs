//! How a box is counted: by one thread, or by many.
//!
//! Above: the pointers, one code for both. Below: `local.rs`, `sync/word.rs`.

use crate::header::{Record, Words};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::Counted;
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

/// Counted by one thread: [`Cc`](crate::Cc).
#[derive(Debug)]
pub enum Local {}

/// Counted by many threads: [`sync::Cc`](crate::sync::Cc).
#[cfg(feature = "std")]
#[derive(Debug)]
pub enum Shared {}

/// One of the two ways to count: [`Local`], or `Shared`. Sealed.
pub trait Kind: sealed::Sealed + Sized + 'static {
    // The functions are given words of a box that is not freed; what they say about it holds as long as the caller's own
    // count does.

    /// A word that counts.
    #[doc(hidden)]
    type Word;
    /// Whether values may go to other threads.
    #[doc(hidden)]
    const SENDS: bool;

    #[doc(hidden)]
    fn new_words(strong: usize) -> Words<Self>;
    /// One pointer more.
    #[doc(hidden)]
    fn retain(words: &Words<Self>);
    /// One pointer less. `true`: it was the last one.
    ///
    /// # Safety
    ///
    /// The words are those of a box whose value lies at `value`; if `may_cycle`, it has a record, or is plain.
    #[doc(hidden)]
    unsafe fn release(words: &Words<Self>, value: NonNull<u8>, may_cycle: bool) -> bool;
    /// One pointer more, if there is one.
    #[doc(hidden)]
    fn upgrade(words: &Words<Self>) -> bool;
    /// One weak pointer more.
    #[doc(hidden)]
    fn retain_weak(words: &Words<Self>);
    /// One weak pointer less; all pointers together are one. `true`: the memory is the caller's to free.
    #[doc(hidden)]
    fn release_weak(words: &Words<Self>) -> bool;
    /// Whether there is one pointer, and no weak one. Then no step begins at the value until it was shared again.
    #[doc(hidden)]
    fn is_unique(words: &Words<Self>, may_cycle: bool) -> bool;
    /// Takes the value out, if there is one pointer: from now on there is none.
    #[doc(hidden)]
    fn take(words: &Words<Self>) -> bool;
    /// Publishes a value that was made while there was no pointer to it.
    #[doc(hidden)]
    fn publish(words: &Words<Self>);
    #[doc(hidden)]
    fn strong(words: &Words<Self>) -> usize;
    #[doc(hidden)]
    fn weak(words: &Words<Self>) -> usize;
    /// The box has no record, although pointers to it are of a type that may have one.
    #[doc(hidden)]
    fn set_plain(words: &Words<Self>);
    #[doc(hidden)]
    fn is_plain(words: &Words<Self>) -> bool;
    /// What a visitor is shown.
    #[doc(hidden)]
    fn counted(value: NonNull<u8>) -> Counted;
    /// A box with this record was made, or is freed.
    #[doc(hidden)]
    fn note(value: NonNull<u8>, record: &'static Record, is_new: bool);
}

/// Whether a value may be counted so, in memory of this allocator: on many threads, if both are `Send` and `Sync`. Sealed.
///
/// Unlike `Arc`, a `sync::Cc` of anything else cannot be made: its thread would look at it.
pub trait Admits<T: ?Sized, A = Global>: Kind + sealed::Admits<T, A> {}
impl<T: ?Sized, A, K: Kind + sealed::Admits<T, A>> Admits<T, A> for K {}
