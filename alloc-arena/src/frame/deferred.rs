//! A deferred call in the hands of its frame's user: to cancel it, or because there was no room for it.
//!
//! Above: the user. Below: `calls.rs`.

use super::Node;
use crate::values::exhausted;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A call that is [deferred](crate::Frame::defer) to the end of a frame. It may be let go of: the call is made all the same.
pub struct Deferred<'f, F> {
    node: NonNull<Node<F>>,
    frame: PhantomData<Cell<&'f F>>,
}

impl<'f, F> Deferred<'f, F> {
    pub(super) fn new(node: NonNull<Node<F>>) -> Self {
        Self { node, frame: PhantomData }
    }

    /// Cancels the call, and gives it back; `None` if it has been made already, which only other deferred calls can see.
    /// Its memory stays with the frame.
    ///
    /// ```
    /// use alloc_arena::Stack;
    /// use alloc_core::api2::alloc::Global;
    ///
    /// let mut undone = false;
    /// Stack::with_capacity_in(1 << 10, Global).frame(|frame| {
    ///     let undo = frame.defer(|| undone = true);
    ///     // All went well:
    ///     assert!(undo.cancel().is_some());
    /// });
    /// assert!(!undone);
    /// ```
    pub fn cancel(mut self) -> Option<F> {
        // SAFETY: the node lives for `'f`: until the frame ends, and a little longer than its calls (C1 of `calls.rs`).
        // Nobody borrows it: lists look at nodes only in the midst of `run` and `len`, which let go before they call.
        unsafe { self.node.as_mut() }.take()
    }
}

impl<F> fmt::Debug for Deferred<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").finish_non_exhaustive()
    }
}

/// There was no memory in the frame for a call that was to be deferred.
pub struct DeferError<F>(F);

impl<F> DeferError<F> {
    pub(super) fn new(call: F) -> Self {
        Self(call)
    }

    /// The call.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F: FnOnce()> DeferError<F> {
    #[cold]
    #[track_caller]
    pub(super) fn run_and_panic(self) -> ! {
        self.0();
        exhausted()
    }
}

impl<F> fmt::Debug for DeferError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferError").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for DeferError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no memory in the frame for a deferred call")
    }
}

impl<F> core::error::Error for DeferError<F> {}
