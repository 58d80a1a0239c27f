//! Growing and shrinking a run: where it stands if possible, else by moving it.
//!
//! Above: [`Arena`]'s `grow` and `shrink`. Below: `Runs::extend` and `Runs::truncate`; `long.rs`
//! for runs with a mapping of their own.

use crate::arena::Arena;
use crate::source::Source;
use crate::state::{Taken, taken};
use alloc_core::{AllocError, Allocator, Layout};
use core::ptr::NonNull;

impl<S: Source> Arena<S> {
    /// Makes the run at `ptr` fit `new`. Of the pages beyond the old run, `Taken` tells which may
    /// not read as zero.
    ///
    /// # Safety
    ///
    /// A live run of this arena for `old`, of non-zero size, begins at `ptr`; its user asks for
    /// this. `new` has non-zero size.
    pub(crate) unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Taken, AllocError> {
        let aligned = ptr.as_ptr().addr().is_multiple_of(new.align());
        if aligned && self.round_up(old.size()) == self.round_up(new.size()) {
            return Ok(Taken::new(ptr, 0..0));
        }
        if aligned && let Some(taken) = self.resize_in_place(ptr, new) {
            return Ok(taken);
        }
        // SAFETY: the caller's promise.
        if let Some(taken) = unsafe { self.resize_long(ptr, old, new) } {
            return Ok(taken);
        }
        let new_run = self.acquire(new, false)?;
        let bytes = old.size().min(new.size());
        // SAFETY: both runs are at least that long, live, and apart; the old one's user asks for it.
        unsafe { new_run.base.copy_from_nonoverlapping(ptr, bytes) };
        // SAFETY: the old run is live until here, and its contents have moved.
        unsafe { self.deallocate(ptr, old) };
        Ok(new_run)
    }

    /// Takes pages behind the run, or gives its last ones back. `None` if the run does not lie in a
    /// shared mapping, or there is no room behind it.
    fn resize_in_place(&self, ptr: NonNull<u8>, new: Layout) -> Option<Taken> {
        let pages = self.pages_of(new.size()).ok()?;
        let address = ptr.as_ptr().addr();
        let mut state = self.state.lock();
        state.settled();
        let tick = state.decay.tick();
        let huge = state.huge(&self.below, &self.config);
        let node = state.mappings.at(address)?;
        let start = node.runs.page_at(address);
        let old_pages = node.runs.used_at(start)?;
        let mut asked_bytes = 0;
        let result = if pages <= old_pages {
            node.runs.truncate(start, pages, tick);
            Taken::new(ptr, 0..0)
        } else {
            if node.runs.room_behind(start) < pages - old_pages {
                return None;
            }
            node.commit(&self.below, &self.config, start + pages).ok()?;
            let more = pages - old_pages;
            let mut place = node.runs.place_behind(start, more);
            let wish = huge.wish(new.size(), false);
            asked_bytes = node.ask_for_huge(&self.below, &mut place, more, wish, tick);
            let unclear = node.runs.extend(start, pages, place);
            taken(node, start, &unclear, &self.below)
        };
        let freed_bytes = old_pages.saturating_sub(pages) as usize * self.page_bytes();
        state.huge_bytes += asked_bytes;
        state.settle(&self.below, &self.config, freed_bytes);
        self.part(state);
        Some(result)
    }
}
