//! Objects that stay where they are, for foreign code that keeps their address.
//!
//! Above: the user. Below: the collector's `allocate_pinned`; `build.rs`, for slices and strings. Under a collector that never moves anything, a
//! pinned object is one like all others.

use super::object::{InfoOf, write_header};
use super::{Collector, Gc, Id, Mutation, Trace, Visitor, VisitorMut, Write, build};
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
///
/// Foreign code may be given the address, and keep it for as long as something in the heap leads to the object. What it
/// writes to has to be in cells, and what it writes must be no pointers into the heap.
///
/// ```
/// # #[cfg(feature = "conformance")] {
/// # use alloc_core::gc::{Gc, Heap, PinnedGc, Reference};
/// # use alloc_core::Rootable;
/// use std::cell::Cell;
///
/// // Stands for a function of a C library.
/// unsafe extern "C" fn read_into(buffer: *mut u8, length: usize) {
///     unsafe { buffer.write_bytes(7, length) };
/// }
///
/// Rootable!(type Buffer<'gc> = PinnedGc<'gc, [Cell<u8>]>);
/// let mut heap = Heap::<_, Buffer>::new(Reference::default(), |mc| {
///     PinnedGc::slice(mc, 64, |_| Cell::new(0))
/// });
/// let buffer = heap.mutate(|_, buffer| buffer.as_ptr().cast::<u8>().cast_mut());
/// // SAFETY: the root leads to the buffer, which has 64 bytes in cells, and nobody else uses it now.
/// unsafe { read_into(buffer, 64) };
/// heap.mutate(|_, buffer| assert!(buffer.iter().all(|byte| byte.get() == 7)));
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

impl<'gc, T: Trace<'gc>> PinnedGc<'gc, [T]> {
    /// A slice of `length` elements, in a place where it stays; `element` makes each from its index.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_slice`](PinnedGc::try_slice). When `element` does: the elements
    /// that are there already are dropped then.
    pub fn slice<C: Collector>(
        mc: &Mutation<'gc, C>,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Self {
        match Self::try_slice(mc, length, element) {
            Ok(slice) => slice,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// As [`slice`](PinnedGc::slice).
    ///
    /// # Errors
    ///
    /// When there is no memory, before any element is made.
    pub fn try_slice<C: Collector>(
        mc: &Mutation<'gc, C>,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Result<Self, AllocError> {
        build::slice::<T, C, true>(mc, length, element).map(Self)
    }
}

impl<'gc> PinnedGc<'gc, str> {
    /// A copy of a string, in a place where it stays.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_str`](PinnedGc::try_str).
    pub fn str<C: Collector>(mc: &Mutation<'gc, C>, text: &str) -> Self {
        match Self::try_str(mc, text) {
            Ok(text) => text,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// As [`str`](PinnedGc::str).
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_str<C: Collector>(mc: &Mutation<'gc, C>, text: &str) -> Result<Self, AllocError> {
        build::text::<C, true>(mc, text).map(Self)
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

    /// The object's identity: see [`Gc::id`].
    ///
    /// # Panics
    ///
    /// As `Gc::id`: not under a collector by which pinned objects are known by their addresses, as all of the
    /// workspace's are.
    #[must_use]
    pub fn id<C: Collector>(self, mc: &Mutation<'gc, C>) -> Id {
        self.0.id(mc)
    }

    /// The object is about to be written to: see [`Gc::write`].
    pub fn write<C: Collector>(self, mc: &Mutation<'gc, C>) -> &'gc Write<T>
    where
        T: 'gc,
    {
        self.0.write(mc)
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
