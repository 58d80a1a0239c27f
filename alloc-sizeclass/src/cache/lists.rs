//! A thread's free lists: one per class, laid out for the hit.
//!
//! Above: hits pop and push (`mod.rs`); misses borrow one [`List`] at a time (`miss.rs`). Below:
//! free slots. Nothing here is shared: who may touch the lists, and when, is the protocol's
//! business (`mod.rs`). Not here: how a list fills, empties, grows and shrinks (`list.rs`).
//!
//! A hit touches two words of its class: the first slot, and the room for more. Each kind stands in
//! a row of its own, so that a class's index is all the address arithmetic there is, and the rows
//! of all classes together take a few cache lines.

use super::list::{List, Rest};
use crate::heap::Slot;
use crate::table::{Class, MAX_CLASSES};
use alloc_core::sync::{UnsafeCell, note_plain};
use core::fmt;
use core::ptr::{NonNull, null_mut};

/// The free lists of one thread for one cache, by class. Index 0 is no class: its list never has a
/// slot, nor room for one.
#[repr(C)]
pub struct Lists {
    heads: [UnsafeCell<*mut Slot>; MAX_CLASSES],
    rooms: [UnsafeCell<u32>; MAX_CLASSES],
    rests: [UnsafeCell<Rest>; MAX_CLASSES],
}

// SAFETY: the pointers are to free slots that the lists own; the protocol in `mod.rs` gives the
// lists to one thread at a time.
unsafe impl Send for Lists {}
// SAFETY: as above: a shared reference alone gives no access (`UnsafeCell`).
unsafe impl Sync for Lists {}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

/// What every thread's state leads to before its first miss: no slot to pop, no room to push. It is
/// read by everyone and never written.
#[cfg(not(all(loom, feature = "loom")))]
#[doc(hidden)]
pub static EMPTY: Lists = Lists::new();

impl Lists {
    #[cfg(not(all(loom, feature = "loom")))]
    pub(super) const fn new() -> Self {
        Self {
            heads: [const { UnsafeCell::new(null_mut()) }; MAX_CLASSES],
            rooms: [const { UnsafeCell::new(0) }; MAX_CLASSES],
            rests: [const { UnsafeCell::new(Rest::new()) }; MAX_CLASSES],
        }
    }

    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn new() -> Self {
        Self {
            heads: core::array::from_fn(|_| UnsafeCell::new(null_mut())),
            rooms: core::array::from_fn(|_| UnsafeCell::new(0)),
            rests: core::array::from_fn(|_| UnsafeCell::new(Rest::new())),
        }
    }

    /// A hit: takes the slot in front. Writes nothing if there is none.
    ///
    /// # Safety
    ///
    /// The caller owns the lists at this moment, by the rules in `mod.rs`, or they are EMPTY ones.
    #[inline(always)]
    pub(super) unsafe fn pop(&self, class: Class) -> Option<NonNull<u8>> {
        let index = class.index();
        // SAFETY: a class's index is below `MAX_CLASSES`. Reading is what the caller's promise
        // allows in both cases; the rest happens to a list with a slot, which is no EMPTY one.
        // Slots on a list are free and linked, by `push` or by the batch that they came in.
        unsafe {
            self.heads.get_unchecked(index).with_mut(|head| {
                let slot = NonNull::new(*head)?;
                note_plain(slot.as_ptr(), false);
                *head = (*slot.as_ptr()).next;
                self.rooms.get_unchecked(index).with_mut(|room| *room += 1);
                Some(slot.cast())
            })
        }
    }

    /// A hit: puts `slot` in front, if there is room. Writes nothing if there is none. At index 0
    /// there is never room.
    ///
    /// # Safety
    ///
    /// As for `pop`; `index` is 0 or a class's. In that case `slot` is a slot of that class, and
    /// the caller gives it away if this returns `true`.
    #[inline(always)]
    pub(super) unsafe fn push(&self, index: usize, slot: *mut u8) -> bool {
        // SAFETY: as in `pop`: a list with room is no EMPTY one, and has a class. The slot is ours
        // from here on, and has space for a link (`heap/slot.rs`).
        unsafe {
            let has_room = self.rooms.get_unchecked(index).with_mut(|room| {
                // Rooms are far below 2^31: one subtraction is also the test.
                let left = (*room).wrapping_sub(1);
                if left.cast_signed() < 0 {
                    return false;
                }
                *room = left;
                true
            });
            if has_room {
                self.heads.get_unchecked(index).with_mut(|head| {
                    let slot = slot.cast::<Slot>();
                    note_plain(slot, true);
                    (*slot).next = *head;
                    *head = slot;
                });
            }
            has_room
        }
    }

    /// Runs `act` on the list of a class.
    ///
    /// # Safety
    ///
    /// The caller owns these lists at this moment, by the rules in `mod.rs`.
    #[inline]
    pub(super) unsafe fn with<R>(&self, class: Class, act: impl FnOnce(&mut List<'_>) -> R) -> R {
        let index = class.index();
        self.heads[index].with_mut(|head| {
            self.rooms[index].with_mut(|room| {
                self.rests[index].with_mut(|rest| {
                    // SAFETY: the caller's promise: nobody else is in these cells.
                    let (head, room, rest) = unsafe { (&mut *head, &mut *room, &mut *rest) };
                    act(&mut List { head, room, rest })
                })
            })
        })
    }
}
