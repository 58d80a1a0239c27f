//! Memory that grows at one end: what a [`Frame`](crate::Frame) needs to know of what it stands on.
//!
//! Above: [`Frame`](crate::Frame), and the values in `values`. Below: [`Bump`](crate::Bump), which takes another chunk
//! when one is full, and [`Stack`](crate::Stack), which refuses. In `top.rs`: the two addresses that both move. In
//! `memory.rs`: how both allocate, free and resize.

mod memory;
mod top;

pub(crate) use memory::{allocate, allocates_at_top, deallocate, grow, shrink};
pub use top::Top;
pub(crate) use top::WORD_BYTES;

use crate::bump::{Chunk, Own};
use alloc_core::Layer;
use core::ptr::NonNull;

/// A moment in the life of a [`Lifo`], to which it can be [rolled back](Lifo::rollback).
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    /// Where the objects ended.
    pub(crate) at: NonNull<u8>,
    /// Of a bump: the chunk in which they did.
    pub(crate) chunk: Option<NonNull<Chunk>>,
    /// Of a bump: the youngest large object.
    pub(crate) own: Option<NonNull<Own>>,
    /// Of a stack: how many objects that are freed one by one there were.
    pub(crate) live: usize,
}

/// Memory that grows at one end, and can be cut back to where it was: [`Bump`](crate::Bump) and
/// [`Stack`](crate::Stack).
///
/// Frames do this in safe code. It is here for those who cannot say by a closure how long a frame lasts:
///
/// ```
/// use alloc_arena::{Bump, Lifo};
/// use alloc_core::api2::alloc::Global;
///
/// let bump = Bump::new(Global);
/// let kept = bump.alloc_str("granite");
/// let before = bump.checkpoint();
/// bump.alloc_str("only for a moment");
/// // SAFETY: what was allocated since is not used any more, and `kept` was not touched.
/// unsafe { bump.rollback(before) };
/// assert_eq!(kept, "granite");
/// ```
///
/// It is sealed: frames rely on how these two do it.
pub trait Lifo: Layer + sealed::Bumped {
    /// Now.
    #[must_use]
    fn checkpoint(&self) -> Checkpoint;

    /// Frees all that was allocated since `to`, whatever it was allocated for. No destructor of any value runs.
    ///
    /// Takes constant time, and some more for each chunk that is left and each large object.
    ///
    /// # Safety
    ///
    /// `to` is a checkpoint of this very memory. What was allocated since is not used any more: nor by a
    /// [`DropBump`](crate::DropBump) over it, which would drop it. What was allocated before has not been freed, grown or
    /// shrunk since, and that includes what `alloc_try_with` and the like allocate before they call `make`, and free when
    /// it fails. And since then there has been no reset, no [`reclaim`](Layer::reclaim) (which `Reclaiming` calls by
    /// itself), and no rollback to an earlier checkpoint.
    unsafe fn rollback(&self, to: Checkpoint);
}

/// What only this crate calls.
pub(crate) mod sealed {
    use super::Top;
    use alloc_core::{AllocError, Layout};
    use core::ptr::NonNull;

    /// What stands behind [`Lifo`](super::Lifo).
    ///
    /// Who knows a type as `L: Lifo` can call these methods, also outside of this crate: the safe ones have to be safe
    /// for anybody.
    ///
    /// # Safety
    ///
    /// The range of `top` is memory of the implementor that nobody uses from `at` on. What is taken from it, or by
    /// `take_elsewhere`, is the taker's until it is given back, rolled back or reset.
    pub unsafe trait Bumped {
        /// The end of the objects.
        fn top(&self) -> &Top;

        /// Whether objects of this layout never lie at the top.
        fn lies_elsewhere(&self, layout: Layout) -> bool;

        /// Memory for a layout for which the top has no room, or which lies elsewhere; zeroed if `zeroed`.
        fn take_elsewhere(&self, layout: Layout, zeroed: bool) -> Result<NonNull<u8>, AllocError>;

        /// Frees an object whose layout lies elsewhere.
        ///
        /// # Safety
        ///
        /// It came from `take_elsewhere` or `grow_elsewhere` with this layout, and is not used any more.
        unsafe fn give_elsewhere(&self, ptr: NonNull<u8>, layout: Layout);

        /// Makes an object longer, of which both layouts lie elsewhere; it may move. `None` if that cannot be; it
        /// is as it was then.
        ///
        /// # Safety
        ///
        /// It came from `take_elsewhere` or `grow_elsewhere`; its user asks for this.
        unsafe fn grow_elsewhere(
            &self,
            ptr: NonNull<u8>,
            new: Layout,
            zeroed: bool,
        ) -> Option<NonNull<u8>>;

        /// Gives back what is cached here and below, as [`Layer::reclaim`](alloc_core::Layer::reclaim) does, and
        /// touches nothing that a checkpoint may know of. Returns how many bytes.
        fn reclaim_spare(&self, goal_bytes: usize) -> usize;
    }
}
