//! What a space is told by the collector whose it is: whether a turn may begin and end cycles, and what lies
//! outside.
//!
//! Above: a generational collector. Below: turns, the tracer. A space that is a collector of its own has nothing
//! outside.

use alloc_core::gc::Object;
use core::ptr::NonNull;

/// Objects that lead into a space, and that its own may lead to, but are elsewhere. A cycle that is made beside them
/// marks them too.
pub trait Outside {
    /// Whether the object is one of them.
    fn contains(&self, object: Object) -> bool;

    /// Marks one of them. `true`: it was not marked.
    fn mark(&self, object: Object) -> bool;

    /// Whether one of them is marked.
    fn is_marked(&self, object: Object) -> bool;

    /// Calls `each` for all that are marked.
    fn each_marked(&self, each: &mut dyn FnMut(Object));
}

/// Whether a cycle may begin or end in a turn.
#[derive(Clone, Copy)]
pub enum Change<'o> {
    /// No: there are objects outside.
    No,
    /// Yes: there are none.
    Yes,
    /// There are, and a whole cycle is made beside them, at once.
    Beside(&'o dyn Outside),
}

impl core::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::No => "No",
            Self::Yes => "Yes",
            Self::Beside(_) => "Beside",
        })
    }
}

/// What is outside in this turn, for as long as it takes.
#[derive(Clone, Copy)]
pub(crate) struct Beyond(Option<NonNull<dyn Outside>>);

// SAFETY: it is set in a turn only, and used by that turn's thread.
unsafe impl Send for Beyond {}

impl Beyond {
    pub const NOTHING: Self = Self(None);

    /// # Safety
    ///
    /// It is used no longer than `outside` lives.
    pub unsafe fn new(outside: &dyn Outside) -> Self {
        let outside = NonNull::from(outside);
        // SAFETY: the types differ in a lifetime only, for which the caller vouches.
        let outside = unsafe {
            core::mem::transmute::<NonNull<dyn Outside + '_>, NonNull<dyn Outside>>(outside)
        };
        Self(Some(outside))
    }

    #[inline(always)]
    pub const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    fn get(&self) -> Option<&dyn Outside> {
        // SAFETY: it lives (`new`).
        self.0.as_ref().map(|outside| unsafe { outside.as_ref() })
    }

    /// What is outside, if the object is.
    fn of(&self, object: Object) -> Option<&dyn Outside> {
        self.get().filter(|outside| outside.contains(object))
    }

    pub fn contains(&self, object: Object) -> bool {
        self.of(object).is_some()
    }

    /// Marks an object that is outside; `None`: it is not.
    pub fn mark(&self, object: Object) -> Option<bool> {
        self.of(object).map(|outside| outside.mark(object))
    }

    /// Whether an object that is outside is marked; `None`: it is not.
    pub fn is_marked(&self, object: Object) -> Option<bool> {
        self.of(object).map(|outside| outside.is_marked(object))
    }

    pub fn each_marked(&self, mut each: impl FnMut(Object)) {
        if let Some(outside) = self.get() {
            outside.each_marked(&mut each);
        }
    }
}
