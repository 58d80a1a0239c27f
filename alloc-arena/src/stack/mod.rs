//! A stack: one range of memory, taken and given back at its end. It does not grow; when it is full it refuses.
//!
//! Above: [frames](Frame), collections through `&Stack`, and `Fallback<Stack, Heap>`, which goes on in the heap when the
//! stack is full and finds the way back by `owns`: a look at two addresses. Below: any [`Layer`], which is asked once, or
//! a buffer of the caller's. In `lifo`: the moving end. In `layer.rs`: the traits. In `buffer.rs`: the buffer.

mod buffer;
mod layer;

pub use buffer::Borrowed;

use crate::frame::{self, Frame};
use crate::lifo::{Top, WORD_BYTES};
use crate::values::or_exhausted;
use alloc_core::{AllocError, Layer, Layout};
use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

/// A stack of a fixed capacity over a layer `A`.
///
/// [`frame`](Stack::frame) is its everyday use: entering one and leaving it costs a few instructions, and frees all
/// that was allocated in between. `&Stack` is an allocator, too: objects that are freed in the order opposite to the one
/// in which they were allocated come back at once, others when all are freed. Every object takes up a multiple of 8
/// bytes.
///
/// ```
/// use alloc_arena::Stack;
/// use alloc_core::api2::{alloc::Global, vec::Vec};
/// use alloc_core::{Fallback, Layer};
///
/// // The stack first; the heap when it is full.
/// let memory = Fallback::new(Stack::with_capacity_in(1 << 10, Global), Global);
/// let small = Vec::<u8, _>::with_capacity_in(100, &memory);
/// let large = Vec::<u8, _>::with_capacity_in(10_000, &memory);
/// assert_eq!(memory.primary().used_bytes(), 104);
/// drop(large);
/// drop(small);
/// assert_eq!(memory.primary().used_bytes(), 0);
/// ```
///
/// It is for one thread at a time: it is `Send`, but not `Sync`.
pub struct Stack<A: Layer> {
    top: Top,
    /// Objects that were allocated by the stack itself, not by a frame, and are not freed yet.
    live: Cell<usize>,
    base: NonNull<u8>,
    layout: Layout,
    below: A,
}

// SAFETY: the memory belongs to this stack alone, so it may change threads with it, if the layer
// that gave it and will take it back may.
unsafe impl<A: Layer + Send> Send for Stack<A> {}

/// The base is aligned so far that objects of usual alignments leave no gap there.
const BASE_ALIGN_BYTES: usize = 16;

impl<A: Layer> Stack<A> {
    /// A stack of `capacity_bytes`, rounded up to a multiple of 8, in memory of `below`.
    ///
    /// # Panics
    ///
    /// When `below` has no memory for it.
    #[must_use]
    #[track_caller]
    pub fn with_capacity_in(capacity_bytes: usize, below: A) -> Self {
        or_exhausted(Self::try_with_capacity_in(capacity_bytes, below))
    }

    /// A stack of `capacity_bytes`, rounded up to a multiple of 8, in memory of `below`.
    ///
    /// # Errors
    ///
    /// When `below` has no memory for it.
    pub fn try_with_capacity_in(capacity_bytes: usize, below: A) -> Result<Self, AllocError> {
        let bytes = capacity_bytes.checked_next_multiple_of(WORD_BYTES).ok_or(AllocError)?;
        let layout = Layout::from_size_align(bytes, BASE_ALIGN_BYTES).map_err(|_| AllocError)?;
        let base = below.allocate(layout)?.cast();
        Ok(Self::at(base, layout, below))
    }

    /// A stack over memory of `below` that was allocated with this layout, whose size is a multiple of a word.
    fn at(base: NonNull<u8>, layout: Layout, below: A) -> Self {
        let top = Top::new();
        top.enter(base, base.as_ptr().addr() + layout.size());
        Self { top, live: Cell::new(0), base, layout, below }
    }

    /// Runs `body` with a [frame](Frame): all that is allocated by it is freed when `body` ends.
    #[inline]
    pub fn frame<'env, R>(
        &'env mut self,
        body: impl for<'f> FnOnce(&mut Frame<'f, 'env, Self>) -> R,
    ) -> R {
        frame::run(self, body)
    }

    /// Frees everything at once. No destructor of any value runs.
    pub fn reset(&mut self) {
        self.live.set(0);
        self.top.set(self.base);
    }

    /// How many bytes it holds when it is full.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.layout.size()
    }

    /// The bytes that are taken up, with the gaps that alignments left and with what was freed but not last.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.layout.size() - self.top.left_bytes()
    }

    /// The bytes that are left.
    #[must_use]
    pub fn left_bytes(&self) -> usize {
        self.top.left_bytes()
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }
}

impl<A: Layer> Drop for Stack<A> {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout (`try_with_capacity_in`), or a buffer, whose layer frees nothing; no object
        // is borrowed any more.
        unsafe { self.below.deallocate(self.base, self.layout) };
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Stack<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("capacity_bytes", &self.capacity_bytes())
            .field("used_bytes", &self.used_bytes())
            .field("below", &self.below)
            .finish()
    }
}
