//! The memory of a used run, or of a part of one, goes back to the source; the run stays used.
//!
//! Above: [`Arena`]'s `discard`, for layers that cut runs and know what of them is idle. Below: the
//! source, without the lock. Not here: free runs, which the arena purges by itself (`state.rs`).
//!
//! The arena keeps no record of what of a used run has memory: whoever has the run may write to it
//! the moment after. So what was discarded counts as used still, and as dirty when the run is freed;
//! [`SysStat::discarded_bytes`](crate::SysStat::discarded_bytes) tells how much went in all.

use crate::arena::Arena;
use crate::huge::HugePages;
use crate::source::{Advice, Contents, Source};
use crate::state::State;
use core::ptr::NonNull;

/// Where discarding is allowed: the pages from which advice for huge pages is taken back first.
type Advised = Option<(NonNull<u8>, usize)>;

impl<S: Source> Arena<S> {
    /// Gives back the memory of the pages that lie wholly among the bytes. Returns how much went.
    ///
    /// # Safety
    ///
    /// As for [`Layer::discard`](alloc_core::Layer::discard).
    pub(crate) unsafe fn discard_pages(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        let page_mask = self.page_bytes() - 1;
        let head_bytes = ptr.as_ptr().addr().wrapping_neg() & page_mask;
        let bytes = bytes.saturating_sub(head_bytes) & !page_mask;
        if bytes == 0 || !self.below.source.can_decommit() {
            return 0;
        }
        // SAFETY: `head_bytes` is less than the length, as something is left.
        let base = unsafe { ptr.add(head_bytes) };
        let Some(advised) = self.discardable(base, bytes) else { return 0 };
        if let Some((base, bytes)) = advised {
            // SAFETY: committed pages of a mapping in which a used run lies (`discardable`), so that
            // it stays. If the source refuses, it may fill the pages again one day.
            let _ = unsafe { self.below.advise(base, bytes, Advice::Small) };
        }
        // SAFETY: committed pages of a used run of this arena, on whose terms they may go
        // (`discardable`); nobody needs their contents, and nobody uses them now (caller).
        let gone = unsafe { self.below.decommit(base, bytes) };
        if gone.is_err() {
            return 0;
        }
        self.below.note_discarded(bytes);
        bytes
    }

    /// Whether the pages lie in a run of this arena that may lose its contents.
    fn discardable(&self, base: NonNull<u8>, bytes: usize) -> Option<Advised> {
        let mut state = self.state.lock();
        let State { mappings, dedicated, .. } = &mut *state;
        let address = base.as_ptr().addr();
        if let Some(node) = mappings.at(address) {
            let start = node.runs.page_at(address);
            let pages = start..start + (bytes / self.page_bytes()) as u32;
            // Other memory than the source's own might read as something else afterwards.
            let may = node.terms.purge == Some(Contents::Zero);
            return may.then(|| node.advised_in(&self.below, &pages));
        }
        let entry = dedicated.containing(address).filter(|entry| entry.used)?;
        // A run in which somebody discards is sparse.
        let advised = self.config.huge_pages == HugePages::Dense
            && huge_pages_in(entry.bytes, self.below.source.huge_bytes());
        Some(advised.then_some((entry.base, entry.bytes)))
    }
}

/// Whether huge pages may have been asked for in a mapping of its own.
fn huge_pages_in(bytes: usize, huge_bytes: usize) -> bool {
    huge_bytes != 0 && bytes >= huge_bytes
}
