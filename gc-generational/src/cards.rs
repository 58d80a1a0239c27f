//! Huge slices are remembered card by card, so that a write to one element does not have a minor collection look
//! at all of them.
//!
//! Above: the barrier, the mover. Below: words behind the slice, in its own slot.
//!
//! ```text
//!   [header][elements…][any][a bit for each card…]
//! ```

use alloc_core::gc::{Collector, Object, Shape, WORD_BYTES};
use core::alloc::Layout;
use core::ops::Range;

/// Objects that are smaller are remembered as a whole.
const CARDED_BYTES: usize = 64 << 10;
/// Elements of a card: what is looked at for one write. The marker's cards are longer, so what it has claimed for a
/// write is never less.
const CARD_ELEMENTS: usize = 64;
const WORD_BITS: usize = usize::BITS as usize;

/// Words behind an object of this size: whether there is any card, and which. An element that can hold a pointer has a
/// word at least.
const fn words(size: usize) -> usize {
    1 + size.div_ceil(WORD_BYTES * CARD_ELEMENTS * WORD_BITS)
}

/// The layout of a tenured object's slot: with cards behind it, if it is that large.
pub(crate) fn with_cards(shape: Shape) -> Layout {
    if !has_cards(shape) {
        return shape.layout;
    }
    let (size, align) = (shape.layout.size(), shape.layout.align());
    // Where there is no room for cards in the address space, there is none for the object.
    let all = size
        .checked_next_multiple_of(WORD_BYTES)
        .and_then(|s| s.checked_add(words(size) * WORD_BYTES));
    all.and_then(|all| Layout::from_size_align(all, align).ok()).unwrap_or(shape.layout)
}

pub(crate) const fn has_cards(shape: Shape) -> bool {
    shape.needs_trace && shape.layout.size() >= CARDED_BYTES
}

/// The cards of a tenured slice.
pub(crate) struct Cards {
    words: *mut usize,
    elements: usize,
}

impl Cards {
    /// The cards of an object, if it is a slice that has some.
    ///
    /// # Safety
    ///
    /// It is a tenured object of the collector `C`, and alive; its slot has the layout of [`with_cards`].
    pub unsafe fn of<C: Collector>(object: Object) -> Option<Self> {
        // SAFETY: the caller's.
        unsafe {
            let info = object.info::<C>();
            info.relocate_part?;
            let elements = object.elements::<C>()?;
            let shape = object.shape::<C>();
            if !has_cards(shape) {
                return None;
            }
            let start = object.header().as_ptr().sub(shape.header_offset);
            let words = start.add(shape.layout.size().next_multiple_of(WORD_BYTES)).cast();
            Some(Self { words, elements })
        }
    }

    /// Clears the words behind a slot that was just allocated for this shape at `start`.
    ///
    /// # Safety
    ///
    /// The slot is the caller's, and has the layout of [`with_cards`].
    pub unsafe fn clear_new(start: *mut u8, shape: Shape) {
        if has_cards(shape) {
            // SAFETY: the words lie in the slot.
            unsafe {
                start
                    .add(shape.layout.size().next_multiple_of(WORD_BYTES))
                    .write_bytes(0, words(shape.layout.size()) * WORD_BYTES)
            };
        }
    }

    /// Notes the cards of these elements. `true`: there was none before.
    pub fn note(&self, elements: &Range<usize>) -> bool {
        if elements.is_empty() {
            return false;
        }
        for card in elements.start / CARD_ELEMENTS..=(elements.end - 1) / CARD_ELEMENTS {
            // SAFETY: the words are there (`of`), enough for all elements.
            unsafe { *self.words.add(1 + card / WORD_BITS) |= 1 << (card % WORD_BITS) };
        }
        // SAFETY: the same.
        unsafe { self.words.replace(1) == 0 }
    }

    /// Whether a card is noted.
    pub fn any(&self) -> bool {
        // SAFETY: as in `note`.
        unsafe { self.words.read() != 0 }
    }

    /// Calls `visit` with the elements of each card that was noted, which is forgotten unless `visit` says that
    /// it is to be kept. Returns whether one was.
    pub fn take(&self, mut visit: impl FnMut(Range<usize>) -> bool) -> bool {
        let mut keeps = false;
        for word in 0..self.elements.div_ceil(CARD_ELEMENTS * WORD_BITS) {
            // SAFETY: as in `note`.
            let place = unsafe { &mut *self.words.add(1 + word) };
            let mut bits = core::mem::take(place);
            while bits != 0 {
                let start = (word * WORD_BITS + bits.trailing_zeros() as usize) * CARD_ELEMENTS;
                if visit(start..(start + CARD_ELEMENTS).min(self.elements)) {
                    *place |= bits & bits.wrapping_neg();
                    keeps = true;
                }
                bits &= bits - 1;
            }
        }
        // SAFETY: as in `note`.
        unsafe { self.words.write(keeps.into()) };
        keeps
    }
}
