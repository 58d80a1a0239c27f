//! Frames: what is allocated in one is freed when it ends.
//!
//! Above: whoever calls [`Stack::frame`](crate::Stack::frame) or [`Bump::frame`](crate::Bump::frame). Below: a [`Lifo`],
//! which is rolled back. In `calls.rs`: the calls that are deferred to the end; in `deferred.rs`: the way they are
//! cancelled. In `layer.rs`: the traits of a frame as an allocator.
//!
//! Why this is sound. `'f` is a lifetime that [`run`] alone can choose, and that a frame's user cannot name outside of
//! the closure: so nothing that borrows for `'f` leaves it.
//! * F1: a frame is only ever seen behind `&mut`, and has its `'f` for itself (it is invariant). So no two frames can be
//!   exchanged, and a value cannot pass for one of another frame.
//! * F2: an inner frame takes `&mut` of the outer one. While it is open nothing can be allocated in the outer one, and
//!   no allocator by reference to it (`Vec<T, &Frame>`) is alive. So what an inner frame rolls back is its own.
//! * F3: deferred calls run before the memory is rolled back, and hold nothing that is shorter than `'f`.
//! * F4: no value in a frame is dropped, but those that a `Box` or `Vec` in it owns, before the frame ends.

mod calls;
mod deferred;
mod layer;

pub(crate) use calls::contained;
use calls::{Calls, Node};
pub use deferred::{DeferError, Deferred};

use crate::lifo::{Checkpoint, Lifo};
use crate::values::{Put, collections, values};
use alloc_core::AllocError;
#[cfg(feature = "alloc")]
use alloc_core::Layout;
use core::cell::Cell;
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
#[cfg(feature = "alloc")]
use core::ptr::NonNull;

/// A frame of a [`Stack`](crate::Stack) or a [`Bump`](crate::Bump): all that is allocated in it is freed at its end, also
/// when that comes by a panic or an early return.
///
/// Values borrow for `'f`, the frame's own length, so that they may refer to each other; they cannot leave it. They are
/// not dropped; [`defer`](Frame::defer) runs what has to run at the end. The frame is an allocator, too, for `Vec` and
/// the like: `Vec::new_in(&*frame)`.
///
/// ```
/// use alloc_arena::Stack;
/// use alloc_core::api2::{alloc::Global, vec::Vec};
///
/// let mut stack = Stack::with_capacity_in(4 << 10, Global);
/// let longest = stack.frame(|frame| {
///     let words = frame.alloc_slice_copy(&["basalt", "tuff", "obsidian"]);
///     frame.frame(|inner| {
///         // The outer frame's values are here, too; what is allocated here is gone at the end.
///         let mut lengths = Vec::new_in(&*inner);
///         lengths.extend(words.iter().map(|word| word.len()));
///         lengths.iter().copied().max()
///     })
/// });
/// assert_eq!((longest, stack.used_bytes()), (Some(8), 0));
/// ```
///
/// What an inner frame allocates does not leave it:
///
/// ```compile_fail
/// use alloc_arena::Stack;
/// use alloc_core::api2::alloc::Global;
///
/// let mut stack = Stack::with_capacity_in(4 << 10, Global);
/// let lost = stack.frame(|frame| frame.alloc(7));
/// ```
///
/// # What lies where
///
/// Within an inner frame nothing is allocated in the outer one, since the end of the inner one would free it. So a result that
/// outlasts the temporary values it is made of gets its place first, and is filled within the inner frame:
///
/// ```
/// # use alloc_arena::Stack;
/// # use alloc_core::api2::alloc::Global;
/// # Stack::with_capacity_in(4 << 10, Global).frame(|frame| {
/// let sums = frame.alloc_slice_fill(3, &0);
/// for (n, sum) in sums.iter_mut().enumerate() {
///     frame.frame(|inner| *sum = inner.alloc_iter(0..=n).iter().sum());
/// }
/// assert_eq!(sums, [0, 1, 3]);
/// # });
/// ```
///
/// Where its length is not known beforehand, it lies in another memory: a result in a `Bump`, what is temporary in frames of
/// a `Stack`. A vector by reference to a frame borrows it, so that no inner one begins while it is there; when it has grown,
/// [`keep`](Frame::keep) makes a slice of it that lasts as long as the frame. What has to be there before a frame of a `Bump`
/// and after it is in a frame around that one.
///
/// # Functions that take frames
///
/// A function says what it defers by `'f`, which is all that it needs to name; the second lifetime (for how long
/// the memory is borrowed) is always another one:
///
/// ```
/// use alloc_arena::{Frame, Lifo};
/// use std::cell::Cell;
///
/// fn visit<'f, L: Lifo>(frame: &mut Frame<'f, '_, L>, depth: u32, ends: &'f Cell<u32>) {
///     frame.defer(move || ends.set(ends.get() + 1));
///     if depth > 0 {
///         frame.frame(|inner| visit(inner, depth - 1, ends));
///     }
/// }
/// # use alloc_arena::Stack;
/// # use alloc_core::api2::alloc::Global;
/// # let ends = Cell::new(0);
/// # Stack::with_capacity_in(4 << 10, Global).frame(|frame| visit(frame, 9, &ends));
/// # assert_eq!(ends.get(), 10);
/// ```
///
/// # Values that are dropped
///
/// What has to be dropped is owned by a `Box` or `Vec` in the frame, or by a guard around it, or is dropped by a deferred call
/// alone. There is no value that is used until the end and dropped by the frame then: one that refers to it could be looked at
/// after it.
pub struct Frame<'f, 'env: 'f, L: Lifo> {
    memory: &'env L,
    deferred: Calls,
    /// F1: `'f` is invariant.
    brand: PhantomData<Cell<(&'f (), &'env ())>>,
}

/// Runs `body` with a frame of `memory`.
///
/// The caller has `&mut` of it, or of the frame to which it belongs, for as long as that takes (F2).
#[inline(always)]
pub(crate) fn run<'env, L: Lifo, R>(
    memory: &'env L,
    body: impl for<'f> FnOnce(&mut Frame<'f, 'env, L>) -> R,
) -> R {
    // It goes last, and is not moved: else its words would be written one by one and read two at a time, for which the
    // processor waits.
    let _rollback = Rollback { memory, to: memory.checkpoint() };
    let mut open = Open(Frame { memory, deferred: Calls::new(), brand: PhantomData });
    let result = body(&mut open.0);
    let closing = ManuallyDrop::new(open);
    closing.0.deferred.run();
    result
}

/// A frame whose body has not come back.
struct Open<'f, 'env: 'f, L: Lifo>(Frame<'f, 'env, L>);

impl<L: Lifo> Drop for Open<'_, '_, L> {
    /// It never will: it has panicked.
    #[cold]
    fn drop(&mut self) {
        self.0.deferred.run_contained();
    }
}

/// Rolls back when it is dropped: at the end of the frame, whichever way that comes.
struct Rollback<'m, L: Lifo> {
    memory: &'m L,
    to: Checkpoint,
}

impl<L: Lifo> Drop for Rollback<'_, L> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the checkpoint was taken by `run`, since when nobody but this frame and its inner ones had the
        // memory (F2): nothing older was touched, and what is younger cannot be used any more, as all borrows of it
        // ended with the frame, and the deferred calls have run (F3).
        unsafe { self.memory.rollback(self.to) };
    }
}

impl<'f, L: Lifo> Frame<'f, '_, L> {
    /// Runs `body` with a frame within this one.
    ///
    /// While it is open, this one is only looked at: nothing can be allocated in it, and no `Vec` over it is alive
    /// ([`keep`](Frame::keep) makes a slice of one).
    #[inline]
    pub fn frame<'e, R>(&'e mut self, body: impl for<'g> FnOnce(&mut Frame<'g, 'e, L>) -> R) -> R {
        run(self.memory, body)
    }

    /// Runs `call` when the frame ends, whichever way it does: the last one deferred first. It lies in the frame.
    ///
    /// A call that panics does not keep the others from running; the first panic goes on when all have run. (Without
    /// the feature `std`, a second panic while one is under way ends the process, as in destructors.)
    ///
    /// What is returned serves to [cancel](Deferred::cancel) it.
    ///
    /// ```
    /// use alloc_arena::Stack;
    /// use alloc_core::api2::alloc::Global;
    /// use std::cell::RefCell;
    ///
    /// let log = RefCell::new(Vec::new());
    /// Stack::with_capacity_in(1 << 10, Global).frame(|frame| {
    ///     frame.defer(|| log.borrow_mut().push("close"));
    ///     frame.defer(|| log.borrow_mut().push("flush"));
    ///     log.borrow_mut().push("write");
    /// });
    /// assert_eq!(log.into_inner(), ["write", "flush", "close"]);
    /// ```
    ///
    /// What it borrows is borrowed until then: what the body changes meanwhile is in a `Cell` or `RefCell`.
    ///
    /// # Panics
    ///
    /// When there is no memory for it. The call is made at once then, before the panic, as the frame ends anyway.
    #[inline(always)]
    #[track_caller]
    pub fn defer<F: FnOnce() + 'f>(&self, call: F) -> Deferred<'f, F> {
        match self.try_defer(call) {
            Ok(deferred) => deferred,
            Err(error) => error.run_and_panic(),
        }
    }

    /// Runs `call` when the frame ends, as [`defer`](Frame::defer) does.
    ///
    /// # Errors
    ///
    /// When there is no memory for it. The error has the call.
    #[inline(always)]
    pub fn try_defer<F: FnOnce() + 'f>(&self, call: F) -> Result<Deferred<'f, F>, DeferError<F>> {
        // SAFETY: nodes lie in the frame's memory, which is rolled back after the calls have run; and nothing is
        // deferred to this frame but here, by whoever has it.
        let node = unsafe { self.deferred.put(self.memory, Node::calling, call) };
        node.map(Deferred::new).map_err(DeferError::new)
    }

    /// Makes a slice of a vector that was grown in this frame: for as long as the frame. What it has left at its end comes
    /// back if it is the last object. Its values are not dropped.
    ///
    /// ```
    /// use alloc_arena::Stack;
    /// use alloc_core::api2::alloc::Global;
    ///
    /// Stack::with_capacity_in(4 << 10, Global).frame(|frame| {
    ///     let mut primes = frame.vec();
    ///     for n in 2..30 {
    ///         if primes.iter().all(|prime| n % prime != 0) {
    ///             primes.push(n);
    ///         }
    ///     }
    ///     let primes = frame.keep(primes);
    ///     // An inner frame may begin now.
    ///     assert_eq!(frame.frame(|inner| inner.alloc_slice_copy(primes).len()), 10);
    /// });
    /// ```
    #[cfg(feature = "alloc")]
    pub fn keep<T>(&self, values: alloc_core::api2::vec::Vec<T, &Self>) -> &'f mut [T] {
        let mut values = values;
        let whole = Layout::array::<T>(values.capacity());
        // What is a chunk of its own would move.
        if whole.is_ok_and(|whole| !self.memory.lies_elsewhere(whole)) {
            values.shrink_to_fit();
        }
        let mut values = NonNull::from(values.leak());
        // SAFETY: they lie in this very frame, of which `'f` is a name that no other one has (F1), and whose memory stays
        // until it ends. Nobody frees them before, as nobody owns them any more.
        unsafe { values.as_mut() }
    }

    /// Makes a string slice of a text that was grown in this frame, as [`keep`](Frame::keep) does.
    #[cfg(feature = "alloc")]
    pub fn keep_text(&self, text: crate::Text<&Self>) -> &'f mut str {
        let bytes = self.keep(text.into_bytes());
        // SAFETY: the bytes of a text.
        unsafe { core::str::from_utf8_unchecked_mut(bytes) }
    }

    /// Cancels a deferred call: as [`Deferred::cancel`].
    pub fn defer_cancel<F>(&self, deferred: Deferred<'f, F>) -> Option<F> {
        deferred.cancel()
    }
}

// SAFETY: the memory of a frame stays until the frame ends, which `'f` does not outlast (F1, F2).
unsafe impl<'f, L: Lifo> Put<'f> for Frame<'f, '_, L> {
    type Memory = L;

    #[inline(always)]
    fn memory(&self) -> &L {
        self.memory
    }
}

values!(impl['f, L: Lifo] Frame<'f, '_, L>, values: 'f, borrowed: 'f);
collections!(impl['f, 'env, L: Lifo] Frame<'f, 'env, L>, of "frame");

impl<L: Lifo> fmt::Debug for Frame<'_, '_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deferred = self.deferred.len();
        let left_bytes = self.memory.top().left_bytes();
        f.debug_struct("Frame")
            .field("deferred", &deferred)
            .field("left_bytes", &left_bytes)
            .finish()
    }
}
