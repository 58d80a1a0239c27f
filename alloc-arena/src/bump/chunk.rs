//! The chunks of a [`Bump`]: a list, youngest first; the youngest is the current one.
//!
//! Above: [`Bump`]. Below: the layer that gives them.

use super::Bump;
use alloc_core::{AllocError, Broken, Layer, Layout};
use core::ptr::NonNull;

/// The head of a chunk, at its start.
pub(super) struct Chunk {
    previous: Option<NonNull<Chunk>>,
    /// What the chunk was asked for from the layer below.
    layout: Layout,
    /// What it got.
    bytes: usize,
    /// Where its objects end, while it is not the current chunk.
    at: NonNull<u8>,
}

impl Chunk {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn head(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Whether the chunk's objects may lie at `address`.
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.head()) < self.bytes
    }
}

impl<A: Layer> Bump<A> {
    /// All chunks, youngest first.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let mut next = self.current.get();
        core::iter::from_fn(move || {
            // SAFETY: chunks in the list have an initialised head (`add_chunk`) and live until
            // they are taken out of it. What is borrowed lives no longer than `&self`, and the
            // methods that take chunks out do not run while it is in use: `reclaim` and
            // `add_chunk` end their own walks first, the others have `&mut self`.
            let chunk = unsafe { next?.as_ref() };
            next = chunk.previous;
            Some(chunk)
        })
    }

    /// The end of a chunk's objects, as an address.
    fn end_of_objects(&self, chunk: &Chunk) -> usize {
        let current = self.current.get() == Some(NonNull::from(chunk));
        (if current { self.at.get() } else { chunk.at }).as_ptr().addr()
    }

    pub(super) fn used_bytes(&self) -> usize {
        let used = |chunk| self.end_of_objects(chunk) - chunk.head() - size_of::<Chunk>();
        self.chunks().map(used).sum()
    }

    /// Makes a new chunk the current one, in which `layout` fits.
    pub(super) fn add_chunk(&self, layout: Layout) -> Result<(), AllocError> {
        // The head's end is aligned to a head; a larger alignment may leave a gap behind it.
        let gap_bytes = layout.align().saturating_sub(align_of::<Chunk>());
        let needed = layout.size().checked_add(size_of::<Chunk>() + gap_bytes).ok_or(AllocError)?;
        let doubled = match self.chunks().next() {
            Some(last) => last.bytes.saturating_mul(2).min(self.most_bytes),
            None => self.first_bytes,
        };
        // Where the layer below has no room for a chunk that doubles, one that fits may do.
        self.take_chunk(doubled.max(needed))
            .or_else(|error| if doubled > needed { self.take_chunk(needed) } else { Err(error) })
    }

    fn take_chunk(&self, bytes: usize) -> Result<(), AllocError> {
        let layout = Layout::from_size_align(bytes, align_of::<Chunk>()).map_err(|_| AllocError)?;
        let chunk = self.below.allocate(layout)?;
        let (bytes, base) = (chunk.len(), chunk.cast::<u8>());
        let place = base.cast::<Chunk>();
        if let Some(mut last) = self.current.get() {
            // SAFETY: the current chunk's head is initialised, and nothing borrows it now.
            unsafe { last.as_mut().at = self.at.get() };
        }
        // SAFETY: `needed` counts a head and more, so it lies within the chunk.
        let start = unsafe { base.add(size_of::<Chunk>()) };
        let head = Chunk { previous: self.current.get(), layout, bytes, at: start };
        // SAFETY: the chunk is ours, aligned for a head and longer than one.
        unsafe { place.write(head) };
        self.enter(Some(place), start);
        Ok(())
    }

    /// Makes `chunk` the current one, whose objects end at `at`.
    fn enter(&self, chunk: Option<NonNull<Chunk>>, at: NonNull<u8>) {
        // SAFETY: the heads of chunks in the list are initialised.
        let end = chunk.map_or(at.as_ptr().addr(), |chunk| unsafe {
            chunk.as_ptr().addr() + chunk.as_ref().bytes
        });
        self.current.set(chunk);
        self.at.set(at);
        self.end.set(end);
    }

    /// Gives a chunk that is not in the list back to the layer below.
    ///
    /// # Safety
    ///
    /// Nothing in it is used any more.
    unsafe fn give_chunk_back(&self, chunk: NonNull<Chunk>) -> usize {
        // SAFETY: its head is initialised; it is copied out before the memory goes.
        let (layout, bytes) = unsafe { (chunk.as_ref().layout, chunk.as_ref().bytes) };
        // SAFETY: allocated by `take_chunk` with this layout; nothing in it is used (caller).
        unsafe { self.below.deallocate(chunk.cast(), layout) };
        bytes
    }

    /// Empties the list; `keep` leaves the largest chunk in it.
    pub(super) fn free_chunks(&mut self, keep: bool) {
        let longest = self.chunks().map(Chunk::bytes).max().filter(|_| keep);
        let mut next = self.current.get();
        let mut kept = None;
        while let Some(chunk) = next {
            // SAFETY: in the list until now, so its head is initialised.
            let head = unsafe { chunk.as_ref() };
            next = head.previous;
            if kept.is_none() && Some(head.bytes) == longest {
                kept = Some(chunk);
            } else {
                // SAFETY: `&mut self`: no object in it is borrowed.
                unsafe { self.give_chunk_back(chunk) };
            }
        }
        self.enter(None, NonNull::dangling());
        if let Some(mut chunk) = kept {
            // SAFETY: the one chunk that was not given back; nothing else refers to its head.
            unsafe { chunk.as_mut() }.previous = None;
            // SAFETY: a chunk is longer than its head.
            self.enter(Some(chunk), unsafe { chunk.cast::<u8>().add(size_of::<Chunk>()) });
        }
    }

    /// Gives the youngest chunks back so long as they hold nothing. Returns their bytes.
    pub(super) fn free_unused(&self) -> usize {
        let mut freed_bytes = 0;
        while let Some(chunk) = self.current.get() {
            // SAFETY: in the list, so its head is initialised; the borrow ends with this line.
            let (head, previous) = unsafe { (chunk.as_ref().head(), chunk.as_ref().previous) };
            if self.at.get().as_ptr().addr() != head + size_of::<Chunk>() {
                break;
            }
            // SAFETY: as above.
            let at = previous.map_or(NonNull::dangling(), |chunk| unsafe { chunk.as_ref().at });
            self.enter(previous, at);
            // SAFETY: its objects end where they begin: there are none.
            freed_bytes += unsafe { self.give_chunk_back(chunk) };
        }
        freed_bytes
    }

    /// The first rule that the chunks break.
    pub(super) fn verify_chunks(&self) -> Result<(), Broken> {
        for chunk in self.chunks() {
            let start = chunk.head() + size_of::<Chunk>();
            let inside = (start..=chunk.head() + chunk.bytes).contains(&self.end_of_objects(chunk));
            Broken::unless(inside, "Bump", "a chunk's objects end within it", chunk.head())?;
        }
        let end = self.chunks().next().map_or(1, |chunk| chunk.head() + chunk.bytes);
        Broken::unless(self.end.get() == end, "Bump", "the current chunk's end is known", end)
    }
}
