//! Cells in collected objects: read freely, written after the barrier.
//!
//! Above: the user. Below: `write.rs`. A lock is not locked by threads; it is locked by the barrier,
//! and [`Write`] is the key.

use super::{Collector, Gc, Mutation, Trace, Visitor, VisitorMut, Write};
use core::cell::{BorrowError, BorrowMutError, Cell, OnceCell, Ref, RefCell, RefMut};
use core::fmt;

/// A `Cell` that is set after the barrier only.
#[derive(Default)]
#[repr(transparent)]
pub struct Lock<T: ?Sized>(Cell<T>);

impl<T> Lock<T> {
    /// A lock with `value` in it.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    /// The value, with the lock gone.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// The value, of a lock that one has exclusively.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: Copy> Lock<T> {
    /// A copy of the value.
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> T {
        self.0.get()
    }
}

impl<T: ?Sized> Write<Lock<T>> {
    /// The cell.
    #[inline(always)]
    pub const fn as_cell(&self) -> &Cell<T> {
        &self.__value.0
    }
}

impl<T> Write<Lock<T>> {
    /// Puts a value in, and drops the old one.
    #[inline(always)]
    pub fn set(&self, value: T) {
        self.as_cell().set(value);
    }

    /// Puts a value in. Returns the old one.
    #[inline]
    pub fn replace(&self, value: T) -> T {
        self.as_cell().replace(value)
    }

    /// Takes the value out, and leaves the default one.
    #[inline]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.as_cell().take()
    }
}

impl<'gc, T: 'gc> Gc<'gc, Lock<T>> {
    /// Calls the barrier, and puts a value in.
    #[inline]
    pub fn set<C: Collector>(self, mc: &Mutation<'gc, C>, value: T) {
        self.write(mc).set(value);
    }

    /// Calls the barrier, and puts a value in. Returns the old one.
    #[inline]
    pub fn replace<C: Collector>(self, mc: &Mutation<'gc, C>, value: T) -> T {
        self.write(mc).replace(value)
    }
}

/// A new lock with a copy of the value.
impl<T: Copy> Clone for Lock<T> {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

// SAFETY: the content is visited, if it can hold pointers. It is a container of them: it changes
// after the barrier only, so the content is read while nobody writes (rule C4).
unsafe impl<'gc, T: ?Sized + Trace<'gc>> Trace<'gc> for Lock<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;
    const MAY_CYCLE: bool = T::MAY_CYCLE;
    const SENDS: bool = T::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        // SAFETY: nobody writes, as above, and no visitor does (`Visitor`).
        unsafe { &*self.0.as_ptr() }.trace(visitor);
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        self.0.get_mut().trace_mut(visitor);
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.get()).finish()
    }
}

/// A `RefCell` that is borrowed mutably after the barrier only.
///
/// A guard that is leaked leaves it borrowed, and does no other harm.
#[derive(Default)]
#[repr(transparent)]
pub struct RefLock<T: ?Sized>(RefCell<T>);

impl<T> RefLock<T> {
    /// A lock with `value` in it.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// The value, with the lock gone.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> RefLock<T> {
    /// Borrows the value.
    ///
    /// # Panics
    ///
    /// When it is borrowed mutably.
    #[inline]
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.0.borrow()
    }

    /// Borrows the value.
    ///
    /// # Errors
    ///
    /// When it is borrowed mutably.
    #[inline]
    pub fn try_borrow(&self) -> Result<Ref<'_, T>, BorrowError> {
        self.0.try_borrow()
    }

    /// The value, of a lock that one has exclusively.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: ?Sized> Write<RefLock<T>> {
    /// The cell.
    #[inline]
    pub const fn as_ref_cell(&self) -> &RefCell<T> {
        &self.__value.0
    }

    /// Borrows the value mutably.
    ///
    /// # Panics
    ///
    /// When it is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut(&self) -> RefMut<'_, T> {
        self.as_ref_cell().borrow_mut()
    }

    /// Borrows the value mutably.
    ///
    /// # Errors
    ///
    /// When it is borrowed.
    #[inline]
    pub fn try_borrow_mut(&self) -> Result<RefMut<'_, T>, BorrowMutError> {
        self.as_ref_cell().try_borrow_mut()
    }
}

impl<'gc, T: ?Sized + 'gc> Gc<'gc, RefLock<T>> {
    /// Calls the barrier, and borrows the value mutably.
    ///
    /// # Panics
    ///
    /// When it is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut<C: Collector>(self, mc: &Mutation<'gc, C>) -> RefMut<'gc, T> {
        self.write(mc).borrow_mut()
    }

    /// Calls the barrier, and borrows the value mutably.
    ///
    /// # Errors
    ///
    /// When it is borrowed.
    #[inline]
    pub fn try_borrow_mut<C: Collector>(
        self,
        mc: &Mutation<'gc, C>,
    ) -> Result<RefMut<'gc, T>, BorrowMutError> {
        self.write(mc).try_borrow_mut()
    }
}

// SAFETY: as for `Lock`. The borrow flag, which readers change, is not touched: the content changes
// after the barrier only, and a guard lasts no longer than its mutation.
unsafe impl<'gc, T: ?Sized + Trace<'gc>> Trace<'gc> for RefLock<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;
    const MAY_CYCLE: bool = T::MAY_CYCLE;
    const SENDS: bool = T::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        // SAFETY: nobody writes, as above.
        unsafe { &*self.0.as_ptr() }.trace(visitor);
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        self.0.get_mut().trace_mut(visitor);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RefLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("RefLock");
        match self.try_borrow() {
            Ok(value) => tuple.field(&&*value).finish(),
            Err(_) => tuple.field(&format_args!("<borrowed>")).finish(),
        }
    }
}

/// A `OnceCell` that is set after the barrier only.
#[repr(transparent)]
pub struct OnceLock<T>(OnceCell<T>);

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> OnceLock<T> {
    /// An empty one.
    #[inline]
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// The value, if there is one.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value, with the lock gone.
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.0.into_inner()
    }
}

impl<T> Write<OnceLock<T>> {
    /// Puts the value in.
    ///
    /// # Errors
    ///
    /// When there is one; `value` comes back.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        self.__value.0.set(value)
    }

    /// The value; `init` makes it, if there is none.
    #[inline]
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        self.__value.0.get_or_init(init)
    }
}

impl<'gc, T: 'gc> Gc<'gc, OnceLock<T>> {
    /// Calls the barrier, and puts the value in.
    ///
    /// # Errors
    ///
    /// When there is one; `value` comes back.
    #[inline]
    pub fn set<C: Collector>(self, mc: &Mutation<'gc, C>, value: T) -> Result<(), T> {
        self.write(mc).set(value)
    }
}

// SAFETY: as for `Lock`.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for OnceLock<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;
    const MAY_CYCLE: bool = T::MAY_CYCLE;
    const SENDS: bool = T::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if let Some(value) = self.get() {
            value.trace(visitor);
        }
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        if let Some(value) = self.0.get_mut() {
            value.trace_mut(visitor);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceLock").field(&self.get()).finish()
    }
}
