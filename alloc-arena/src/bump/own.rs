//! Objects of a [`Bump`] that are chunks of their own, freed and grown by the layer below.
//!
//! The head stands right in front of the object, so that it is found from the object's address:
//!
//! ```text
//!   base ─▶ | gap, if the object's alignment is larger than the head | head | object |
//! ```

use super::Bump;
use alloc_core::{AllocError, Broken, Layer, Layout};
use core::ptr::{self, NonNull};

/// The head of such a chunk. The list goes both ways, so that an object can leave it at once.
#[derive(Debug)]
pub struct Own {
    previous: Option<NonNull<Own>>,
    next: Option<NonNull<Own>>,
    /// What the object was asked for.
    layout: Layout,
}

/// What such a chunk is asked for from the layer below, and where the object begins in it.
fn whole(layout: Layout) -> Result<(Layout, usize), AllocError> {
    let (whole, offset) = Layout::new::<Own>().extend(layout).map_err(|_| AllocError)?;
    Ok((whole, offset))
}

/// The head of the object at `ptr`: by a pointer to the whole chunk, which was exposed when the object was put into the
/// list (a user's may be to the object alone).
///
/// # Safety
///
/// `ptr` is a live object from `take_own` or `grow_own`.
unsafe fn head_of(ptr: NonNull<u8>) -> NonNull<Own> {
    // SAFETY: `whole` leaves room for a head in front of every object, so that this is not null; an object is aligned
    // to a head at least, as `whole` puts it at an offset that is a multiple of both alignments.
    unsafe { NonNull::new_unchecked(ptr::with_exposed_provenance_mut(head_address(ptr))) }
}

/// Where the chunk of the object at `ptr` begins.
///
/// # Safety
///
/// As for [`head_of`]; `offset` is where the object begins in it.
unsafe fn base_of(ptr: NonNull<u8>, offset: usize) -> NonNull<u8> {
    // SAFETY: the head lies behind the chunk's base (`whole`).
    unsafe { head_of(ptr).cast::<u8>().sub(offset - size_of::<Own>()) }
}

fn head_address(ptr: NonNull<u8>) -> usize {
    ptr.as_ptr().addr() - size_of::<Own>()
}

impl<A: Layer> Bump<A> {
    pub(super) fn take_own(&self, layout: Layout, zeroed: bool) -> Result<NonNull<u8>, AllocError> {
        let layout = own_layout(layout)?;
        let (whole, offset) = whole(layout)?;
        let take = || {
            self.count_in(whole)?;
            let chunk =
                if zeroed { self.below.allocate_zeroed(whole) } else { self.below.allocate(whole) };
            chunk.inspect_err(|_| self.count_out(whole))
        };
        // What waits is given up before anything is refused.
        let chunk =
            take().or_else(|error| if self.free_spare() == 0 { Err(error) } else { take() })?;
        // SAFETY: the object lies behind `offset` in the chunk.
        let ptr = unsafe { chunk.cast::<u8>().add(offset) };
        self.link(ptr, layout);
        Ok(ptr)
    }

    /// Puts the object at `ptr` in front of the list.
    fn link(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: `ptr` is an object with room for its head in front of it (`take_own`, `grow_own`).
        let place = unsafe { ptr.sub(size_of::<Own>()) }.cast::<Own>();
        place.as_ptr().expose_provenance();
        let next = self.own.get();
        // SAFETY: as above.
        unsafe { place.write(Own { previous: None, next, layout }) };
        if let Some(mut next) = next {
            // SAFETY: heads in the list are initialised, and nothing borrows them now.
            unsafe { next.as_mut() }.previous = Some(place);
        }
        self.own.set(Some(place));
    }

    /// Takes the object at `ptr` out of the list. Returns its layout.
    ///
    /// # Safety
    ///
    /// It is in the list.
    unsafe fn unlink(&self, ptr: NonNull<u8>) -> Layout {
        // SAFETY: in the list (caller), so its head is initialised.
        let Own { previous, next, layout } = unsafe { head_of(ptr).read() };
        match previous {
            // SAFETY: neighbours in the list are initialised, and nothing borrows them now.
            Some(mut previous) => unsafe { previous.as_mut() }.next = next,
            None => self.own.set(next),
        }
        if let Some(mut next) = next {
            // SAFETY: as above.
            unsafe { next.as_mut() }.previous = previous;
        }
        layout
    }

    /// Frees the object at `ptr`.
    ///
    /// # Safety
    ///
    /// It came from `take_own` or `grow_own`, and is not used any more.
    pub(super) unsafe fn give_own(&self, ptr: NonNull<u8>) {
        // SAFETY: live objects are in the list.
        let layout = unsafe { self.unlink(ptr) };
        if let Ok((whole, offset)) = whole(layout) {
            // SAFETY: the chunk of this object, allocated with this layout (`take_own`); its user is
            // done with it (caller).
            unsafe { self.below.deallocate(base_of(ptr, offset), whole) };
            self.count_out(whole);
        }
    }

    /// Makes the object at `ptr` longer; it may move. `None` if its alignment would have to change,
    /// or the layer below has no room; the object is as it was then.
    ///
    /// # Safety
    ///
    /// It came from `take_own` or `grow_own`; its user asks for this.
    pub(super) unsafe fn grow_own(
        &self,
        ptr: NonNull<u8>,
        new: Layout,
        zeroed: bool,
    ) -> Option<NonNull<u8>> {
        let new = own_layout(new).ok()?;
        // SAFETY: a live object's head is initialised.
        let old = unsafe { head_of(ptr).as_ref() }.layout;
        if old.align() != new.align() || new.size() < old.size() {
            return None;
        }
        let ((old_whole, offset), (new_whole, _)) = (whole(old).ok()?, whole(new).ok()?);
        self.count_out(old_whole);
        if self.count_in(new_whole).is_err() {
            self.count_again(old_whole);
            return None;
        }
        // SAFETY: live objects are in the list; it leaves before its chunk can move.
        unsafe { self.unlink(ptr) };
        // SAFETY: `offset` leads to the chunk's base (`take_own`).
        let base = unsafe { base_of(ptr, offset) };
        // SAFETY: the chunk was allocated with `old_whole`, and the new layout is not smaller.
        let grown = unsafe {
            if zeroed {
                self.below.grow_zeroed(base, old_whole, new_whole)
            } else {
                self.below.grow(base, old_whole, new_whole)
            }
        };
        match grown {
            Ok(chunk) => {
                // SAFETY: same offset, as the alignments are the same.
                let moved = unsafe { chunk.cast::<u8>().add(offset) };
                if zeroed {
                    self.zero_what_came_before(chunk.cast(), old_whole, new_whole);
                }
                self.link(moved, new);
                Some(moved)
            }
            Err(_) => {
                self.count_out(new_whole);
                self.count_again(old_whole);
                // SAFETY: it is where it was.
                self.link(unsafe { base.add(offset) }, old);
                None
            }
        }
    }

    /// A layer that gave more than it was asked for keeps all of that as it was when it grows it. Nobody has seen the
    /// bytes behind the old object, and they are to be zero.
    fn zero_what_came_before(&self, base: NonNull<u8>, old_whole: Layout, new_whole: Layout) {
        let kept_bytes = self.below.usable_size(old_whole).min(new_whole.size());
        // SAFETY: `base` is that long: it was grown to `new_whole`; and it was longer than `old_whole` before.
        unsafe { base.add(old_whole.size()).write_bytes(0, kept_bytes - old_whole.size()) };
    }

    /// All such objects, youngest first: where they are and how long.
    pub(super) fn own_objects(&self) -> impl Iterator<Item = (NonNull<u8>, usize)> {
        // SAFETY: heads in the list are initialised, and nothing leaves it in the midst of such a walk.
        let heads = core::iter::successors(self.own.get(), |head| unsafe { head.as_ref() }.next);
        // SAFETY: as above; the object stands right behind its head.
        heads.map(|head| unsafe { (head.add(1).cast(), head.as_ref().layout.size()) })
    }

    pub(super) fn own_bytes(&self) -> usize {
        self.own_objects().map(|(_, bytes)| bytes).sum()
    }

    /// What the layer below has given for them.
    pub(super) fn own_whole_bytes(&self) -> usize {
        self.own_objects()
            // SAFETY: they are objects, so they have a head, which is initialised.
            .filter_map(|(ptr, _)| whole(unsafe { head_of(ptr).as_ref() }.layout).ok())
            .map(|(whole, _)| self.below.usable_size(whole))
            .sum()
    }

    pub(super) fn owns_own(&self, address: usize) -> bool {
        self.own_objects().any(|(ptr, bytes)| address.wrapping_sub(ptr.as_ptr().addr()) < bytes)
    }

    /// Frees those that are younger than `to`; all of them, if that is `None`.
    ///
    /// # Safety
    ///
    /// Nobody uses these any more; `to` is in the list.
    pub(super) unsafe fn free_own(&self, to: Option<NonNull<Own>>) {
        while self.own.get() != to {
            let Some(head) = self.own.get() else { break };
            // SAFETY: the object stands right behind its head, and nobody uses it (caller).
            unsafe { self.give_own(head.add(1).cast()) };
        }
    }

    pub(super) fn verify_own(&self) -> Result<(), Broken> {
        let mut before = None;
        let mut next = self.own.get();
        while let Some(place) = next {
            // SAFETY: as for `own_objects`.
            let head = unsafe { place.as_ref() };
            let address = place.as_ptr().addr();
            Broken::unless(head.previous == before, "Bump", "the list goes both ways", address)?;
            (before, next) = (next, head.next);
        }
        Ok(())
    }
}

/// The layout with which an object is kept: aligned to its head at least.
fn own_layout(layout: Layout) -> Result<Layout, AllocError> {
    layout.align_to(align_of::<Own>()).map_err(|_| AllocError)
}
