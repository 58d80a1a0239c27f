//! Runs that are so long, or so aligned, that each has a mapping of its own.
//!
//! Above: [`Arena`]'s methods. Below: the table of them, under the lock; the source, outside of it
//! where a call is slow (unmapping frees every page).
//! An entry is in the table exactly while its addresses are mapped, so that no two ever overlap:
//! mapping comes before insertion, removal before unmapping, and moving happens under the lock.

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
        let mut state = self.state.lock();
        if let Some(taken) = self.reuse_long(&mut state, bytes, layout.align()) {
            return Ok(taken);
        }
        state.dedicated.make_room(&self.below)?;
        let wish = state.huge(&self.below, &self.config).wish(bytes, zeroed);
        drop(state);

        let huge_bytes = if wish == Wish::Nothing { 1 } else { self.below.source.huge_bytes() };
        let align_bytes = layout.align().max(huge_bytes);
        let (entry, contents) =
            dedicated::map(&self.below, bytes, align_bytes).or_else(|error| {
                // What lies idle may be what is missing.
                let freed_bytes = self.state.lock().dedicated.release_idle(&self.below);
                if freed_bytes == 0 {
                    return Err(error);
                }
                dedicated::map(&self.below, bytes, layout.align())
            })?;
        let asked = self.advise_long(entry, wish);
        let mut state = self.state.lock();
        // Another thread may have taken the room that was made.
        if let Err(error) = state.dedicated.make_room(&self.below) {
            drop(state);
            // SAFETY: as above, and nobody has it.
            unsafe { self.release_long(entry) };
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
    fn reuse_long(&self, state: &mut State, bytes: usize, align_bytes: usize) -> Option<Taken> {
        let at = state.dedicated.idle(bytes)?;
        let Entry { base, bytes: old_bytes, .. } = state.dedicated.entries()[at];
        let fits = old_bytes == bytes && base.as_ptr().addr().is_multiple_of(align_bytes);
        let moved = if fits {
            base
        } else {
            // SAFETY: an idle entry is a whole mapping that nobody uses (D2).
            unsafe { self.below.remap(base, old_bytes, bytes, align_bytes) }.ok()?
        };
        state.dedicated.remove(at);
        state.dedicated.insert(Entry { base: moved, bytes, used: true, tick: 0 });
        Some(Taken::new(moved, 0..old_bytes.min(bytes)))
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
            drop(state);
            // SAFETY: the caller's promise.
            unsafe { self.release_long(entry) };
        }
    }

    /// Gives a mapping that is no longer in the table back.
    ///
    /// # Safety
    ///
    /// It is a whole mapping of the source that nobody uses.
    #[cold]
    pub(crate) unsafe fn release_long(&self, entry: Entry) {
        // SAFETY: the caller's promise.
        if unsafe { self.below.unreserve(entry.base, entry.bytes) }.is_ok() {
            return;
        }
        // The system has run out of something that it needs even to take memory back. At least the
        // memory goes; the addresses stay ours, to be used again (D2).
        // SAFETY: the mapping is committed and nobody needs its contents.
        let _ = unsafe { self.below.decommit(entry.base, entry.bytes) };
        let mut state = self.state.lock();
        if state.dedicated.make_room(&self.below).is_ok() {
            let tick = state.decay.tick();
            state.dedicated.insert(Entry { used: false, tick, ..entry });
        }
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
        let mut state = self.state.lock();
        let at = state.dedicated.at(ptr.as_ptr().addr())?;
        let entry = state.dedicated.entries()[at];
        let aligned = ptr.as_ptr().addr().is_multiple_of(new.align());
        if aligned && new_bytes == entry.bytes {
            return Some(Taken::new(ptr, old_bytes.min(new_bytes)..new_bytes));
        }
        if aligned && new_bytes < entry.bytes {
            state.dedicated.set_bytes(at, new_bytes);
            drop(state);
            // SAFETY: the tail is the mapping's, and its user has given it up.
            unsafe { self.cut_long(entry, new_bytes) };
            // Should the tail be there from a shrink that failed, it is not clear.
            return Some(Taken::new(ptr, old_bytes.min(new_bytes)..new_bytes));
        }
        let (base, bytes) = (entry.base, entry.bytes);
        // SAFETY: the entry is a whole mapping; its user hands over its addresses (caller).
        let moved = unsafe { self.below.remap(base, bytes, new_bytes, new.align()) }.ok()?;
        state.dedicated.remove(at);
        state.dedicated.insert(Entry { base: moved, bytes: new_bytes, ..entry });
        // What is new is zero; what lies between the layouts is not, after a shrink that failed.
        Some(Taken::new(moved, old_bytes..bytes.min(new_bytes)))
    }

    /// Gives the tail of a mapping back, which its entry no longer includes.
    ///
    /// # Safety
    ///
    /// As for `release_long`, for the bytes from `keep_bytes` on.
    unsafe fn cut_long(&self, entry: Entry, keep_bytes: usize) {
        // SAFETY: `keep_bytes` is less than the mapping's length.
        let tail = unsafe { entry.base.add(keep_bytes) };
        let tail_bytes = entry.bytes - keep_bytes;
        // SAFETY: the caller's promise.
        if unsafe { self.below.unreserve(tail, tail_bytes) }.is_err() {
            // SAFETY: as above; nobody needs the contents.
            let _ = unsafe { self.below.decommit(tail, tail_bytes) };
            let mut state = self.state.lock();
            if let Some(at) = state.dedicated.at(entry.base.as_ptr().addr()) {
                state.dedicated.set_bytes(at, entry.bytes); // D1: the entry keeps the tail
            }
        }
    }
}
