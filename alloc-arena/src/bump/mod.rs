//! A bump allocator over any layer: allocating moves a pointer; freeing waits for all to be freed.
//!
//! Above: [`values`](Bump::alloc), `Vec` and maps through `&Bump`. Below: any [`Layer`], which gives
//! the chunks. In `layer.rs`: the traits. In `chunk.rs`: the chunks. In `own.rs`: objects that are so
//! large that each is a chunk of its own.
//!
//! ```text
//!   previous ◀─ | head | used .......... | left |
//!   previous ◀─ | head | used ................. | left |
//!    current ─▶ | head | used ....... |  free ............ |
//!                       ^ start       ^ at                 ^ end
//!        own ─▶ | head | one object | ◀▶ | head | one object |
//! ```

mod chunk;
mod layer;
mod own;
mod values;

use alloc_core::{AllocError, Layer, Layout};
use chunk::Chunk;
use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;
use own::Own;

/// Allocates by moving a pointer through chunks that a layer `A` gives.
///
/// An allocation costs an addition and a comparison. What is freed comes back only if it was the
/// last one allocated; that one also grows and shrinks in place. Everything comes back at once with
/// [`reset`](Bump::reset), which keeps the largest chunk, or when the bump is dropped. Objects of at
/// least a quarter of the largest chunk's length are chunks of their own, which are freed and grown
/// by the layer below.
///
/// `&Bump` is an allocator too, and is what collections take:
///
/// ```
/// use alloc_arena::Bump;
/// use alloc_core::api2::{alloc::Global, vec::Vec};
///
/// let mut bump = Bump::new(Global);
/// for _ in 0..3 {
///     let mut squares = Vec::new_in(&bump);
///     squares.extend((0..100).map(|n| n * n));
///     let name = bump.alloc_str("squares");
///     assert_eq!((name, squares[9]), (&mut *String::from("squares"), 81));
///     drop(squares);
///     bump.reset();
/// }
/// assert_eq!(bump.allocated_bytes(), 0);
/// ```
///
/// It is for one thread at a time: it is `Send`, but not `Sync`.
pub struct Bump<A: Layer> {
    /// Where the next allocation begins, at best; in the current chunk.
    at: Cell<NonNull<u8>>,
    /// The address at which the current chunk ends.
    end: Cell<usize>,
    current: Cell<Option<NonNull<Chunk>>>,
    own: Cell<Option<NonNull<Own>>>,
    first_bytes: usize,
    most_bytes: usize,
    below: A,
}

// SAFETY: the chunks belong to this bump alone, so they may change threads with it, if the layer
// that gave them and will take them back may.
unsafe impl<A: Layer + Send> Send for Bump<A> {}

const FIRST_CHUNK_BYTES: usize = 4 << 10;
const MOST_CHUNK_BYTES: usize = 4 << 20;
/// The shortest chunk that can be asked for: it holds its head and something beside.
const LEAST_CHUNK_BYTES: usize = 256;

impl<A: Layer> Bump<A> {
    /// A bump over `below`. It takes no chunk until it is first used: one of 4 KiB, then twice as
    /// much each time, up to 4 MiB.
    #[must_use]
    pub const fn new(below: A) -> Self {
        Self {
            at: Cell::new(NonNull::dangling()),
            end: Cell::new(1), // where `dangling` points: an empty chunk
            current: Cell::new(None),
            own: Cell::new(None),
            first_bytes: FIRST_CHUNK_BYTES,
            most_bytes: MOST_CHUNK_BYTES,
            below,
        }
    }

    /// The first chunk is `first_bytes` long (or longer, if the first object asks for it), and
    /// chunks double until they are `most_bytes` long. Both are at least 256.
    #[must_use]
    pub const fn with_chunk_bytes(mut self, first_bytes: usize, most_bytes: usize) -> Self {
        self.first_bytes =
            if first_bytes < LEAST_CHUNK_BYTES { LEAST_CHUNK_BYTES } else { first_bytes };
        self.most_bytes = if most_bytes < self.first_bytes { self.first_bytes } else { most_bytes };
        self
    }

    /// The layer below.
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// Frees everything at once. The largest chunk is kept for what comes next; the others go to
    /// the layer below. No destructor of any value runs.
    pub fn reset(&mut self) {
        self.free_own();
        self.free_chunks(true);
    }

    /// The bytes that allocations take up, with the gaps that alignments left and with what was
    /// freed but not last. Walks the chunks.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.used_bytes() + self.own_bytes()
    }

    /// The bytes that this bump holds from the layer below. Walks the chunks.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        self.chunks().map(Chunk::bytes).sum::<usize>() + self.own_bytes()
    }

    /// The bytes left in the current chunk.
    #[must_use]
    pub fn left_bytes(&self) -> usize {
        self.end.get() - self.at.get().as_ptr().addr()
    }

    /// Memory for a layout of non-zero size.
    #[inline]
    fn take(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.take_here(layout) {
            Some(ptr) => Ok(ptr),
            None => self.take_elsewhere(layout, false),
        }
    }

    /// Memory in the current chunk, if it has room.
    #[inline]
    fn take_here(&self, layout: Layout) -> Option<NonNull<u8>> {
        let at = self.at.get();
        let gap_bytes = at.as_ptr().addr().wrapping_neg() & (layout.align() - 1);
        let bytes = gap_bytes.checked_add(layout.size())?;
        if bytes > self.left_bytes() || self.is_own(layout) {
            return None;
        }
        // SAFETY: gap and object lie before the chunk's end (compared above).
        let (ptr, end) = unsafe { (at.add(gap_bytes), at.add(bytes)) };
        self.at.set(end);
        Some(ptr)
    }

    #[cold]
    fn take_elsewhere(&self, layout: Layout, zeroed: bool) -> Result<NonNull<u8>, AllocError> {
        if self.is_own(layout) {
            return self.take_own(layout, zeroed);
        }
        self.add_chunk(layout)?;
        let ptr = self.take_here(layout).ok_or(AllocError)?;
        if zeroed {
            // SAFETY: just allocated, and so many bytes long.
            unsafe { ptr.write_bytes(0, layout.size()) };
        }
        Ok(ptr)
    }

    /// Whether `ptr` is the last object of the current chunk, if it is `bytes` long.
    #[inline]
    fn is_last(&self, ptr: NonNull<u8>, bytes: usize) -> bool {
        ptr.as_ptr().addr() + bytes == self.at.get().as_ptr().addr()
    }

    /// Whether objects of this layout are chunks of their own: the layout alone decides.
    #[inline]
    fn is_own(&self, layout: Layout) -> bool {
        layout.size() >= self.most_bytes / 4 || layout.align() >= self.most_bytes / 4
    }
}

impl<A: Layer> Drop for Bump<A> {
    fn drop(&mut self) {
        self.free_own();
        self.free_chunks(false);
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Bump<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bump")
            .field("allocated_bytes", &self.allocated_bytes())
            .field("chunk_bytes", &self.chunk_bytes())
            .field("below", &self.below)
            .finish()
    }
}
