//! A bump allocator over any layer: allocating moves a pointer; freeing waits for all to be freed.
//!
//! Above: values (`values`), `Vec` and maps through `&Bump`, frames. Below: any [`Layer`], which gives the chunks.
//! In `lifo`: the moving end, which a [`Stack`](crate::Stack) has too. In `chunk.rs`: the chunks in use; in `spare.rs`:
//! those that wait. In `own.rs`: objects that are so large that each is a chunk of its own. In `layer.rs`: the traits.
//!
//! ```text
//!   previous ◀─ | head | used .......... | left |
//!   previous ◀─ | head | used ................. | left |
//!    current ─▶ | head | used ....... |  free ............ |
//!                       ^ start       ^ at                 ^ end
//!      spare ─▶ | head |  free ........................... | ─▶ ...
//!        own ─▶ | head | one object | ◀▶ | head | one object |
//! ```

mod chunk;
mod layer;
mod own;
mod spare;
mod values;

pub(crate) use chunk::Chunk;
pub(crate) use own::Own;

use crate::frame::{self, Frame};
use crate::lifo::Top;
use alloc_core::Layer;
use chunk::start_of;
use core::cell::Cell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

/// Allocates by moving a pointer through chunks that a layer `A` gives.
///
/// An allocation costs an addition and a comparison. What is freed comes back only if it was the last one allocated;
/// that one also grows and shrinks in place. Everything comes back at once with [`reset`](Bump::reset), which keeps all
/// chunks for what comes next, or when the bump is dropped; and all that was allocated within a
/// [`frame`](Bump::frame). Objects of at least a quarter of the longest chunk's length (and of at least 1 KiB) are
/// chunks of their own, which are freed and grown by the layer below. Every object takes up a multiple of 8 bytes.
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
/// Values are not dropped: one that owns something outside of the bump leaks that.
/// [`DropBump`](crate::DropBump) drops them.
///
/// It is for one thread at a time: it is `Send`, but not `Sync`. A [`Herd`](crate::Herd) gives each thread one.
pub struct Bump<A: Layer> {
    top: Top,
    current: Cell<Option<NonNull<Chunk>>>,
    spare: Cell<Option<NonNull<Chunk>>>,
    own: Cell<Option<NonNull<Own>>>,
    /// How long the next new chunk is, if that is enough.
    next_bytes: Cell<usize>,
    /// What the layer below has given, chunks and large objects.
    taken_bytes: Cell<usize>,
    most_bytes: usize,
    limit_bytes: usize,
    below: A,
}

// SAFETY: the chunks belong to this bump alone, so they may change threads with it, if the layer
// that gave them and will take them back may.
unsafe impl<A: Layer + Send> Send for Bump<A> {}

pub(crate) const FIRST_CHUNK_BYTES: usize = 4 << 10;
pub(crate) const MOST_CHUNK_BYTES: usize = 4 << 20;
/// The shortest chunk that can be asked for: it holds its head and something beside.
const LEAST_CHUNK_BYTES: usize = 256;

impl<A: Layer> Bump<A> {
    /// A bump over `below`. It takes no chunk until it is first used: one of 4 KiB, then twice as
    /// much each time, up to 4 MiB.
    #[must_use]
    pub const fn new(below: A) -> Self {
        Self {
            top: Top::new(),
            current: Cell::new(None),
            spare: Cell::new(None),
            own: Cell::new(None),
            next_bytes: Cell::new(FIRST_CHUNK_BYTES),
            taken_bytes: Cell::new(0),
            most_bytes: MOST_CHUNK_BYTES,
            limit_bytes: usize::MAX,
            below,
        }
    }

    /// The first chunk is `first_bytes` long (or longer, if the first object asks for it), and
    /// chunks double until they are `most_bytes` long. Both are at least 256.
    ///
    /// # Panics
    ///
    /// When the bump has been used: these numbers decide what lies in chunks and what is a chunk of its own.
    #[must_use]
    pub const fn with_chunk_bytes(mut self, first_bytes: usize, most_bytes: usize) -> Self {
        // SAFETY: `self` is here by value, so nobody else is at it.
        let taken_bytes = unsafe { *self.taken_bytes.as_ptr() };
        assert!(taken_bytes == 0, "the bump has been used");
        let first_bytes =
            if first_bytes < LEAST_CHUNK_BYTES { LEAST_CHUNK_BYTES } else { first_bytes };
        self.next_bytes = Cell::new(first_bytes);
        self.most_bytes = if most_bytes < first_bytes { first_bytes } else { most_bytes };
        self
    }

    /// The bump never holds more than `limit_bytes` bytes of the layer below: what would take more is refused.
    ///
    /// ```
    /// use alloc_arena::Bump;
    /// use alloc_core::api2::alloc::Global;
    ///
    /// let bump = Bump::new(Global).with_limit_bytes(64 << 10);
    /// assert!(bump.try_alloc([0_u8; 60_000]).is_ok());
    /// assert!(bump.try_alloc([0_u8; 60_000]).is_err());
    /// assert!(bump.chunk_bytes() <= 64 << 10);
    /// ```
    #[must_use]
    pub const fn with_limit_bytes(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// Frees everything at once. All chunks are kept for what comes next, and used in the order in which they were
    /// before; large objects go to the layer below. No destructor of any value runs.
    ///
    /// [`reclaim`](Layer::reclaim) gives the chunks back.
    ///
    /// Takes time for each chunk that was in use and each large object.
    #[inline]
    pub fn reset(&mut self) {
        match self.only_chunk() {
            // SAFETY: it is a chunk.
            Some(only) if self.own.get().is_none() => self.top.set(unsafe { start_of(only) }),
            _ => self.reset_all(),
        }
    }

    /// The part of a reset that leaves chunks or large objects.
    #[inline(never)]
    fn reset_all(&mut self) {
        // SAFETY: `&mut self`: no object is borrowed.
        unsafe { self.free_own(None) };
        self.retreat_to_oldest();
    }

    /// Runs `body` with a [frame](Frame): all that is allocated by it is freed when `body` ends.
    ///
    /// ```
    /// use alloc_arena::Bump;
    /// use alloc_core::api2::alloc::Global;
    ///
    /// let mut bump = Bump::new(Global);
    /// let sum = bump.frame(|frame| {
    ///     let squares = frame.alloc_iter((1..=10).map(|n| n * n));
    ///     squares.iter().sum::<u32>()
    /// });
    /// assert_eq!((sum, bump.allocated_bytes()), (385, 0));
    /// ```
    #[inline]
    pub fn frame<'env, R>(
        &'env mut self,
        body: impl for<'f> FnOnce(&mut Frame<'f, 'env, Self>) -> R,
    ) -> R {
        frame::run(self, body)
    }

    /// The bytes that allocations take up, with the gaps that alignments left and with what was
    /// freed but not last. Walks the chunks in use and the large objects.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.used_bytes() + self.own_bytes()
    }

    /// The bytes that this bump holds from the layer below: chunks, whether in use or not, and large objects.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        self.taken_bytes.get()
    }

    /// The used part of each chunk, youngest first, then the large objects, youngest first: for those who want to
    /// see or to save what is in it. Between objects there may be gaps that were never written to.
    ///
    /// ```
    /// use alloc_arena::Bump;
    /// use alloc_core::api2::alloc::Global;
    ///
    /// let mut bump = Bump::new(Global);
    /// bump.alloc([1_u64, 2]);
    /// assert_eq!(bump.used_parts().map(<[_]>::len).collect::<Vec<_>>(), [16]);
    /// ```
    pub fn used_parts(&mut self) -> impl Iterator<Item = &[MaybeUninit<u8>]> {
        let bump = &*self;
        let chunks = bump.chunks().map(|chunk| bump.objects_of(chunk));
        chunks.chain(bump.own_objects()).map(|(start, bytes)| {
            // SAFETY: the bytes lie in a chunk, or are an object; `&mut self` keeps away whoever could write to
            // them, and lasts as long as what is returned. They need not be initialised.
            unsafe { slice::from_raw_parts(start.as_ptr().cast(), bytes) }
        })
    }

    /// The bytes left in the current chunk.
    #[must_use]
    pub fn left_bytes(&self) -> usize {
        self.top.left_bytes()
    }
}

impl<A: Layer + Default> Default for Bump<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A: Layer> Drop for Bump<A> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: no object is borrowed.
        unsafe { self.free_own(None) };
        self.retreat(None);
        self.free_spare();
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
