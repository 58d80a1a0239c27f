//! Everything that an arena's lock guards: its mappings, and how they are asked in turn.
//!
//! Above: [`Arena`](crate::Arena), which holds the lock. Below: the mappings' nodes; the source.

use crate::below::Below;
use crate::config::{COMMON_ALIGN, Config, LEAST_RESERVATION_BYTES, RESERVATION_ALIGN};
use crate::mapping::{Mapping, MappingKind, Mappings, Node, Terms};
use crate::record::{MAX_PAGES, Page};
use crate::runs::{Need, Place};
use crate::source::Source;
use crate::table::Plan;
use alloc_core::AllocError;
use core::ptr::NonNull;

#[derive(Debug)]
pub(crate) struct State {
    pub mappings: Mappings,
    /// What all reservations were so far, in bytes.
    reserved_bytes: usize,
    /// The system granted the first reservation only in part: address space is short.
    limited: bool,
    pub purged_bytes: usize,
}

/// Pages that were just handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub base: NonNull<u8>,
    /// The first byte that may not read as zero, counted from `base`.
    pub unclear_start: usize,
    /// How many bytes from there may not.
    pub unclear_bytes: usize,
}

impl Taken {
    /// Clears what is not clear.
    ///
    /// # Safety
    ///
    /// The pages were taken from the state, and nobody else uses them yet.
    pub unsafe fn clear(self) {
        // SAFETY: the unclear part lies within the pages, which are committed and the caller's.
        unsafe { self.base.add(self.unclear_start).write_bytes(0, self.unclear_bytes) };
    }
}

impl State {
    pub const fn new() -> Self {
        Self { mappings: Mappings::new(), reserved_bytes: 0, limited: false, purged_bytes: 0 }
    }

    /// Hands out `need.pages` pages: from the mappings there are, else from a new one.
    pub fn acquire<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<Taken, AllocError> {
        for node in self.mappings.iter_mut() {
            if let Some(place) = node.runs.best_fit(need, node.runs.pages())
                && node.commit(below, config, place.start + need.pages).is_ok()
            {
                return Ok(take(node, place, need.pages, below));
            }
        }
        self.acquire_hard(below, config, need)
    }

    /// The mappings are full, or the system commits no more: what is committed has to do, and after
    /// that a new mapping.
    #[cold]
    fn acquire_hard<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<Taken, AllocError> {
        for node in self.mappings.iter_mut() {
            if let Some(place) = node.runs.best_fit(need, node.runs.committed_pages()) {
                return Ok(take(node, place, need.pages, below));
            }
        }
        let node = self.reserve(below, config, need)?;
        let place = node.runs.best_fit(need, node.runs.pages()).ok_or(AllocError)?;
        node.commit(below, config, place.start + need.pages)?;
        Ok(take(node, place, need.pages, below))
    }

    /// Takes a range from the source, the first time a very large one, and later ones that fit.
    #[cold]
    pub fn reserve<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<&mut Node, AllocError> {
        let page_bytes = below.source.page_bytes();
        let align_bytes = need.align_bytes.max(RESERVATION_ALIGN).max(page_bytes);
        // An aligned base needs no room for the alignment. With the metadata inside, it does need
        // some; such a source offers what it has anyhow.
        let least_bytes = (need.pages as usize)
            .checked_mul(page_bytes)
            .and_then(|bytes| bytes.checked_next_multiple_of(page_bytes))
            .ok_or(AllocError)?;
        let most_bytes = self.wish_bytes(config, page_bytes).max(least_bytes);
        let node = if below.source.metadata_inside() {
            self.reserve_once(below, most_bytes, page_bytes)?
        } else {
            self.reserve_halving(below, least_bytes, most_bytes, align_bytes)?
        };
        // SAFETY: the node was made just now.
        unsafe { self.mappings.push(node) };
        // SAFETY: it is in the list, under the list's `&mut`.
        let node = unsafe { &mut *node.as_ptr() };
        self.reserved_bytes = self.reserved_bytes.saturating_add(node.mapping().bytes);
        Ok(node)
    }

    /// The first time what was configured. Later as much as all before, unless addresses are short.
    fn wish_bytes(&self, config: &Config, page_bytes: usize) -> usize {
        let most_bytes = config.reservation_bytes.min(MAX_PAGES as usize * page_bytes);
        match self.reserved_bytes {
            0 => most_bytes,
            reserved_bytes if self.limited => most_bytes.min(reserved_bytes / 2),
            reserved_bytes => most_bytes.min(reserved_bytes),
        }
        .max(LEAST_RESERVATION_BYTES)
    }

    fn reserve_halving<S: Source>(
        &mut self,
        below: &Below<S>,
        least_bytes: usize,
        most_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<Node>, AllocError> {
        let mut bytes = most_bytes;
        loop {
            if let Ok(node) = self.reserve_once(below, bytes, align_bytes) {
                return Ok(node);
            }
            if bytes <= least_bytes {
                return Err(AllocError);
            }
            // The first refusal tells that addresses are limited. What is granted next may be all
            // there is, and others need some: so a quarter at first, then halves.
            bytes = if self.limited { bytes / 2 } else { bytes / 4 };
            self.limited = true;
            bytes = bytes.max(least_bytes);
        }
    }

    fn reserve_once<S: Source>(
        &mut self,
        below: &Below<S>,
        bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<Node>, AllocError> {
        let range = below.reserve(bytes, align_bytes)?;
        let terms = Terms {
            kind: MappingKind::Reserved,
            purge: below.source.can_decommit(),
            unreserve: true,
        };
        let all_committed = below.source.metadata_inside();
        // SAFETY: M1: the range was reserved just now for this node alone.
        let made = unsafe { Node::make(below, range, terms, all_committed) };
        if made.is_err() {
            // SAFETY: as above, and the node was not made. A refusal costs addresses only.
            let _ = unsafe { below.unreserve(range.base, range.bytes) };
        }
        made
    }

    /// The first mapping, made if there is none yet.
    pub fn first<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
    ) -> Result<Mapping, AllocError> {
        if let Some(node) = self.mappings.iter_mut().next() {
            return Ok(node.mapping());
        }
        let need = Need { pages: 1, align_bytes: 1 };
        self.reserve(below, config, need).map(|node| node.mapping())
    }
}

/// Uses the pages at `place`, which are committed.
fn take<S: Source>(node: &mut Node, place: Place, pages: u32, below: &Below<S>) -> Taken {
    let start = place.start;
    let unclear = node.runs.take(place, pages);
    taken(node, start, unclear, below)
}

fn taken<S: Source>(
    node: &Node,
    start: Page,
    unclear: core::ops::Range<Page>,
    below: &Below<S>,
) -> Taken {
    let page_bytes = below.source.page_bytes();
    Taken {
        base: node.pointer(start),
        unclear_start: (unclear.start - start) as usize * page_bytes,
        unclear_bytes: unclear.len() * page_bytes,
    }
}

const _: () = assert!(COMMON_ALIGN >= RESERVATION_ALIGN);
