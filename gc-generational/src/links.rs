//! The list of young objects that have destructors: a word before each leads to the next.
//!
//! Above: allocation; the end of a minor collection. Below: the words. Objects without destructors are on no list,
//! and cost nothing when they die.
//!
//! ```text
//!   [next link | 3][slot…]      no other word in the nursery ends in these two bits: headers end in 00 or 10,
//!                               counts in 01
//! ```

use alloc_core::gc::{Object, WORD_BYTES};
use core::ptr::{NonNull, null_mut};

/// What a word ends in that belongs to no object.
pub(crate) const NO_OBJECT: usize = 0b11;

/// A list, newest object first.
#[derive(Clone, Copy)]
pub(crate) struct Links {
    first: *mut usize,
}

impl Links {
    pub const fn new() -> Self {
        Self { first: null_mut() }
    }

    /// Puts the slot that begins at `slot` in front.
    ///
    /// # Safety
    ///
    /// The word before it is the caller's, and stays until the list is forgotten.
    #[inline]
    pub unsafe fn push(&mut self, slot: NonNull<u8>) {
        // SAFETY: the word lies before the slot (caller). The first link keeps its provenance in the word.
        unsafe {
            let link = slot.as_ptr().sub(WORD_BYTES).cast::<*mut usize>();
            link.write(self.first.map_addr(|address| address | NO_OBJECT));
            self.first = link.cast();
        }
    }

    /// Takes the first one off: its slot, which begins right behind its link.
    ///
    /// # Safety
    ///
    /// The words and slots of the list are there.
    pub unsafe fn pop(&mut self) -> Option<NonNull<u8>> {
        let link = NonNull::new(self.first)?;
        // SAFETY: `push` wrote the link, and the slot follows it.
        unsafe {
            let next = link.cast::<*mut usize>().read();
            self.first = next.map_addr(|address| address & !NO_OBJECT);
            Some(link.cast::<u8>().add(WORD_BYTES))
        }
    }

    /// Takes the first one off: its object.
    ///
    /// # Safety
    ///
    /// As for `pop`; and an object was made in each slot.
    pub unsafe fn pop_object(&mut self) -> Option<Object> {
        // SAFETY: the caller's.
        unsafe { self.pop().map(|slot| Object::in_slot(slot)) }
    }
}
