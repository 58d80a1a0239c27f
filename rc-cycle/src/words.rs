//! The words of a box: two counts, which lie right before its value.
//!
//! Above: all that asks a box who has it. Below: cells and atomics. What the bits of the words mean is said by each kind:
//! `local.rs`, `sync/word.rs`. Not here: what a pointer that goes leaves for steps to find (`kind.rs`).

use alloc_core::gc::Counted;
use core::fmt;
use core::ptr::NonNull;

/// Counted by one thread: [`Cc`](crate::Cc).
#[derive(Debug)]
pub enum Local {}

/// Counted by many threads: [`sync::Cc`](crate::sync::Cc).
#[cfg(feature = "std")]
#[derive(Debug)]
pub enum Shared {}

/// The counts, right before the value.
#[repr(C)]
pub struct Words<K: Counts> {
    pub(crate) strong: K::Word,
    pub(crate) weak: K::Word,
}

impl<K: Counts> fmt::Debug for Words<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

/// What the words of a box tell by themselves, without anything that is around them.
pub trait Counts: Sized + 'static {
    // The functions are given words of a box that is not freed; what they say about it holds as long as the caller's own
    // count does.

    /// A word that counts.
    type Word;
    /// Whether values may go to other threads.
    const SENDS: bool;

    fn new_words(strong: usize) -> Words<Self>;
    /// One pointer more.
    fn retain(words: &Words<Self>);
    /// One pointer more, if there is one.
    fn upgrade(words: &Words<Self>) -> bool;
    /// One weak pointer more.
    fn retain_weak(words: &Words<Self>);
    /// One weak pointer less; all pointers together are one. `true`: the memory is the caller's to free.
    fn release_weak(words: &Words<Self>) -> bool;
    /// Whether there is one pointer, and no weak one. Then no step begins at the value until it was shared again.
    fn is_unique(words: &Words<Self>, may_cycle: bool) -> bool;
    /// Takes the value out, if there is one pointer: from now on there is none.
    fn take(words: &Words<Self>) -> bool;
    /// Publishes a value that was made while there was no pointer to it.
    fn publish(words: &Words<Self>);
    fn strong(words: &Words<Self>) -> usize;
    fn weak(words: &Words<Self>) -> usize;
    /// The box has no record, although pointers to it are of a type that may have one.
    fn set_plain(words: &Words<Self>);
    fn is_plain(words: &Words<Self>) -> bool;
    /// What a visitor is shown.
    fn counted(value: NonNull<u8>) -> Counted;
}

/// The words of a box.
///
/// # Safety
///
/// `value` is where a box's value lies, and may be used to reach all of the box, which is not freed.
#[inline(always)]
pub(crate) unsafe fn words<'b, K: Counts>(value: NonNull<u8>) -> &'b Words<K> {
    // SAFETY: they lie right before the value.
    unsafe { value.cast::<Words<K>>().sub(1).as_ref() }
}
