//! Values that are cloned when they are to be changed, and shared.
//!
//! Above: the user. Below: boxes.

use crate::header::{self, Free, free_box, record_of};
use crate::kind::Kind;
use crate::pointer::{Pointer, boxed, no_memory};
use crate::slices;
use crate::target::Target;
use alloc_core::gc::Trace;
use alloc_core::{AllocError, Layer, Layout};

mod sealed {
    use super::{Kind, Layer, Pointer, Target};

    pub trait Sealed: Target {
        /// A clone in a box of its own, or why there is none.
        fn clone_in<A: Layer + 'static, K: Kind>(&self, allocator: A) -> Pointer<Self, A, K>;

        /// Moves the value away from its weak pointers, if there is no other pointer. `false`: there is, or it cannot be
        /// moved.
        fn move_away<A: Layer + 'static, K: Kind>(_: &mut Pointer<Self, A, K>, _: A) -> bool {
            false
        }
    }
}

/// What [`make_mut`](Pointer::make_mut) can clone: values that are [`Clone`], slices of such, and `str`. Sealed.
pub trait Cloned: sealed::Sealed {}
impl<T: ?Sized + sealed::Sealed> Cloned for T {}

impl<T: Target + Clone> sealed::Sealed for T {
    fn clone_in<A: Layer + 'static, K: Kind>(&self, allocator: A) -> Pointer<Self, A, K> {
        match boxed::<T, A, K>(self.clone(), allocator) {
            // SAFETY: the box is new.
            Ok(value) => unsafe { Pointer::from_value(value) },
            Err(AllocError) => no_memory(Layout::new::<T>()),
        }
    }

    fn move_away<A: Layer + 'static, K: Kind>(
        this: &mut Pointer<Self, A, K>,
        allocator: A,
    ) -> bool {
        let record = if T::MAY_CYCLE { Some(record_of::<T, A>()) } else { None };
        let layout = Layout::new::<T>();
        // First, as it may unwind: afterwards nothing does.
        let Ok(place) = header::allocate::<T, A, K>(allocator, layout, record, 0, 1) else {
            no_memory(layout)
        };
        let place = place.cast::<T>();
        // SAFETY: if there was no other pointer, the value is ours: it is moved. Else the new box is nobody's.
        unsafe {
            if !K::take(this.words()) {
                free_box::<T, A, K>(place);
                return false;
            }
            let old = this.replace_value(place);
            place.copy_from_nonoverlapping(old, 1);
            if let Some(record) = record {
                K::note(old.cast(), record, false);
                K::note(place.cast(), record, true);
            }
            drop(Free::<T, A, K>::of(old));
        }
        true
    }
}

impl<T: Trace<'static> + Clone + 'static> sealed::Sealed for [T] {
    fn clone_in<A: Layer + 'static, K: Kind>(&self, allocator: A) -> Pointer<Self, A, K> {
        slices::collected(self.iter().cloned(), allocator)
            .unwrap_or_else(|_| slices::no_memory::<T>(self.len()))
    }
}

impl sealed::Sealed for str {
    fn clone_in<A: Layer + 'static, K: Kind>(&self, allocator: A) -> Pointer<Self, A, K> {
        slices::copied(self, allocator).unwrap_or_else(|_| slices::no_memory::<u8>(self.len()))
    }
}

impl<T: ?Sized + Cloned, A: Layer + Clone + 'static, K: Kind> Pointer<T, A, K> {
    /// The value, exclusively: a clone of it, if there are other pointers; if there are weak ones only, they lose it.
    ///
    /// ```
    /// use rc_cycle::Cc;
    ///
    /// let mut text: Cc<str> = "text".into();
    /// let other = text.clone();
    /// Cc::make_mut(&mut text).make_ascii_uppercase();
    /// assert_eq!((&*text, &*other), ("TEXT", "text"));
    /// ```
    ///
    /// # Aborts
    ///
    /// When there is no memory for the clone.
    pub fn make_mut(this: &mut Self) -> &mut T {
        if !K::is_unique(this.words(), T::MAY_CYCLE) {
            let allocator = Self::allocator(this).clone();
            if K::strong(this.words()) > 1 || !T::move_away(this, allocator.clone()) {
                // What admitted the value admits its clone.
                *this = (**this).clone_in(allocator);
            }
        }
        // SAFETY: there is no other pointer now, and no weak one.
        unsafe { this.value_mut() }
    }
}
