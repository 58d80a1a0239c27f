//! A batch on its way back, sorted by spans before the class's lock is taken.
//!
//! Above: a flush (`batches.rs`). Below: chains. The slots of a batch lie in few spans, for they
//! were handed out together; to look each one up and to link it to its neighbours is the bulk of a
//! flush, and needs no lock: whoever owns a slot finds its span (`index.rs`, R2).

use super::chain::Chain;
use super::span::Span;
use core::ptr::NonNull;

/// Spans that are told apart in one go. A batch of more spans goes back in several goes.
const MAX_SPANS: usize = 16;

/// Chains by the span that their slots are of.
pub(super) struct Sorted {
    chains: [(*mut Span, Chain); MAX_SPANS],
    len: usize,
}

impl Sorted {
    pub const fn new() -> Self {
        Self { chains: [(core::ptr::null_mut(), Chain::EMPTY); MAX_SPANS], len: 0 }
    }

    /// Adds a slot of `span`; `false` if there are chains of too many other spans.
    ///
    /// # Safety
    ///
    /// The slot is of that span, handed out, and the caller gives it away if this is `true`.
    pub unsafe fn add(&mut self, span: NonNull<Span>, slot: NonNull<u8>) -> bool {
        // The latest first: neighbours in a batch are often of one span.
        let known = self.chains[..self.len].iter().rposition(|(other, _)| *other == span.as_ptr());
        let place = match known {
            Some(place) => place,
            None if self.len == MAX_SPANS => return false,
            None => {
                self.chains[self.len] = (span.as_ptr(), Chain::EMPTY);
                self.len += 1;
                self.len - 1
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.chains[place].1.push(slot) };
        true
    }

    /// Takes a chain and its span.
    pub fn pop(&mut self) -> Option<(NonNull<Span>, Chain)> {
        self.len = self.len.checked_sub(1)?;
        let (span, chain) = self.chains[self.len];
        Some((NonNull::new(span)?, chain))
    }
}
