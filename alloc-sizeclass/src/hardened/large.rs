//! Large objects, and whatever finds no place in the window: what happens to them between a call and the table of runs.
//!
//! Above: `other.rs`. Below: `runs.rs`: pages from the system between guard pages or, without that part, memory from the
//! layer below. Not here: claims about objects.

use super::hit::class_for;
use super::key::Key;
use super::ledger::Family;
use super::mistake::{Kind, Mistake, stop};
use super::other::{Home, Object};
use super::runs::Run;
use super::{Hardened, PLACE_BYTES, Policy};
use alloc_core::{Layer, Layout};
use core::ptr::NonNull;

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    #[cold]
    pub(super) fn allocate_run(
        &self,
        layout: Layout,
        family: Family,
        wants_zeroes: bool,
    ) -> Option<NonNull<u8>> {
        // It may be all that this thread asks for, so that it never has a record.
        K::watch_forks();
        let run = if P::PARTS.guards {
            let near = self.runs.lock().near(layout.size());
            Run::map(layout, family, near)?
        } else {
            Run::take(&self.below, layout, family, P::PARTS, wants_zeroes)?
        };
        // SAFETY: made above, and nobody has seen it.
        unsafe {
            if P::PARTS.canaries {
                run.mark(self.secret());
            }
            if !self.runs.lock().enter(run) {
                self.give_up(&run);
                return None;
            }
        }
        NonNull::new(core::ptr::with_exposed_provenance_mut(run.object))
    }

    /// Gives the memory of a run back.
    ///
    /// # Safety
    ///
    /// The run is in no table, nobody uses it, and if it is guarded, it was closed or never handed out.
    unsafe fn give_up(&self, run: &Run) {
        // SAFETY: the caller's promise.
        unsafe {
            if P::PARTS.guards {
                run.unmap();
            } else {
                run.give(&self.below);
            }
        }
    }

    pub(super) fn find_run(&self, address: usize) -> Option<(Object, Home)> {
        let mut runs = self.runs.lock();
        if let Some(run) = runs.find(address) {
            let (bytes, family) = (run.bytes, run.family);
            drop(runs);
            if family.is_none() {
                stop(Mistake { bytes, ..Mistake::at(Kind::DoubleFree, address) });
            }
            let family = family.filter(|_| P::PARTS.frees);
            return Some((Object { bytes, family }, Home::Run));
        }
        let around = runs.around(address);
        drop(runs);
        if let Some(run) = around {
            stop(Mistake { bytes: run.bytes, ..Mistake::at(Kind::InvalidFree, address) });
        }
        None
    }

    /// Claims a large object: from now on it is freed.
    pub(super) fn claim_run(&self, address: usize) -> Run {
        let mut runs = self.runs.lock();
        let found = runs.find(address).copied().filter(|run| run.family.is_some());
        let Some(run) = found else {
            drop(runs);
            stop(Mistake::at(Kind::DoubleFree, address));
        };
        runs.note_freed(address);
        run
    }

    /// # Safety
    ///
    /// The run was claimed by this thread.
    pub(super) unsafe fn check_run(&self, run: &Run) {
        if !P::PARTS.canaries {
            return;
        }
        // SAFETY: the caller's promise.
        if let Some(kind) = unsafe { run.check(self.secret()) } {
            stop(Mistake { bytes: run.bytes, ..Mistake::at(kind, run.object) });
        }
    }

    /// # Safety
    ///
    /// The run was claimed by this thread.
    pub(super) unsafe fn leave_run(&self, run: &Run) {
        if P::PARTS.guards {
            // SAFETY: the caller's promise.
            unsafe { run.close() };
            return self.rest_run(run);
        }
        self.runs.lock().remove(run.object);
        // SAFETY: the caller's promise; it is in no table any more.
        unsafe {
            if P::PARTS.wipe {
                run.wipe();
            }
            self.give_up(run);
        }
    }

    fn rest_run(&self, run: &Run) {
        let mut out = self.runs.lock().rest(Some(run));
        while let Some(run) = out {
            // SAFETY: it has rested: it was closed, and is in no table.
            unsafe { run.unmap() };
            out = self.runs.lock().rest(None);
        }
    }

    /// Moves the pages of a large object that stays one.
    ///
    /// # Safety
    ///
    /// A large object lives at `address`, which is the caller's.
    #[cold]
    pub(super) unsafe fn move_run(
        &self,
        address: usize,
        family: Family,
        bytes: usize,
    ) -> Option<NonNull<u8>> {
        if class_for::<P>(bytes, PLACE_BYTES).is_some() {
            return None;
        }
        if !self.runs.lock().has_room() {
            return None;
        }
        let run = self.claim_run(address);
        // SAFETY: claimed above.
        unsafe {
            self.check_run(&run);
            let near = self.runs.lock().near(bytes);
            let Some(mut moved) = run.moved(bytes, near) else {
                self.runs.lock().revive(&run);
                return None;
            };
            moved.family = Some(family);
            if P::PARTS.canaries {
                moved.mark(self.secret());
            }
            if run.close_moved() {
                self.rest_run(&run);
            } else {
                self.runs.lock().remove(run.object);
            }
            let entered = self.runs.lock().enter(moved);
            debug_assert!(entered, "half of the table was free");
            NonNull::new(core::ptr::with_exposed_provenance_mut(moved.object))
        }
    }
}
