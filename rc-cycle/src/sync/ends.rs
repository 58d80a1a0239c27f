//! Values that a step has to end: those whose last pointer was the step's own, and those that it found dead.
//!
//! Above: steps. Below: their records. Destructors are the user's, so they run when the step has let others collect, and
//! all of them do, also if one unwinds.

use super::word::release_any;
use crate::grave;
use crate::header::record;
use crate::kind::Kind;
use crate::words::{Counts, Shared, words};
use alloc::vec::Vec;
use alloc_core::sync::Ordering;
use core::ptr::NonNull;

/// Values that nobody points at but the step; and values in state dead, whose pointers lead to each other.
#[derive(Default)]
pub(super) struct Ends {
    last: Vec<NonNull<u8>>,
    dead: Vec<NonNull<u8>>,
    dropped: usize,
}

impl Ends {
    /// Room for so many dead ones. `false`: there is no memory.
    pub fn reserve_dead(&mut self, values: usize) -> bool {
        self.dead.try_reserve(values).is_ok()
    }

    /// Gives a step's count of a value back. If that was the last, and there is no memory for the list, it ends at once.
    ///
    /// # Safety
    ///
    /// It is there to be given back, and the box has a record.
    pub unsafe fn let_go(&mut self, value: NonNull<u8>) {
        // SAFETY: the caller's. No candidate: whoever dropped another pointer meanwhile has recorded it.
        if !release_any::<false>(unsafe { words::<Shared>(value) }) {
            return;
        }
        if self.last.try_reserve(1).is_ok() {
            self.last.push(value);
        } else {
            // SAFETY: there is no pointer to it any more.
            unsafe { grave::bury::<Shared>(value) };
        }
    }

    /// A value in state dead. There is room.
    pub fn push_dead(&mut self, value: NonNull<u8>) {
        self.dead.push(value);
    }

    pub fn dead(&self) -> usize {
        self.dead.len()
    }

    fn run(&mut self) {
        while let Some(value) = self.last.pop() {
            // SAFETY: there is no pointer to it any more (`let_go`).
            unsafe { grave::bury::<Shared>(value) };
        }
        while let Some(&value) = self.dead.get(self.dropped) {
            self.dropped += 1;
            // SAFETY: nobody but dead values leads to it (V3), and nobody upgrades; the counts are not those of last
            // pointers, as the state is above them.
            unsafe { (record(value).drop)(value) };
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        let freed = Freed(self);
        freed.0.run();
    }
}

/// Frees the boxes of the dead, when all are dropped: a destructor that has unwound is done with, and the others run first.
struct Freed<'e>(&'e mut Ends);

impl Drop for Freed<'_> {
    fn drop(&mut self) {
        self.0.run();
        for &value in &self.0.dead {
            // SAFETY: the value is dropped; weak pointers may keep the memory, or a list.
            unsafe {
                let of = words::<Shared>(value);
                // ORDERING: Release, as of a last pointer (S1).
                of.strong.store(0, Ordering::Release);
                let record = record(value);
                Shared::note(value, record, false);
                if Shared::release_weak(of) {
                    (record.free)(value);
                }
            }
        }
    }
}
