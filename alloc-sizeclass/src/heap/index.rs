//! Which span is at this address? Two side tables over the layer's range, and a map for the rest.
//!
//! Above: a flush asks for each slot's span; the C ABI asks for the class of an address. Below: the
//! tables are memory of the layer below, taken once.
//!
//! The *window* is the one range that the layer below names ([`Layer::range`]). Over it lie, flat:
//! one word per granule (the class's mark, which says where slots start, and in its last byte the class; 0 for none, for
//! large ones, and for classes without a mark) and one pointer per granule (the span). Spans outside the window, or over a layer that names no range or has no memory for the
//! tables, stand in `others`.
//!
//! Rules:
//! * R1: an entry is written by whoever owns the span, before any of its memory is handed out, and
//!   erased after all of it came back and before it goes to the layer below.
//! * R2: so whoever owns an allocation sees its span's entry: the allocation reached this thread
//!   after the entry was written, by whatever handed the allocation over. Entries are Relaxed.
//! * R3: an address that nobody owns reads as some value that was once an entry, or none.

use super::others::Others;
use super::span::Span;
use alloc_core::sync::{AtomicPtr, AtomicU64, AtomicUsize, Lock, Ordering};
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::{NonNull, null_mut};

pub(super) struct SpanIndex {
    base: AtomicUsize,
    granules: AtomicUsize,
    marks: AtomicPtr<AtomicU64>,
    spans: AtomicPtr<AtomicPtr<Span>>,
    pub others: Lock<Others>,
    state: Lock<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotAsked,
    Open,
    NoWindow,
}

impl SpanIndex {
    alloc_core::const_fn! {
        pub const fn new() -> Self {
            Self {
                base: AtomicUsize::new(0),
                granules: AtomicUsize::new(0),
                marks: AtomicPtr::new(null_mut()),
                spans: AtomicPtr::new(null_mut()),
                others: Lock::new(Others::new()),
                state: Lock::new(State::NotAsked),
            }
        }
    }

    /// The place of `address` in the window, if it lies there.
    #[inline(always)]
    fn place(&self, address: usize, granule_bytes: usize) -> Option<usize> {
        // ORDERING: Acquire meets the Release in `open`: who sees the length sees the tables.
        let granules = self.granules.load(Ordering::Acquire);
        let offset = address.wrapping_sub(self.base.load(Ordering::Relaxed));
        let place = offset / granule_bytes;
        (place < granules).then_some(place)
    }

    #[inline(always)]
    fn mark_entry(&self, place: usize) -> &AtomicU64 {
        // SAFETY: `place` was checked against the window (`place`), over which the table lies and
        // stays until the heap is dropped (`open`, `close`).
        unsafe { &*self.marks.load(Ordering::Relaxed).add(place) }
    }

    #[inline(always)]
    fn span_entry(&self, place: usize) -> &AtomicPtr<Span> {
        // SAFETY: as for `mark_entry`.
        unsafe { &*self.spans.load(Ordering::Relaxed).add(place) }
    }

    /// The class of the slot at `ptr`: 0 where there is none, the class byte otherwise.
    pub fn class_at(&self, ptr: NonNull<u8>, granule_bytes: usize) -> u8 {
        let Some(place) = self.place(ptr.addr().get(), granule_bytes) else {
            return self.class_elsewhere(ptr, granule_bytes);
        };
        // ORDERING: Relaxed by R2, here and below.
        match self.mark_entry(place).load(Ordering::Relaxed) {
            0 => {
                let span = self.span_entry(place).load(Ordering::Relaxed);
                // SAFETY: whoever owns the allocation sees its span's entry (R2), and records stay memory until the heap goes.
                NonNull::new(span).map_or(0, |span| unsafe { span.as_ref().class })
            }
            mark => mark as u8,
        }
    }

    /// The mark at an address in the window; `None` elsewhere.
    #[inline(always)]
    pub fn mark_in_window(&self, address: usize, granule_bytes: usize) -> Option<u64> {
        let place = self.place(address, granule_bytes)?;
        // ORDERING: Relaxed by R2.
        Some(self.mark_entry(place).load(Ordering::Relaxed))
    }

    #[cold]
    fn class_elsewhere(&self, ptr: NonNull<u8>, granule_bytes: usize) -> u8 {
        let others = self.others.lock();
        let span = others.find(ptr.addr().get() / granule_bytes);
        // SAFETY: a span stays while it stands in the map, whose lock is held.
        NonNull::new(span).map_or(0, |span| unsafe { span.as_ref().class })
    }

    /// The span whose memory `ptr` points into, or null. For large spans, only their first granule
    /// has an entry.
    #[inline]
    pub fn span_at(&self, ptr: NonNull<u8>, granule_bytes: usize) -> *mut Span {
        match self.place(ptr.addr().get(), granule_bytes) {
            // ORDERING: Relaxed by R2.
            Some(place) => self.span_entry(place).load(Ordering::Relaxed),
            None => self.others.lock().find(ptr.addr().get() / granule_bytes),
        }
    }

    /// Opens the window, if it is still to be opened: before the first span is taken.
    pub fn ready(&self, below: &impl Layer, granule_bytes: usize) -> Result<(), AllocError> {
        // ORDERING: Relaxed: a guess; `open` looks again under its lock.
        if self.granules.load(Ordering::Relaxed) != 0 {
            return Ok(());
        }
        self.open(below, granule_bytes)
    }

    /// Makes sure that `insert` of a span at `base` cannot fail.
    pub fn promise_at(
        &self,
        below: &impl Layer,
        base: NonNull<u8>,
        granule_bytes: usize,
        granules: usize,
    ) -> Result<(), AllocError> {
        let outside = (0..granules)
            .filter(|granule| {
                self.place(base.addr().get() + granule * granule_bytes, granule_bytes).is_none()
            })
            .count();
        if outside == 0 { Ok(()) } else { self.others.lock().promise(below, outside) }
    }

    /// Makes sure that `insert` of `granules` entries cannot fail, wherever they go. What `insert`
    /// leaves of it has to be taken back by `unpromise`.
    pub fn promise(&self, below: &impl Layer, granules: usize) -> Result<(), AllocError> {
        self.others.lock().promise(below, granules)
    }

    /// Takes back a promise that no `insert` used.
    pub fn unpromise(&self, granules: usize) {
        self.others.lock().unpromise(granules);
    }

    /// Writes the entries of a span whose class has this mark: `granules` of them from its base. Uses up a promise for each
    /// that lies outside the window, and returns how many those were.
    pub fn insert(
        &self,
        span: NonNull<Span>,
        mark: u64,
        granule_bytes: usize,
        granules: usize,
    ) -> usize {
        let mut outside = 0;
        // SAFETY: the caller owns the span, whose record is written.
        let base = unsafe { span.as_ref().base.addr().get() };
        for granule in 0..granules {
            let address = base + granule * granule_bytes;
            if let Some(place) = self.place(address, granule_bytes) {
                // ORDERING: Relaxed by R2: handing out the memory publishes the entries.
                self.span_entry(place).store(span.as_ptr(), Ordering::Relaxed);
                self.mark_entry(place).store(mark, Ordering::Relaxed);
            } else {
                self.others.lock().insert(address / granule_bytes, span.as_ptr());
                outside += 1;
            }
        }
        outside
    }

    /// Erases the entries that `insert` wrote.
    pub fn remove(&self, base: NonNull<u8>, granule_bytes: usize, granules: usize) {
        for granule in 0..granules {
            let address = base.addr().get() + granule * granule_bytes;
            if let Some(place) = self.place(address, granule_bytes) {
                // ORDERING: Relaxed: by R1 nobody owns memory of the span any more.
                self.span_entry(place).store(null_mut(), Ordering::Relaxed);
                self.mark_entry(place).store(0, Ordering::Relaxed);
            } else {
                self.others.lock().remove(address / granule_bytes);
            }
        }
    }

    /// Takes the window's tables from the layer below.
    #[cold]
    fn open(&self, below: &impl Layer, granule_bytes: usize) -> Result<(), AllocError> {
        let mut state = self.state.lock();
        if *state != State::NotAsked {
            return Ok(());
        }
        // Loom's atomics cannot live in zeroed memory: its models do without a window.
        let range = if cfg!(all(loom, feature = "loom")) { None } else { below.range() };
        let Some(range) = range else {
            *state = State::NoWindow;
            return Ok(());
        };
        let base = range.start & !(granule_bytes - 1);
        let granules = (range.end - base).div_ceil(granule_bytes);
        let (layout, spans_offset) = table_layout(granules)?;
        // The tables are address space for the most part, but a layer below that limits bytes counts
        // them in full. Where it refuses them, the map serves, for good: spans stand in it from now.
        let Ok(table) = below.allocate_zeroed(layout) else {
            *state = State::NoWindow;
            return Ok(());
        };
        let table = table.cast::<u8>();
        // ORDERING: Relaxed, then Release on the length: it meets the Acquire in `place`.
        self.base.store(base, Ordering::Relaxed);
        self.marks.store(table.as_ptr().cast(), Ordering::Relaxed);
        // SAFETY: `table_layout` put the pointers at `spans_offset`, within the allocation.
        let spans = unsafe { table.add(spans_offset) };
        self.spans.store(spans.as_ptr().cast(), Ordering::Relaxed);
        self.granules.store(granules, Ordering::Release);
        *state = State::Open;
        Ok(())
    }

    /// Bytes of the tables (address space: pages are touched as spans are made).
    pub fn table_bytes(&self) -> usize {
        let granules = self.granules.load(Ordering::Relaxed);
        if granules == 0 {
            0
        } else {
            table_layout(granules).map_or(0, |(layout, _)| layout.size())
        }
    }

    /// Takes the locks, for a fork.
    pub fn freeze(&self) {
        self.state.acquire();
        self.others.acquire();
    }

    /// Releases them.
    ///
    /// # Safety
    ///
    /// `freeze` was called by this thread (or the thread that it is a copy of).
    pub unsafe fn thaw(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.others.release();
            self.state.release();
        }
    }

    /// Gives the tables back.
    ///
    /// # Safety
    ///
    /// `below` is the layer of every `promise`; the index is not used afterwards.
    pub unsafe fn close(&mut self, below: &impl Layer) {
        let granules = self.granules.load(Ordering::Relaxed);
        let table = self.marks.load(Ordering::Relaxed).cast::<u8>();
        if let (Some(table), Ok((layout, _))) = (NonNull::new(table), table_layout(granules)) {
            self.granules.store(0, Ordering::Relaxed);
            // SAFETY: `open` took the table with this layout.
            unsafe { below.deallocate(table, layout) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.others.lock().close(below) };
    }
}

/// The layout of both tables, and the offset of the second.
fn table_layout(granules: usize) -> Result<(Layout, usize), AllocError> {
    let marks = Layout::array::<u64>(granules).map_err(|_| AllocError)?;
    let spans = Layout::array::<*mut Span>(granules).map_err(|_| AllocError)?;
    marks.extend(spans).map_err(|_| AllocError)
}
