//! The queue of objects that are marked and not visited yet: grey, in the literature's word.
//!
//! Above: `tracer.rs`. Below: a layer, for batches. A stack of batches, so that it grows without moving.
//! If the layer refuses, the queue is *short*: whoever empties it looks for the missing ones in the heap.

use crate::cards::Partly;
use crate::heap::{APART, ObjectHeap};
use alloc_core::gc::Object;
use alloc_core::{Layer, Layout};
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};

/// Objects of a batch: it has 4 KiB.
const BATCH_OBJECTS: usize = 510;

/// Objects, and the batch below.
#[repr(C)]
struct Batch {
    below: Option<NonNull<Batch>>,
    /// How many there are; of the batch on top, `Queue::next` says it.
    len: usize,
    objects: [MaybeUninit<Object>; BATCH_OBJECTS],
}

const BATCH: Layout = Layout::new::<Batch>();
const _: () = assert!(BATCH.size() == 512 * size_of::<usize>());
#[cfg(target_pointer_width = "64")]
const _: () = assert!(BATCH.size() == APART.size() && BATCH.align() == APART.align());

impl Batch {
    /// The first object's place.
    fn first(batch: NonNull<Self>) -> *mut Object {
        // SAFETY: the field lies in the batch, which is its queue's.
        unsafe { (&raw mut (*batch.as_ptr()).objects).cast() }
    }
}

/// A stack of objects. It is not dropped: [`Queue::free`] gives its memory back.
///
/// A push and a pop are a test and a move of a pointer in the batch on top, which may be empty.
pub struct Queue {
    /// The place for the next object, the first and the end of those in the batch; all null without one.
    next: *mut Object,
    first: *mut Object,
    end: *mut Object,
    top: Option<NonNull<Batch>>,
    /// An empty batch, so that a push and a pop at the edge do not allocate.
    spare: Option<NonNull<Batch>>,
    /// A huge slice that is being visited.
    pub(crate) partly: Option<Partly>,
    /// Whether an object could not be put in.
    short: bool,
}

// SAFETY: a queue owns its batches; objects are addresses.
unsafe impl Send for Queue {}

impl Default for Queue {
    fn default() -> Self {
        Self {
            next: null_mut(),
            first: null_mut(),
            end: null_mut(),
            top: None,
            spare: None,
            partly: None,
            short: false,
        }
    }
}

impl Queue {
    /// Puts an object on top.
    #[inline(always)]
    pub fn push<A: Layer>(&mut self, object: Object, below: &A) {
        if self.next == self.end {
            return self.push_more(object, below);
        }
        // SAFETY: it is not the end, so it is a place in the batch on top.
        unsafe {
            self.next.write(object);
            self.next = self.next.add(1);
        }
    }

    /// The batch on top is full, or there is none.
    #[cold]
    #[inline(never)]
    fn push_more<A: Layer>(&mut self, object: Object, below: &A) {
        let fresh = || below.allocate(BATCH).ok().map(NonNull::cast::<Batch>);
        let Some(batch) = self.spare.take().or_else(fresh) else {
            self.short = true;
            return;
        };
        self.put_down();
        // SAFETY: the memory is a batch's, and the queue's alone.
        unsafe { (&raw mut (*batch.as_ptr()).below).write(self.top) };
        self.point(Some(batch), 0);
        self.push(object, below);
    }

    /// Has memory for one batch at least, if the heap kept some apart.
    pub fn provide<A: Layer>(&mut self, heap: &ObjectHeap<A>) {
        if self.top.is_none() && self.spare.is_none() && BATCH == APART {
            self.spare = heap.take_apart().map(NonNull::cast);
        }
    }

    /// Takes the object on top.
    #[inline(always)]
    pub fn pop<A: Layer>(&mut self, below: &A) -> Option<Object> {
        if self.next == self.first {
            return self.pop_more(below);
        }
        // SAFETY: it is not the first place, so an object was written before it.
        unsafe {
            self.next = self.next.sub(1);
            Some(self.next.read())
        }
    }

    /// The batch on top is empty, or there is none.
    #[cold]
    #[inline(never)]
    fn pop_more<A: Layer>(&mut self, below: &A) -> Option<Object> {
        let empty = self.top?;
        // SAFETY: the queue owns its batches; those below know their lengths (`put_down`).
        unsafe {
            let more = empty.as_ref().below?;
            self.point(Some(more), more.as_ref().len);
        }
        self.keep(empty, below);
        self.pop(below)
    }

    /// Notes in the batch on top how many objects it has.
    fn put_down(&mut self) {
        if let Some(top) = self.top {
            // SAFETY: both point into the batch on top, which the queue owns.
            unsafe {
                (*top.as_ptr()).len = self.next.offset_from(self.first).cast_unsigned();
            }
        }
    }

    /// Makes a batch with so many objects the one on top.
    fn point(&mut self, top: Option<NonNull<Batch>>, len: usize) {
        self.top = top;
        self.first = top.map_or(null_mut(), Batch::first);
        // SAFETY: places of the batch, and its end; or 0 behind null.
        unsafe {
            self.next = self.first.add(len);
            self.end = self.first.add(if top.is_some() { BATCH_OBJECTS } else { 0 });
        }
    }

    /// Keeps an empty batch for the next push that needs one.
    fn keep<A: Layer>(&mut self, empty: NonNull<Batch>, below: &A) {
        if let Some(old) = self.spare.replace(empty) {
            // SAFETY: the batch came from this layer with this layout, and is empty.
            unsafe { below.deallocate(old.cast(), BATCH) };
        }
    }

    /// Whether nothing is in it. What it could not take does not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // SAFETY: the queue owns its batches. None below the one on top is empty.
        let has_more = self.top.is_some_and(|top| unsafe { top.as_ref() }.below.is_some());
        self.next == self.first && !has_more && self.partly.is_none()
    }

    /// Whether an object could not be put in since this was asked last.
    pub fn was_short(&mut self) -> bool {
        core::mem::take(&mut self.short)
    }

    /// Gives the memory back. What is in the queue is forgotten.
    pub fn free<A: Layer>(&mut self, below: &A) {
        let old = core::mem::take(self);
        let mut next = old.top;
        if let Some(spare) = old.spare {
            self.keep(spare, below);
        }
        while let Some(batch) = next {
            // SAFETY: the queue owned its batches.
            next = unsafe { batch.as_ref() }.below;
            self.keep(batch, below);
        }
        if let Some(last) = self.spare.take() {
            // SAFETY: as in `keep`.
            unsafe { below.deallocate(last.cast(), BATCH) };
        }
    }

    /// Puts all batches of another queue under this one's.
    #[cfg(feature = "std")]
    pub fn take_all<A: Layer>(&mut self, other: &mut Self, below: &A) {
        let mut other = core::mem::take(other);
        match (&self.partly, other.partly) {
            (None, partly) => self.partly = partly,
            (Some(_), None) => {}
            // From its first card again, which is claimed; or visited twice, which does no harm.
            (Some(_), Some(partly)) => self.push(partly.cards.object(), below),
        }
        self.short |= other.short;
        if let Some(spare) = other.spare.take() {
            self.keep(spare, below);
        }
        if other.next == other.first
            && let Some(empty) = other.top
        {
            // SAFETY: the queues own their batches; those below know their lengths.
            let more = unsafe { empty.as_ref() }.below;
            // SAFETY: the same.
            other.point(more, more.map_or(0, |more| unsafe { more.as_ref() }.len));
            self.keep(empty, below);
        }
        other.put_down();
        self.put_under(&other);
    }

    /// Puts another queue's batches, whose lengths are noted and of which none is empty, under this one's.
    #[cfg(feature = "std")]
    fn put_under(&mut self, other: &Self) {
        let Some(mut last) = self.top else {
            (self.top, self.next, self.first, self.end) =
                (other.top, other.next, other.first, other.end);
            return;
        };
        // SAFETY: the queue owns its batches.
        unsafe {
            while let Some(next) = last.as_ref().below {
                last = next;
            }
            last.as_mut().below = other.top;
        }
    }

    /// Takes a part out, for another thread: the second batch, or the older half of the only one. `None`:
    /// there is too little to share, or no memory for a batch.
    #[cfg(feature = "std")]
    pub fn split<A: Layer>(&mut self, below: &A) -> Option<Self> {
        let mut top = self.top?;
        let mut share = Self::default();
        // SAFETY: the queue owns its batches; those below know their lengths.
        unsafe {
            if let Some(mut second) = top.as_ref().below {
                top.as_mut().below = second.as_mut().below.take();
                share.point(Some(second), second.as_ref().len);
                return Some(share);
            }
        }
        // SAFETY: both point into the batch on top.
        let len = unsafe { self.next.offset_from(self.first) }.cast_unsigned();
        let half = len / 2;
        if half == 0 {
            return None;
        }
        let batch = self.spare.take().or_else(|| below.allocate(BATCH).ok().map(NonNull::cast))?;
        // SAFETY: the memory is a batch's, and the share's alone; the older half is copied there, and the
        // younger one moves down.
        unsafe {
            (&raw mut (*batch.as_ptr()).below).write(None);
            share.point(Some(batch), half);
            self.first.copy_to_nonoverlapping(share.first, half);
            self.first.add(half).copy_to(self.first, len - half);
            self.next = self.next.sub(half);
        }
        Some(share)
    }
}

impl core::fmt::Debug for Queue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use alloc_core::api2::alloc::Global;

    #[test]
    fn what_is_split_off_is_not_lost() {
        let words = vec![0_u64; 2000];
        // SAFETY: nobody follows these.
        let object = |word: &u64| unsafe { Object::from_header(NonNull::from(word).cast()) };
        for count in [0, 1, 2, 3, 509, 510, 511, 1021, 2000] {
            let mut queue = Queue::default();
            words[..count].iter().for_each(|word| queue.push(object(word), &Global));
            let mut seen = Vec::new();
            let mut parts = vec![queue];
            while let Some(mut queue) = parts.pop() {
                parts.extend(queue.split(&Global));
                seen.extend(queue.pop(&Global).map(Object::address));
                if queue.is_empty() {
                    queue.free(&Global);
                } else {
                    parts.push(queue);
                }
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(words[..count].iter().map(|word| object(word).address())));
        }
    }
}
