//! `Trace` for cells that have no barrier: so what they hold must be 'static.
//!
//! A 'static value holds no pointer of a collected heap, so collectors do not look in. It may hold
//! counted pointers (`rc-cycle`), whose visitor runs on the owner's thread, and looks into cells that
//! nobody has borrowed.

use crate::gc::{Trace, Visitor, VisitorMut};
use core::cell::{Cell, OnceCell, RefCell};

macro_rules! counted_only {
    () => {
        // Only visitors that count look in.
        const NEEDS_TRACE: bool = T::HOLDS_COUNTED;
        const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;
        const MAY_CYCLE: bool = T::MAY_CYCLE;
        const SENDS: bool = T::SENDS;
        #[inline(always)]
        fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
    };
}

// SAFETY: a 'static value holds no pointer with a brand; who counts is shown the content, on the
// thread that owns it, and does not change it (`Visitor`).
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for Cell<T> {
    counted_only!();
    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::HOLDS_COUNTED && visitor.counts() {
            // SAFETY: no other access can be under way: this thread owns the cell.
            unsafe { &*self.as_ptr() }.trace(visitor);
        }
    }
}

// SAFETY: as for `Cell`; where it is borrowed mutably, its counted pointers are not found, which
// only makes them look as if they were held from outside.
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for RefCell<T> {
    counted_only!();
    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::HOLDS_COUNTED
            && visitor.counts()
            && let Ok(value) = self.try_borrow()
        {
            value.trace(visitor);
        }
    }
}

// SAFETY: as for `Cell`.
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for OnceCell<T> {
    counted_only!();
    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::HOLDS_COUNTED
            && visitor.counts()
            && let Some(value) = self.get()
        {
            value.trace(visitor);
        }
    }
}

#[cfg(feature = "std")]
// SAFETY: as for `RefCell`.
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for std::sync::Mutex<T> {
    counted_only!();
    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::HOLDS_COUNTED
            && visitor.counts()
            && let Ok(value) = self.try_lock()
        {
            value.trace(visitor);
        }
    }
}

#[cfg(feature = "std")]
// SAFETY: as for `RefCell`.
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for std::sync::RwLock<T> {
    counted_only!();
    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::HOLDS_COUNTED
            && visitor.counts()
            && let Ok(value) = self.try_read()
        {
            value.trace(visitor);
        }
    }
}
