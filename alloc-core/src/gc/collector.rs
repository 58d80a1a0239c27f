//! What a collector does for the handles: the boundary between `alloc_core::gc` and the collectors.
//!
//! Above: [`Heap`](super::Heap) and [`Mutation`](super::Mutation), which call this. Below: nothing.
//! Not here: any collector. `Reference` (feature `conformance`) is the simplest; gc-marksweep and
//! gc-generational are the real ones.

use super::{Object, Shape, Visitor, VisitorMut, World};
use crate::AllocError;
use crate::report::Reports;
use core::ops::Range;
use core::ptr::NonNull;

/// A collector: it finds slots, is told before an object is written to, and takes its turn between
/// mutations.
///
/// # Safety
///
/// * **C1, slots.** [`allocate`](Collector::allocate) gives a slot that fits the shape, that nobody
///   else uses, and that stays until the object in it is dead.
/// * **C2, an object is alive** from its allocation to the end of that mutation, and as long as it
///   can be reached from the roots that [`World`] shows; what [`retain`](Collector::retain) was
///   called for, to the end of that mutation too. Nothing else may be relied upon.
/// * **C3, between mutations.** Objects move, and are dropped, and references into them end, in
///   [`turn`](Collector::turn), in [`prepare_to_show`](Collector::prepare_to_show) and in the collector's own `Drop` only. What goes on beside a mutation
///   frees or visits no object that the mutation can reach, except as C4 allows.
/// * **C4, the barrier.** An object that [`barrier`](Collector::barrier) was called for is not visited
///   again until the next turn begins. Values may be read by other threads only through
///   [`Trace::trace`](super::Trace::trace), and never while they are written to.
/// * **C5, the destructor of an object** runs at most once, on the thread that owns the heap, when
///   nothing reaches the object any more.
/// * **C6, no unwinding** out of `allocate`, `barrier`, `retain`, `identity`.
///
/// Its [report](Reports) is its figures, then those of the layer below; it may be asked for during a mutation.
pub unsafe trait Collector: Reports + Sized {
    /// What visits objects to mark what they point at.
    type Marker: Visitor;
    /// What visits objects to rewrite their pointers; [`NeverMoves`](super::NeverMoves) if nothing moves.
    type Mover: VisitorMut;

    /// Whether headers have [`tag`](super::tag)s under this collector.
    const TAGS: bool = false;

    /// A slot for an object of this shape. It is inlined into the allocation, where the shape of a
    /// sized type is a constant.
    ///
    /// # Errors
    ///
    /// When neither this collector nor the layer below has the memory.
    ///
    /// # Safety
    ///
    /// The caller writes the words before the value, as `object.rs` has them, before anything else
    /// is asked of this collector.
    unsafe fn allocate(&self, shape: Shape) -> Result<NonNull<u8>, AllocError>;

    /// The tag of new objects' headers, where there are [`TAGS`](Collector::TAGS).
    #[inline(always)]
    fn new_tag(&self) -> usize {
        0
    }

    /// [`allocate`](Collector::allocate), for an object that stays where it is as long as it lives.
    ///
    /// # Errors
    ///
    /// As for `allocate`.
    ///
    /// # Safety
    ///
    /// As for `allocate`.
    #[inline]
    unsafe fn allocate_pinned(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: the caller's.
        unsafe { self.allocate(shape) }
    }

    /// The object may be written to from now on, until the mutation ends. One test, when there is
    /// nothing to do.
    ///
    /// # Safety
    ///
    /// The object belongs to this heap and is alive.
    unsafe fn barrier(&self, object: Object);

    /// [`barrier`](Collector::barrier) for some elements of an object that is a slice: these may be written
    /// to from now on, until the mutation ends. For a collector to which a huge slice is more than one
    /// thing to visit; C4 holds of these elements then.
    ///
    /// # Safety
    ///
    /// As for `barrier`.
    #[inline]
    unsafe fn barrier_part(&self, object: Object, elements: Range<usize>) {
        let _ = elements;
        // SAFETY: the caller's.
        unsafe { self.barrier(object) };
    }

    /// The object was reached through a weak pointer, and becomes a strong one.
    ///
    /// # Safety
    ///
    /// The object belongs to this heap, and its watch was not cleared.
    unsafe fn retain(&self, object: Object);

    /// Whether a turn of [`Turn::Pay`] would do anything: asked at the end of every mutation.
    fn is_due(&self) -> bool;

    /// Collects, between two mutations.
    fn turn(&mut self, world: &mut World<'_, Self>, turn: Turn);

    /// The object was made in such a place, just now.
    #[inline]
    fn pin(&self, object: Object) {
        let _ = object;
    }

    /// Somebody is about to look at all objects, between two mutations: a collector that moves some may want
    /// to have that done before.
    fn prepare_to_show(&mut self, world: &mut World<'_, Self>) {
        let _ = world;
    }

    /// A number that the object keeps for as long as it lives, and no other object of the heap has
    /// at the same time: its address, where nothing moves.
    ///
    /// # Errors
    ///
    /// When something has to be set out for it, and there is no memory for that.
    #[inline]
    fn identity(&self, object: Object) -> Result<usize, AllocError> {
        Ok(object.address())
    }

    /// The object's [`identity`](Collector::identity), unless nobody can know it yet. It takes no memory, and leaves
    /// the object as it is.
    #[inline]
    fn known_identity(&self, object: Object) -> Option<usize> {
        Some(object.address())
    }
}

/// How much a collector is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// What the pacer thinks right, after a mutation.
    Pay,
    /// About this much work, counted in bytes that are visited or swept.
    Some {
        /// The budget.
        budget_bytes: usize,
    },
    /// Everything: afterwards, what could not be reached when the turn began is gone.
    Full,
}
