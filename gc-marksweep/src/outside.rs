//! What a space is told by the collector whose it is: whether a turn may begin and end cycles, and what lies
//! outside.
//!
//! Above: a generational collector. Below: turns, the tracer. A space that is a collector of its own has nothing
//! outside.

use alloc_core::gc::Object;
use core::ptr::NonNull;

/// Objects that lead into a space, and that its own may lead to, but are elsewhere. All of them count as alive.
pub trait Outside<M> {
    /// Whether the object is one of them.
    fn contains(&self, object: Object) -> bool;

    /// Shows their pointers to the marker.
    fn mark(&self, marker: &mut M);
}

/// Whether a cycle may begin or end in a turn.
#[derive(Clone, Copy)]
pub enum Change<'o, M> {
    /// No: there are objects outside.
    No,
    /// Yes: there are none.
    Yes,
    /// There are, and a whole cycle is made beside them, at once.
    Beside(&'o dyn Outside<M>),
}

impl<M> core::fmt::Debug for Change<'_, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::No => "No",
            Self::Yes => "Yes",
            Self::Beside(_) => "Beside",
        })
    }
}

/// What is outside in this turn, for as long as it takes.
pub(crate) struct Beyond<M>(Option<NonNull<dyn Outside<M>>>);

impl<M> Clone for Beyond<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Beyond<M> {}

// SAFETY: it is set in a turn only, and used by that turn's thread.
unsafe impl<M> Send for Beyond<M> {}

impl<M> Beyond<M> {
    pub const NOTHING: Self = Self(None);

    /// # Safety
    ///
    /// It is used no longer than `outside` lives.
    pub unsafe fn new(outside: &dyn Outside<M>) -> Self {
        let outside = NonNull::from(outside);
        // SAFETY: the types differ in a lifetime only, for which the caller vouches.
        Self(Some(unsafe {
            core::mem::transmute::<NonNull<dyn Outside<M> + '_>, NonNull<dyn Outside<M>>>(outside)
        }))
    }

    #[cfg(feature = "std")]
    pub const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    #[inline(always)]
    pub fn contains(&self, object: Object) -> bool {
        // SAFETY: it lives (`new`).
        self.0.is_some_and(|outside| unsafe { outside.as_ref() }.contains(object))
    }

    pub fn mark(&self, marker: &mut M) {
        if let Some(outside) = self.0 {
            // SAFETY: it lives (`new`).
            unsafe { outside.as_ref() }.mark(marker);
        }
    }
}
