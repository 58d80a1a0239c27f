//! Who is shown the counted pointers of a value: one visitor for all that is done with a graph.
//!
//! Above: trials, drawings. Below: [`Trace`](alloc_core::gc::Trace), the user's types; the words of the boxes that are
//! come by.

use crate::local::{LIVE, MARK, Proof};
use crate::words::{Local, words};
use alloc::vec::Vec;
#[cfg(feature = "std")]
use alloc_core::gc::Guard;
use alloc_core::gc::{Counted, Object, Visitor};
use core::ptr::NonNull;

/// Shown each counted pointer of a value; made by this crate only.
pub struct Visit<'v> {
    act: Act<'v>,
    /// Of values that a trial leaves alone.
    proof: Proof,
}

/// What is done with each pointer.
pub(crate) enum Act<'v> {
    /// Its count is taken from the value that it leads to, which becomes a member of the trial. `full`: the list of
    /// members could not grow.
    Subtract { members: &'v mut Vec<NonNull<u8>>, full: &'v mut bool },
    /// Its count is given back, and the value is alive: pushed, if that was not known. There is room.
    Restore { alive: &'v mut Vec<NonNull<u8>> },
    /// Its count is given back.
    Add,
    /// It is looked at.
    Look(&'v mut dyn FnMut(NonNull<u8>)),
    /// The same, of those that many threads count.
    #[cfg(feature = "std")]
    LookShared(&'v mut dyn FnMut(NonNull<u8>)),
    /// The same, and locks that lead to any stay locked.
    #[cfg(feature = "std")]
    Freeze { look: &'v mut dyn FnMut(NonNull<u8>), guards: &'v mut Guards },
}

/// Locks that are held, inner ones before those that they are in; dropped in this order.
#[cfg(feature = "std")]
#[derive(Default)]
pub(crate) struct Guards {
    held: Vec<alloc::boxed::Box<dyn Guard>>,
    missing: bool,
}

#[cfg(feature = "std")]
impl Guards {
    /// There was no memory for one.
    pub fn are_missing(&self) -> bool {
        self.missing
    }
}

impl<'v> Visit<'v> {
    pub(crate) const fn new(act: Act<'v>) -> Self {
        Self { act, proof: Proof::NONE }
    }

    /// In a trial that leaves alone what has this proof.
    pub(crate) const fn in_trial(act: Act<'v>, proof: Proof) -> Self {
        Self { act, proof }
    }

    #[inline]
    fn local(&mut self, value: NonNull<u8>) {
        // SAFETY: a pointer that is shown leads to a box that is not freed.
        let words = unsafe { words::<Local>(value) };
        if words.is_proven(self.proof) {
            return;
        }
        match &mut self.act {
            Act::Subtract { members, full } => {
                words.strong.set(words.strong.get() - 1);
                if !words.has(MARK) {
                    if members.try_reserve(1).is_ok() {
                        words.set(MARK);
                        members.push(value);
                    } else {
                        **full = true;
                    }
                }
            }
            Act::Restore { alive } => {
                words.strong.set(words.strong.get() + 1);
                if !words.has(LIVE) {
                    words.set(LIVE);
                    alive.push(value);
                }
            }
            Act::Add => words.strong.set(words.strong.get() + 1),
            Act::Look(look) => look(value),
            #[cfg(feature = "std")]
            Act::LookShared(_) | Act::Freeze { .. } => {}
        }
    }
}

// SAFETY: nothing that is called changes a value; and it visits on the thread that owns the value, when nobody can
// begin to borrow: in a step, which runs no code of the user's while it visits. Values that many threads share have no
// `Cell`s in them, as they are `Sync` (`Admits`).
unsafe impl Visitor for Visit<'_> {
    fn object(&mut self, _: Object) {}

    #[inline]
    fn counted(&mut self, counted: Counted) {
        match counted {
            Counted::Local(value) => self.local(value),
            Counted::Shared(value) => {
                #[cfg(feature = "std")]
                if let Act::LookShared(look) | Act::Freeze { look, .. } = &mut self.act {
                    look(value);
                }
                #[cfg(not(feature = "std"))]
                let _ = value;
            }
        }
    }

    #[inline]
    fn counts(&self) -> bool {
        true
    }

    #[cfg(feature = "std")]
    fn freezes(&self) -> bool {
        matches!(self.act, Act::Freeze { .. })
    }

    #[cfg(feature = "std")]
    unsafe fn keep(&mut self, guard: Option<alloc::boxed::Box<dyn Guard>>) {
        if let Act::Freeze { guards, .. } = &mut self.act {
            match guard {
                Some(guard) if guards.held.try_reserve(1).is_ok() => guards.held.push(guard),
                // Those in it first, as somebody may change what it guards then.
                guard => {
                    guards.missing = true;
                    guards.held.clear();
                    drop(guard);
                }
            }
        }
    }
}

impl core::fmt::Debug for Visit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Visit").finish_non_exhaustive()
    }
}
