//! Objects that stay where they are, for foreign code that keeps their address.
//!
//! Above: the user. Below: the collector's `allocate_pinned`. Under a collector that never moves anything, a
//! pinned object is one like all others.

use super::object::{InfoOf, write_header};
use super::{Collector, Gc, Mutation, Trace, Visitor, VisitorMut};
use crate::AllocError;
use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

/// A pointer to an object that is never moved: its address stays the same for as long as it lives.
///
/// ```
/// # #[cfg(feature = "conformance")] {
/// use alloc_core::gc::{Gc, Heap, PinnedGc, Reference};
/// use alloc_core::Rootable;
///
/// Rootable!(type Buffer<'gc> = PinnedGc<'gc, [u8; 64]>);
/// let mut heap = Heap::<_, Buffer>::new(Reference::default(), |mc| PinnedGc::new(mc, [0; 64]));
/// let address = heap.mutate(|_, buffer| buffer.as_ptr().addr());
/// heap.collect();
/// heap.mutate(|_, buffer| assert_eq!(buffer.as_ptr().addr(), address));
/// # }
/// ```
#[repr(transparent)]
pub struct PinnedGc<'gc, T: ?Sized>(Gc<'gc, T>);

impl<'gc, T: Trace<'gc>> PinnedGc<'gc, T> {
    /// Moves `value` into the heap, to a place where it stays.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_new`](PinnedGc::try_new).
    #[must_use]
    pub fn new<C: Collector>(mc: &Mutation<'gc, C>, value: T) -> Self {
        match Self::try_new(mc, value) {
            Ok(pinned) => pinned,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// Moves `value` into the heap, to a place where it stays.
    ///
    /// # Errors
    ///
    /// When there is no memory. The value is dropped then.
    pub fn try_new<C: Collector>(mc: &Mutation<'gc, C>, value: T) -> Result<Self, AllocError> {
        mc.admit::<T>();
        let shape = InfoOf::<T, C>::SHAPE;
        // SAFETY: as in `Gc::try_new`.
        unsafe {
            let start = mc.shared.collector.allocate_pinned(shape)?;
            let object = write_header(start, shape, 0, mc.header(InfoOf::<T, C>::INFO));
            let at: NonNull<T> = object.value_of();
            at.write(value);
            mc.shared.collector.pin(object);
            Ok(Self(Gc::from_value(at)))
        }
    }
}

impl<'gc, T: ?Sized> PinnedGc<'gc, T> {
    /// The pointer, without the knowledge that the object stays.
    #[must_use]
    pub const fn as_gc(self) -> Gc<'gc, T> {
        self.0
    }

    /// The address of the value. It is good for as long as the object lives; who uses it after the mutation has to
    /// see to that, and to who else reads or writes there.
    #[must_use]
    pub fn as_ptr(self) -> *const T {
        self.0.as_ptr()
    }
}

impl<T: ?Sized> Clone for PinnedGc<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for PinnedGc<'_, T> {}

impl<T: ?Sized> Deref for PinnedGc<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for PinnedGc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// SAFETY: the one pointer is visited; a mover leaves pinned objects where they are (`allocate_pinned`).
unsafe impl<'gc, T: ?Sized> Trace<'gc> for PinnedGc<'gc, T> {
    const HOLDS_COUNTED: bool = false;
    const MAY_CYCLE: bool = false;
    const SENDS: bool = true;

    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        self.0.trace(visitor);
    }

    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        self.0.trace_mut(visitor);
    }
}
