//! The chunks of a [`Bump`] that are in use: a list, youngest first; the youngest is the current one.
//!
//! Above: [`Bump`]. Below: the layer that gives them, and `spare.rs`, where they go when they are empty.

use super::Bump;
use crate::lifo::{Top, WORD_BYTES};
use alloc_core::{AllocError, Broken, Layer, Layout};
use core::ptr::NonNull;

/// The head of a chunk, at its start.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct Chunk {
    /// The next older one; among those that are spare, the one that is used after it.
    pub(super) previous: Option<NonNull<Self>>,
    /// What the chunk was asked for from the layer below.
    layout: Layout,
    /// What it got.
    bytes: usize,
    /// Where its objects end, while it is not the current chunk.
    at: NonNull<u8>,
}

const _: () = assert!(align_of::<Chunk>() == WORD_BYTES);
const _: () = assert!(size_of::<Chunk>().is_multiple_of(WORD_BYTES));

impl Chunk {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether an object of this layout fits when nothing else is there.
    pub fn fits(&self, layout: Layout) -> bool {
        needed_bytes(layout).is_ok_and(|needed_bytes| needed_bytes <= self.bytes)
    }

    /// Whether the chunk's objects may lie at `address`.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.head()) < self.bytes
    }

    fn head(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Where its objects can end, at most.
    fn end(&self) -> usize {
        (self.head() + self.bytes) & !(WORD_BYTES - 1)
    }
}

/// How long a chunk has to be for an object of this layout, wherever it begins.
fn needed_bytes(layout: Layout) -> Result<usize, AllocError> {
    // A chunk's objects begin at a word; a larger alignment may leave a gap there. Its last word may be cut off.
    let gap_bytes = layout.align().saturating_sub(WORD_BYTES) + WORD_BYTES;
    layout.size().checked_add(size_of::<Chunk>() + WORD_BYTES + gap_bytes).ok_or(AllocError)
}

/// Where the objects of a chunk begin.
///
/// # Safety
///
/// `chunk` is a chunk's address.
pub(super) unsafe fn start_of(chunk: NonNull<Chunk>) -> NonNull<u8> {
    // SAFETY: a chunk is longer than its head (`take_chunk`).
    unsafe { chunk.cast::<u8>().add(size_of::<Chunk>()) }
}

/// The chunks of a list.
pub(super) fn walk(first: Option<NonNull<Chunk>>) -> impl Iterator<Item = NonNull<Chunk>> {
    // SAFETY: chunks in a list have an initialised head (`take_chunk`) and live until they are taken out of it. Whoever
    // takes chunks out does not do so in the midst of such a walk.
    core::iter::successors(first, |chunk| unsafe { chunk.as_ref() }.previous)
}

impl<A: Layer> Bump<A> {
    /// The chunks in use, youngest first.
    pub(super) fn chunks(&self) -> impl Iterator<Item = NonNull<Chunk>> {
        walk(self.current.get())
    }

    /// Where a chunk's objects begin, and how many bytes there are until they end.
    pub(super) fn objects_of(&self, chunk: NonNull<Chunk>) -> (NonNull<u8>, usize) {
        // SAFETY: it is in the list, so its head is initialised.
        let (start, end) = unsafe { (start_of(chunk), chunk.as_ref().at) };
        let end = if self.current.get() == Some(chunk) { self.top.at() } else { end };
        (start, end.as_ptr().addr() - start.as_ptr().addr())
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.chunks().map(|chunk| self.objects_of(chunk).1).sum()
    }

    /// Makes a chunk the current one in which `layout` fits: one that waits, or a new one.
    pub(super) fn next_chunk(&self, layout: Layout) -> Result<(), AllocError> {
        let chunk = match self.take_spare(layout) {
            Some(chunk) => chunk,
            None => self.new_chunk(needed_bytes(layout)?)?,
        };
        self.push(chunk);
        Ok(())
    }

    /// A chunk from the layer below, of at least `needed_bytes`: as long as it is the next one's turn to be, if
    /// that can be had.
    fn new_chunk(&self, needed_bytes: usize) -> Result<NonNull<Chunk>, AllocError> {
        let next_bytes = self.next_bytes.get();
        // Where there is no room for a chunk of the usual length, one that fits may do; what waits is given
        // up for it (it was too short, or it would have been taken).
        let chunk = self
            .take_chunk(next_bytes.min(self.allowed_bytes()).max(needed_bytes))
            .or_else(|_| self.take_chunk(needed_bytes))
            .or_else(|error| {
                if self.free_spare() == 0 { Err(error) } else { self.take_chunk(needed_bytes) }
            })?;
        self.next_bytes.set(next_bytes.saturating_mul(2).min(self.most_bytes));
        Ok(chunk)
    }

    fn take_chunk(&self, bytes: usize) -> Result<NonNull<Chunk>, AllocError> {
        let layout = Layout::from_size_align(bytes, align_of::<Chunk>()).map_err(|_| AllocError)?;
        self.count_in(layout)?;
        let chunk = self.below.allocate(layout).inspect_err(|_| self.count_out(layout))?;
        let place = chunk.cast::<Chunk>();
        let head = Chunk { previous: None, layout, bytes: chunk.len(), at: chunk.cast() };
        // SAFETY: the chunk is ours, aligned for a head, and longer than one: `needed_bytes` counts it, and
        // `next_bytes` is at least `LEAST_CHUNK_BYTES`.
        unsafe { place.write(head) };
        Ok(place)
    }

    /// Puts a chunk that is in no list in front, and makes it the current one. It is empty.
    fn push(&self, mut chunk: NonNull<Chunk>) {
        if let Some(mut last) = self.current.get() {
            // SAFETY: the current chunk's head is initialised, and nothing borrows it now.
            unsafe { last.as_mut() }.at = self.top.at();
        }
        // SAFETY: as above; it is in no list, so that nothing borrows it either.
        unsafe { chunk.as_mut() }.previous = self.current.get();
        self.current.set(Some(chunk));
        // SAFETY: it is a chunk.
        unsafe { enter(&self.top, chunk, start_of(chunk)) };
    }

    /// Makes the chunks empty that are younger than `to`, and `to` the current one. They wait to be used again,
    /// the oldest of them first.
    pub(super) fn retreat(&self, to: Option<NonNull<Chunk>>) {
        while self.current.get() != to {
            let Some(chunk) = self.current.get() else { break };
            // SAFETY: it is in the list, and the borrow ends with this line.
            self.current.set(unsafe { chunk.as_ref() }.previous);
            self.put_spare(chunk);
        }
        match to {
            // SAFETY: `to` is in the list, so its head is initialised.
            Some(chunk) => unsafe { enter(&self.top, chunk, chunk.as_ref().at) },
            None => {
                let nothing = Top::new();
                self.top.enter(nothing.at(), nothing.end());
            }
        }
    }

    /// The chunk in use, if there is one and no more.
    #[inline]
    pub(super) fn only_chunk(&self) -> Option<NonNull<Chunk>> {
        // SAFETY: the current chunk's head is initialised; the borrow ends with this line.
        self.current.get().filter(|&chunk| unsafe { chunk.as_ref() }.previous.is_none())
    }

    /// Makes all chunks empty, and the oldest the current one.
    pub(super) fn retreat_to_oldest(&mut self) {
        let Some(oldest) = self.chunks().last() else { return };
        self.retreat(Some(oldest));
        // SAFETY: it is a chunk.
        self.top.set(unsafe { start_of(oldest) });
    }

    /// Gives a chunk that is in no list back to the layer below. Returns its bytes.
    ///
    /// # Safety
    ///
    /// Nothing in it is used any more.
    pub(super) unsafe fn give_chunk_back(&self, chunk: NonNull<Chunk>) -> usize {
        // SAFETY: its head is initialised; it is copied out before the memory goes.
        let (layout, bytes) = unsafe { (chunk.as_ref().layout, chunk.as_ref().bytes) };
        // SAFETY: allocated by `take_chunk` with this layout; nothing in it is used (caller).
        unsafe { self.below.deallocate(chunk.cast(), layout) };
        self.count_out(layout);
        bytes
    }

    /// Whether the youngest chunk is empty, and there is one.
    pub(super) fn youngest_is_empty(&self) -> Option<NonNull<Chunk>> {
        // SAFETY: it is a chunk.
        self.current.get().filter(|&chunk| unsafe { start_of(chunk) } == self.top.at())
    }

    /// The first rule that the chunks break.
    pub(super) fn verify_chunks(&self) -> Result<(), Broken> {
        for chunk in self.chunks() {
            let (start, bytes) = self.objects_of(chunk);
            let start = start.as_ptr().addr();
            // SAFETY: it is in the list, so its head is initialised.
            let room_bytes = unsafe { chunk.as_ref() }.end() - start;
            Broken::unless(bytes <= room_bytes, "Bump", "a chunk's objects end within it", start)?;
            let whole = bytes.is_multiple_of(WORD_BYTES);
            Broken::unless(whole, "Bump", "a chunk's objects end at a word", start)?;
        }
        // SAFETY: as above.
        let end = self.chunks().next().map(|chunk| unsafe { chunk.as_ref() }.end());
        let known = self.top.end() == end.unwrap_or(Top::new().end());
        Broken::unless(known, "Bump", "the current chunk's end is known", self.top.end())
    }
}

/// Lets `top` be about a chunk whose objects end at `at`.
///
/// # Safety
///
/// `chunk` is a chunk, and its head initialised.
unsafe fn enter(top: &Top, chunk: NonNull<Chunk>, at: NonNull<u8>) {
    // SAFETY: the caller's promise; the borrow ends with this line.
    let end = unsafe { chunk.as_ref() }.end();
    top.enter(at, end);
}
