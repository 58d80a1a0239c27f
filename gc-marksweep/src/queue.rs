//! The queue of objects that are marked and not visited yet: grey, in the literature's word.
//!
//! Above: `tracer.rs`. Below: a layer, for batches. A stack of batches, so that it grows without moving.
//! If the layer refuses, the queue is *short*: whoever empties it looks for the missing ones in the heap.

use crate::cards::Partly;
use alloc_core::gc::Object;
use alloc_core::{Layer, Layout};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Objects of a batch: it has 4 KiB.
const BATCH_OBJECTS: usize = 510;

/// Objects, and the batch below.
#[repr(C)]
pub(crate) struct Batch {
    below: Option<NonNull<Batch>>,
    len: usize,
    objects: [MaybeUninit<Object>; BATCH_OBJECTS],
}

const BATCH: Layout = Layout::new::<Batch>();
const _: () = assert!(BATCH.size() == 512 * size_of::<usize>());

/// A stack of objects. It is not dropped: [`Queue::free`] gives its memory back.
#[derive(Default)]
pub(crate) struct Queue {
    top: Option<NonNull<Batch>>,
    /// An empty batch, so that a push and a pop at the edge do not allocate.
    spare: Option<NonNull<Batch>>,
    /// A huge slice that is being visited.
    pub partly: Option<Partly>,
    /// Whether an object could not be put in.
    short: bool,
}

// SAFETY: a queue owns its batches; objects are addresses.
unsafe impl Send for Queue {}

impl Queue {
    /// Puts an object on top.
    #[inline(always)]
    pub fn push<A: Layer>(&mut self, object: Object, below: &A) {
        if let Some(mut top) = self.top {
            // SAFETY: the queue owns its batches.
            let top = unsafe { top.as_mut() };
            if let Some(place) = top.objects.get_mut(top.len) {
                place.write(object);
                top.len += 1;
                return;
            }
        }
        self.push_more(object, below);
    }

    #[cold]
    #[inline(never)]
    fn push_more<A: Layer>(&mut self, object: Object, below: &A) {
        let fresh = || below.allocate(BATCH).ok().map(NonNull::cast::<Batch>);
        let Some(batch) = self.spare.take().or_else(fresh) else {
            self.short = true;
            return;
        };
        // SAFETY: the memory is a batch's, and the queue's alone.
        unsafe {
            (&raw mut (*batch.as_ptr()).below).write(self.top);
            (&raw mut (*batch.as_ptr()).len).write(1);
            (&raw mut (*batch.as_ptr()).objects).cast::<Object>().write(object);
        }
        self.top = Some(batch);
    }

    /// Takes the object on top.
    #[inline(always)]
    pub fn pop<A: Layer>(&mut self, below: &A) -> Option<Object> {
        // SAFETY: the queue owns its batches.
        let top = unsafe { self.top?.as_mut() };
        // A batch that is in use is not empty.
        top.len -= 1;
        // SAFETY: as many were written as `len` said.
        let object = unsafe { top.objects.get_unchecked(top.len).assume_init() };
        if top.len == 0 {
            self.pop_batch(below);
        }
        Some(object)
    }

    #[cold]
    #[inline(never)]
    fn pop_batch<A: Layer>(&mut self, below: &A) {
        let Some(empty) = self.top else { return };
        // SAFETY: the queue owns its batches.
        self.top = unsafe { empty.as_ref() }.below;
        if let Some(old) = self.spare.replace(empty) {
            // SAFETY: the batch came from this layer with this layout, and is empty.
            unsafe { below.deallocate(old.cast(), BATCH) };
        }
    }

    /// Whether nothing is in it. What it could not take does not count.
    pub fn is_empty(&self) -> bool {
        self.top.is_none() && self.partly.is_none()
    }

    /// Whether an object could not be put in since this was asked last.
    pub fn was_short(&mut self) -> bool {
        core::mem::take(&mut self.short)
    }

    /// Gives the memory back. What is in the queue is forgotten.
    pub fn free<A: Layer>(&mut self, below: &A) {
        self.partly = None;
        while let Some(batch) = self.top.or_else(|| self.spare.take()) {
            // SAFETY: the queue owns its batches, which came from this layer with this layout.
            unsafe {
                self.top = if self.top.is_some() { batch.as_ref().below } else { None };
                below.deallocate(batch.cast(), BATCH);
            }
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
        let spare = other.spare.take();
        self.short |= other.short;
        match (self.top, other.top) {
            (None, top) => self.top = top,
            (Some(_), None) => {}
            (Some(top), Some(more)) => {
                let mut last = top;
                // SAFETY: the queues own their batches.
                unsafe {
                    while let Some(next) = last.as_ref().below {
                        last = next;
                    }
                    last.as_mut().below = Some(more);
                }
            }
        }
        if let Some(spare) = spare {
            match self.spare {
                None => self.spare = Some(spare),
                // SAFETY: the batch came from this layer with this layout, and is empty.
                Some(_) => unsafe { below.deallocate(spare.cast(), BATCH) },
            }
        }
    }

    /// Takes a part out, for another thread: the second batch, or the older half of the only one. `None`:
    /// there is too little to share, or no memory for a batch.
    #[cfg(feature = "std")]
    pub fn split<A: Layer>(&mut self, below: &A) -> Option<Self> {
        // SAFETY: the queue owns its batches.
        let top = unsafe { self.top?.as_mut() };
        if let Some(mut second) = top.below {
            // SAFETY: as above.
            top.below = unsafe { second.as_mut() }.below.take();
            return Some(Self { top: Some(second), ..Self::default() });
        }
        let half = top.len / 2;
        if half == 0 {
            return None;
        }
        let batch = self.spare.take().or_else(|| below.allocate(BATCH).ok().map(NonNull::cast))?;
        // SAFETY: the memory is a batch's, and the queue's alone; the older half is copied there, and the
        // younger one moves down.
        unsafe {
            let to: *mut Batch = batch.as_ptr();
            (&raw mut (*to).below).write(None);
            (&raw mut (*to).len).write(half);
            let objects = top.objects.as_mut_ptr();
            objects.copy_to_nonoverlapping((&raw mut (*to).objects).cast(), half);
            objects.add(half).copy_to(objects, top.len - half);
        }
        top.len -= half;
        Some(Self { top: Some(batch), ..Self::default() })
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
