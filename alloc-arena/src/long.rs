//! Runs that are so long, or so aligned, that each has a mapping of its own.
//!
//! Above: [`Arena`]'s methods. Below: the table of them, under the lock; the source, outside of it
//! where a call is slow (unmapping frees every page).
//! An entry is in the table only while its addresses are mapped, so that no two ever overlap:
//! mapping comes before insertion, removal before unmapping, and an entry is lent while it moves (D3).

use crate::arena::Arena;
use crate::dedicated::{self, Entry};
use crate::huge::{HugePages, Wish};
use crate::source::{Advice, Contents, Source};
use crate::state::{State, Taken};
use alloc_core::sync::LockGuard;
use alloc_core::{AllocError, Layout};
use core::ptr::NonNull;

impl<S: Source> Arena<S> {
    /// A run with a mapping of its own.
    pub(crate) fn acquire_long(&self, layout: Layout, zeroed: bool) -> Result<Taken, AllocError> {
        let bytes = self.round_up(layout.size());
        if let Some(taken) = self.reuse_long(bytes, layout.align()) {
            return Ok(taken);
        }
        let mut taken = self.map_long(layout, zeroed);
        // What lies idle may be what is missing.
        if taken.is_err() && self.release_idle() > 0 {
            taken = self.map_long(layout, zeroed);
        }
        taken
    }

    /// A run in a mapping that is made for it.
    fn map_long(&self, layout: Layout, zeroed: bool) -> Result<Taken, AllocError> {
        let bytes = self.round_up(layout.size());
        let mut state = self.lock_to_leave();
        state.dedicated.make_room(&self.below)?;
        let wish = state.huge(&self.below, &self.config).wish(bytes, zeroed);
        let huge_bytes = if wish == Wish::Nothing { 1 } else { self.below.source.huge_bytes() };
        let align_bytes = layout.align().max(huge_bytes);
        let (mut state, mapped) = self.away(state, || {
            let mapped = dedicated::map(&self.below, bytes, align_bytes)?;
            Ok((mapped, self.advise_long(mapped.0, wish)))
        });
        let ((entry, contents), asked) = mapped?;
        // Another thread may have taken the room that was made.
        if let Err(error) = state.dedicated.make_room(&self.below) {
            // SAFETY: mapped above, and nobody has it.
            drop(unsafe { self.release_long(state, entry) });
            return Err(error);
        }
        state.dedicated.insert(entry);
        state.huge_bytes += if asked { bytes } else { 0 };
        let unclear = if contents == Contents::Zero { 0 } else { bytes };
        Ok(Taken::new(entry.base, 0..unclear))
    }

    /// Tells the source what the policy says about a new mapping. Whether huge pages were asked for.
    fn advise_long(&self, entry: Entry, wish: Wish) -> bool {
        let advice = match self.config.huge_pages {
            HugePages::Dense if wish != Wish::Nothing => Advice::Huge,
            HugePages::Prefer => Advice::Huge,
            HugePages::Avoid => Advice::Small,
            HugePages::Dense | HugePages::System => return false,
        };
        // SAFETY: the mapping was made just now, and nobody has it.
        let result = unsafe { self.below.advise(entry.base, entry.bytes, advice) };
        advice == Advice::Huge && result.is_ok()
    }

    /// A run made of an idle mapping, which keeps its memory.
    fn reuse_long(&self, bytes: usize, align_bytes: usize) -> Option<Taken> {
        let mut state = self.lock_to_leave();
        let at = state.dedicated.idle(bytes)?;
        let idle = state.dedicated.entries()[at];
        if idle.bytes == bytes && idle.base.as_ptr().addr().is_multiple_of(align_bytes) {
            state.dedicated.remove(at);
            state.dedicated.insert(Entry { used: true, tick: 0, ..idle });
            return Some(Taken::new(idle.base, 0..bytes));
        }
        // SAFETY: an idle entry is a whole mapping that nobody uses (D2).
        let moved = unsafe { self.move_long(state, at, bytes, align_bytes) }?;
        Some(Taken::new(moved, 0..idle.bytes.min(bytes)))
    }

    /// Makes the mapping at an index one of `bytes`, in use, where it is or elsewhere, without the
    /// lock. `None` if the system cannot do it; the mapping is as it was.
    ///
    /// # Safety
    ///
    /// It is a whole mapping whose user, if it has one, hands over its addresses.
    unsafe fn move_long(
        &self,
        mut state: LockGuard<'_, State>,
        at: usize,
        bytes: usize,
        align_bytes: usize,
    ) -> Option<NonNull<u8>> {
        let lent = state.dedicated.lend(at);
        let (mut state, moved) = self.away(state, || {
            // SAFETY: the entry's mapping is nobody else's while it is lent (D3, caller).
            unsafe { self.below.remap(lent.base, lent.bytes, bytes, align_bytes) }
        });
        let entry = match moved {
            Ok(base) => Entry { base, bytes, used: true, tick: 0 },
            Err(AllocError) => lent,
        };
        state.dedicated.take_back(lent, entry);
        moved.ok()
    }

    /// Takes a mapping that is no longer in the table back: it stays idle for a while, or goes.
    ///
    /// # Safety
    ///
    /// It is a whole mapping of the source that nobody uses.
    pub(crate) unsafe fn retire_long(&self, mut state: LockGuard<'_, State>, entry: Entry) {
        let tick = state.decay.tick();
        let keep = self.config.purge_delay_ms != Some(0) && state.dedicated.may_keep(entry.bytes);
        if keep && state.dedicated.make_room(&self.below).is_ok() {
            state.dedicated.insert(Entry { used: false, tick, ..entry });
        } else {
            // SAFETY: the caller's promise.
            drop(unsafe { self.release_long(state, entry) });
        }
    }

    /// Gives idle mappings back. Returns their bytes.
    pub(crate) fn release_idle(&self) -> usize {
        let (mut freed_bytes, mut after) = (0, 0);
        loop {
            let mut state = self.lock_to_leave();
            let expired = state.expired.take();
            let idle = || state.dedicated.idle_after(after);
            let Some(entry) = expired.or_else(idle) else { return freed_bytes };
            if expired.is_none() {
                after = entry.base.as_ptr().addr();
            }
            // SAFETY: an idle mapping (D2) that was taken out of the table.
            let (_state, gone) = unsafe { self.release_long(state, entry) };
            freed_bytes += if gone { entry.bytes } else { 0 };
        }
    }

    /// Gives a mapping that is no longer in the table back. Whether the source took it.
    ///
    /// # Safety
    ///
    /// It is a whole mapping of the source that nobody uses.
    #[cold]
    pub(crate) unsafe fn release_long<'a>(
        &'a self,
        state: LockGuard<'a, State>,
        entry: Entry,
    ) -> (LockGuard<'a, State>, bool) {
        let (mut state, gone) = self.away(state, || {
            // SAFETY: the caller's promise.
            unsafe { self.unreserve_or_decommit(entry.base, entry.bytes) }
        });
        // If not, at least the memory went; the addresses stay ours, to be used again (D2).
        if !gone && state.dedicated.make_room(&self.below).is_ok() {
            let tick = state.decay.tick();
            state.dedicated.insert(Entry { used: false, tick, ..entry });
        }
        (state, gone)
    }

    /// Gives pages of a mapping back; if the system has run out of something that it needs even for
    /// that, their memory alone. Whether the addresses went.
    ///
    /// # Safety
    ///
    /// They are a whole mapping of the source, or its tail, which nobody uses.
    unsafe fn unreserve_or_decommit(&self, base: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: the caller's promise.
        let gone = unsafe { self.below.unreserve(base, bytes) }.is_ok();
        if !gone {
            // SAFETY: as above: committed, and nobody needs the contents.
            let _ = unsafe { self.below.decommit(base, bytes) };
        }
        gone
    }

    /// Makes the run at `ptr`, which has a mapping of its own, `new.size()` bytes long without a
    /// copy. It may move. `None` if there is no such run, or the system cannot do it.
    ///
    /// # Safety
    ///
    /// A live run of this arena begins at `ptr`, and its user asks for this.
    pub(crate) unsafe fn resize_long(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<Taken> {
        let (old_bytes, new_bytes) = (self.round_up(old.size()), self.round_up(new.size()));
        let mut state = self.lock_to_leave();
        let at = state.dedicated.at(ptr.as_ptr().addr())?;
        let entry = state.dedicated.entries()[at];
        let aligned = ptr.as_ptr().addr().is_multiple_of(new.align());
        if aligned && new_bytes == entry.bytes {
            return Some(Taken::new(ptr, old_bytes.min(new_bytes)..new_bytes));
        }
        if aligned && new_bytes < entry.bytes {
            state.dedicated.set_bytes(at, new_bytes);
            // SAFETY: the tail is the mapping's, and its user has given it up.
            unsafe { self.cut_long(state, entry, new_bytes) };
            // Should the tail be there from a shrink that failed, it is not clear.
            return Some(Taken::new(ptr, old_bytes.min(new_bytes)..new_bytes));
        }
        // SAFETY: the entry is a whole mapping; its user hands over its addresses (caller).
        let moved = unsafe { self.move_long(state, at, new_bytes, new.align()) }?;
        // What is new is zero; what lies between the layouts is not, after a shrink that failed.
        Some(Taken::new(moved, old_bytes..entry.bytes.min(new_bytes)))
    }

    /// Gives the tail of a mapping back, which its entry no longer includes.
    ///
    /// # Safety
    ///
    /// As for `release_long`, for the bytes from `keep_bytes` on.
    unsafe fn cut_long(&self, state: LockGuard<'_, State>, entry: Entry, keep_bytes: usize) {
        // SAFETY: `keep_bytes` is less than the mapping's length.
        let tail = unsafe { entry.base.add(keep_bytes) };
        let (mut state, gone) = self.away(state, || {
            // SAFETY: the caller's promise.
            unsafe { self.unreserve_or_decommit(tail, entry.bytes - keep_bytes) }
        });
        if !gone && let Some(at) = state.dedicated.at(entry.base.as_ptr().addr()) {
            state.dedicated.set_bytes(at, entry.bytes); // D1: the entry keeps the tail
        }
    }
}
