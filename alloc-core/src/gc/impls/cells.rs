//! `Trace` for cells that have no barrier: so what they hold must be 'static.
//!
//! A 'static value holds no pointer of a collected heap, so collectors do not look in. It may hold
//! counted pointers (`rc-cycle`), whose visitor runs on the owner's thread, and looks into cells that
//! nobody has borrowed.

#[cfg(feature = "std")]
use crate::gc::Guard;
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

/// A lock's content is visited while it is locked; who freezes gets the guard.
#[cfg(feature = "std")]
macro_rules! locks {
    ($($of:ident, $lock:ident;)*) => {$(
        // SAFETY: as for `RefCell`. What panicked under the lock does not matter: the content is there.
        unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for std::sync::$of<T> {
            counted_only!();
            #[inline]
            fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
                use std::sync::TryLockError::{Poisoned, WouldBlock};
                if !T::HOLDS_COUNTED || !visitor.counts() {
                    return;
                }
                let guard = match self.$lock() {
                    Ok(guard) => guard,
                    Err(Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(WouldBlock) => return,
                };
                guard.trace(visitor);
                if visitor.freezes() {
                    // If there is no memory for it, the guard is dropped when the visitor has dropped those of locks
                    // that it keeps locked.
                    // SAFETY: who freezes drops it before the lock can go (`keep`).
                    unsafe {
                        match held(guard) {
                            Ok(guard) => visitor.keep(Some(guard)),
                            Err(_guard) => visitor.keep(None),
                        }
                    }
                }
            }
        }
    )*};
}
#[cfg(feature = "std")]
locks! {
    Mutex, try_lock;
    RwLock, try_read;
}

// SAFETY: a value that is set stays so while the cell is shared; one that is not has no pointers.
#[cfg(feature = "std")]
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for std::sync::OnceLock<T> {
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

/// A guard on the heap, which does not say how long it may live.
///
/// # Errors
///
/// When there is no memory for it: the guard.
///
/// # Safety
///
/// It is dropped before what it borrows.
#[cfg(feature = "std")]
unsafe fn held<'g, G: Guard + 'g>(guard: G) -> Result<std::boxed::Box<dyn Guard>, G> {
    use std::boxed::Box;
    let layout = core::alloc::Layout::new::<G>();
    // SAFETY: a guard has a size: it leads to its lock.
    let place = core::ptr::NonNull::new(unsafe { std::alloc::alloc(layout) });
    let Some(place) = place.map(core::ptr::NonNull::cast::<G>) else { return Err(guard) };
    // SAFETY: the memory is new, for such a value, and from the allocator that boxes have. The lifetime is the
    // caller's to mind.
    unsafe {
        place.write(guard);
        let guard: Box<dyn Guard + 'g> = Box::from_raw(place.as_ptr());
        Ok(core::mem::transmute::<Box<dyn Guard + 'g>, Box<dyn Guard + 'static>>(guard))
    }
}
