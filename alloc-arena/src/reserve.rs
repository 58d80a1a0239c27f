//! How new mappings come: a very large one at first; smaller ones where addresses are limited.
//!
//! Above: [`State::acquire`], when no mapping has room. Below: the source.

use crate::below::Below;
use crate::config::{COMMON_ALIGN, Config, LEAST_RESERVATION_BYTES, RESERVATION_ALIGN};
use crate::mapping::{MappingKind, Node, Terms};
use crate::record::MAX_PAGES;
use crate::runs::Need;
use crate::source::{Contents, Reserved, Source};
use crate::state::State;
use alloc_core::AllocError;
use core::ptr::NonNull;

impl State {
    /// Takes a range from the source in which `need` fits: the last mapping.
    #[cold]
    pub fn reserve<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<(), AllocError> {
        let page_bytes = below.source.page_bytes();
        if need.align_bytes > COMMON_ALIGN && !below.source.metadata_inside() {
            return Err(AllocError); // such a run gets a mapping of its own, or none
        }
        let huge_bytes = below.source.huge_bytes();
        let align_bytes = need.align_bytes.max(RESERVATION_ALIGN).max(huge_bytes).max(page_bytes);
        let least_bytes = (need.pages as usize).checked_mul(page_bytes).ok_or(AllocError)?;
        let most_bytes = self.wish_bytes(config, page_bytes).max(least_bytes);
        let node = if below.source.metadata_inside() {
            reserve_once(below, most_bytes, page_bytes)?
        } else {
            self.reserve_halving(below, config, least_bytes, most_bytes, align_bytes)?
        };
        // SAFETY: the node was made just now.
        let mapping = unsafe { self.mappings.push(node, false) }.mapping();
        let start = mapping.base.as_ptr().addr();
        self.first.get_or_insert((start, start + mapping.bytes));
        self.reserved_bytes = self.reserved_bytes.saturating_add(mapping.bytes);
        Ok(())
    }

    /// The first time what was configured. Later as much as all before, unless addresses are short.
    fn wish_bytes(&self, config: &Config, page_bytes: usize) -> usize {
        let most_bytes = config.reservation_bytes.min(MAX_PAGES as usize * page_bytes);
        let wish_bytes = match self.reserved_bytes {
            0 => most_bytes,
            reserved_bytes if self.limited => most_bytes.min(reserved_bytes / 2),
            reserved_bytes => most_bytes.min(reserved_bytes),
        };
        wish_bytes.max(LEAST_RESERVATION_BYTES).next_multiple_of(page_bytes)
    }

    /// Asks for less and less until the system agrees. What it grants after a refusal may be all
    /// there is, and the rest of the program needs addresses too: so half of that is left alone.
    fn reserve_halving<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        least_bytes: usize,
        most_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<Node>, AllocError> {
        let page_bytes = below.source.page_bytes();
        let halve = |bytes: usize| (bytes / 2).next_multiple_of(page_bytes).max(least_bytes);
        let mut bytes = most_bytes;
        let mut refused = false;
        loop {
            let granted = match reserve_once(below, bytes, align_bytes) {
                Ok(node) if !refused || bytes == least_bytes => return Ok(node),
                Ok(node) => {
                    // SAFETY: the node was made just now, and nobody has it.
                    unsafe { Node::dispose(node, below) };
                    true
                }
                Err(AllocError) if bytes == least_bytes => return Err(AllocError),
                Err(AllocError) => false,
            };
            self.limited |= bytes <= config.reservation_bytes;
            refused = !granted;
            bytes = halve(bytes);
        }
    }
}

fn reserve_once<S: Source>(
    below: &Below<S>,
    bytes: usize,
    align_bytes: usize,
) -> Result<NonNull<Node>, AllocError> {
    let range = below.reserve(bytes, align_bytes)?;
    let terms = Terms {
        kind: MappingKind::Reserved,
        purge: below.source.can_decommit().then_some(Contents::Zero),
        unreserve: true,
    };
    let all_committed = below.source.metadata_inside();
    let made = make(below, range, terms, all_committed);
    if made.is_err() {
        // SAFETY: reserved above, and the node was not made. A refusal costs addresses only.
        let _ = unsafe { below.unreserve(range.base, range.bytes) };
    }
    made
}

fn make<S: Source>(
    below: &Below<S>,
    range: Reserved,
    terms: Terms,
    committed: bool,
) -> Result<NonNull<Node>, AllocError> {
    // SAFETY: M1: the caller reserved the range just now for this node alone.
    unsafe { Node::make(below, range, terms, committed) }
}
