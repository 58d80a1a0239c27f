//! The chunks of a [`Bump`] that wait to be used again, and what it holds of the layer below in all.
//!
//! Above: `chunk.rs`, which takes them before it asks for new ones. Below: the layer that gives them.

use super::Bump;
use super::chunk::{Chunk, walk};
use alloc_core::{AllocError, Broken, Layer, Layout};
use core::ptr::NonNull;

impl<A: Layer> Bump<A> {
    /// Puts a chunk that is in no list, and empty, in front of those that wait.
    pub(super) fn put_spare(&self, mut chunk: NonNull<Chunk>) {
        // SAFETY: its head is initialised, and nothing borrows it.
        unsafe { chunk.as_mut() }.previous = self.spare.get();
        self.spare.set(Some(chunk));
    }

    /// Takes the first one out in which `layout` fits. Nearly always that is the first: only odd layouts walk on.
    pub(super) fn take_spare(&self, layout: Layout) -> Option<NonNull<Chunk>> {
        let mut before: Option<NonNull<Chunk>> = None;
        let mut next = self.spare.get();
        while let Some(chunk) = next {
            // SAFETY: it is in the list; the borrow ends before anything changes.
            let (previous, fits) =
                unsafe { (chunk.as_ref().previous, chunk.as_ref().fits(layout)) };
            if fits {
                match before {
                    // SAFETY: as above: it is in the list, and nothing borrows it.
                    Some(mut before) => unsafe { before.as_mut() }.previous = previous,
                    None => self.spare.set(previous),
                }
                return Some(chunk);
            }
            (before, next) = (next, previous);
        }
        None
    }

    /// Gives all of them back. Returns their bytes.
    pub(super) fn free_spare(&self) -> usize {
        let mut freed_bytes = 0;
        while let Some(chunk) = self.spare.get() {
            // SAFETY: it is in the list; the borrow ends with this line.
            self.spare.set(unsafe { chunk.as_ref() }.previous);
            // SAFETY: it is in no list any more, and was empty when it came into this one (`put_spare`).
            freed_bytes += unsafe { self.give_chunk_back(chunk) };
        }
        freed_bytes
    }

    /// Gives the youngest chunks back so long as they hold nothing, and those that wait. Returns their bytes.
    ///
    /// No checkpoint knows of them: see [`Lifo::rollback`](crate::Lifo::rollback).
    pub(super) fn free_unused(&self) -> usize {
        while let Some(chunk) = self.youngest_is_empty() {
            // SAFETY: it is a chunk in use, so its head is initialised; the borrow ends with this line.
            let previous = unsafe { chunk.as_ref() }.previous;
            self.retreat(previous);
        }
        self.free_spare()
    }

    /// How many chunks there are, those that wait among them, and their bytes.
    pub(super) fn count_chunks(&self) -> (usize, usize) {
        let chunks = self.chunks().chain(walk(self.spare.get()));
        chunks.fold((0, 0), |(count, bytes), chunk| {
            // SAFETY: they are in lists, so their heads are initialised.
            (count + 1, bytes + unsafe { chunk.as_ref() }.bytes())
        })
    }

    /// How much more the limit allows.
    pub(super) fn allowed_bytes(&self) -> usize {
        self.limit_bytes.saturating_sub(self.taken_bytes.get())
    }

    /// Adds what is about to be asked of the layer below to what it has given, if the limit allows it.
    pub(super) fn count_in(&self, layout: Layout) -> Result<(), AllocError> {
        let bytes = self.below.usable_size(layout);
        if bytes > self.allowed_bytes() {
            return Err(AllocError);
        }
        self.taken_bytes.set(self.taken_bytes.get() + bytes);
        Ok(())
    }

    /// Adds what is here still after all.
    pub(super) fn count_again(&self, layout: Layout) {
        self.taken_bytes.set(self.taken_bytes.get() + self.below.usable_size(layout));
    }

    /// Takes away what went back, or never came.
    pub(super) fn count_out(&self, layout: Layout) {
        self.taken_bytes.set(self.taken_bytes.get() - self.below.usable_size(layout));
    }

    /// That what is counted is what there is.
    pub(super) fn verify_count(&self) -> Result<(), Broken> {
        let bytes = self.count_chunks().1 + self.own_whole_bytes();
        let taken_bytes = self.taken_bytes.get();
        Broken::unless(bytes == taken_bytes, "Bump", "what is taken is counted", taken_bytes)
    }
}
