//! A span: a run of the layer below, aligned to the span's length, with a header and then slots of
//! one size class; or one large object, in a run that may be longer.
//!
//! Above: everything here. Below: the header's fields (`header.rs`), where slots begin (`classes.rs`), the memory itself.
//!
//! ```text
//!   run ─┬─ fields ─┬─ marks 0 ─┬─ marks 1 ─┬─ claims ─┬─ slot ─┬─ slot ─┬─ …
//!        0                     each: a word for each KiB       first
//! ```
//!
//! An object begins within the first span's length of its run. So its header's address is its own
//! with some bits cleared, and its bit stands at a place that depends on nothing else: neither a
//! table nor the class is looked up to mark it. `mod.rs` says which of the bitmaps is which.

use super::classes::{Classes, GRANULE_BYTES, LARGE, MAX_CLASSES, WORD_BYTES};
use super::header::Span;
use alloc_core::Layout;
use alloc_core::sync::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::ptr::{NonNull, null_mut};

/// A size class, with destructors or without: what cursors and lists are per.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane(usize);

/// How many lanes there may be.
pub(super) const LANES: usize = 2 * MAX_CLASSES;

impl Lane {
    #[inline(always)]
    pub const fn new(class: usize, drops: bool) -> Self {
        Self(2 * class + drops as usize)
    }

    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0
    }

    pub const fn class(self) -> usize {
        self.0 / 2
    }

    /// Whether objects here have something to be called when they die.
    pub const fn drops(self) -> bool {
        self.0 % 2 == 1
    }

    pub const fn is_large(self) -> bool {
        self.class() == LARGE
    }

    /// Those without destructors, or those with.
    pub fn all(drops: bool) -> impl Iterator<Item = Self> {
        (0..MAX_CLASSES).map(move |class| Self::new(class, drops))
    }
}

/// Which bitmap: one of the two that take turns as mark bits, or the claim bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane(usize);

impl Plane {
    pub const CLAIMS: Self = Self(2);

    /// The mark bits of this parity.
    #[inline(always)]
    pub const fn marks(parity: usize) -> Self {
        Self(parity & 1)
    }

    /// The parity that these mark bits are of.
    pub const fn parity(self) -> usize {
        self.0
    }

    /// The other mark bits.
    #[inline(always)]
    pub const fn other(self) -> Self {
        Self(self.0 ^ 1)
    }
}

/// A pointer to a live span's header.
pub(super) struct SpanRef<const KIB: usize>(NonNull<Span<KIB>>);

impl<const KIB: usize> Clone for SpanRef<KIB> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<const KIB: usize> Copy for SpanRef<KIB> {}

impl<const KIB: usize> PartialEq for SpanRef<KIB> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// The place of an object's bit: which word, and the bit in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub word: usize,
    pub bit: u64,
}

impl<const KIB: usize> SpanRef<KIB> {
    pub const SPAN_BYTES: usize = KIB * 1024;

    /// The layout of a run of `run_bytes`.
    pub fn layout(run_bytes: usize) -> Option<Layout> {
        Layout::from_size_align(run_bytes, Self::SPAN_BYTES).ok()
    }

    /// Makes a span of a run: no bit is set.
    ///
    /// # Safety
    ///
    /// The run has `run_bytes`, no fewer than a header's, is aligned to the span's length, and is
    /// the caller's alone.
    pub unsafe fn create(run: NonNull<u8>, run_bytes: usize) -> Self {
        let header = run.cast::<Span<KIB>>();
        let words = || core::array::from_fn(|_| AtomicU64::new(0));
        // SAFETY: the run is long and aligned enough for a header, and the caller's.
        unsafe {
            header.write(Span {
                next: AtomicPtr::new(null_mut()),
                lane: AtomicUsize::new(0),
                run_bytes: AtomicUsize::new(run_bytes),
                object: AtomicUsize::new(0),
                live_slots: AtomicU32::new(0),
                planes: [words(), words(), words()],
            });
        }
        Self(header)
    }

    /// Ends the span; what is left is its run.
    ///
    /// # Safety
    ///
    /// Nobody uses the span or an object in it any more.
    pub unsafe fn dispose(self) -> (NonNull<u8>, Layout) {
        let run_bytes = self.run_bytes();
        // SAFETY: written by `create`, and not used afterwards (caller).
        unsafe { self.0.drop_in_place() };
        // SAFETY: the run was asked for with this layout (`layout`, which checked it).
        let layout = unsafe { Layout::from_size_align_unchecked(run_bytes, Self::SPAN_BYTES) };
        (self.0.cast(), layout)
    }

    /// The span of an object.
    ///
    /// # Safety
    ///
    /// `object` is the address of an object in a span of this length, and has the provenance that it was
    /// handed out with.
    #[inline(always)]
    pub unsafe fn of(object: NonNull<u8>) -> Self {
        let header = object.as_ptr().map_addr(|address| address & !(Self::SPAN_BYTES - 1));
        // SAFETY: a run does not begin at address 0, so this is not null.
        Self(unsafe { NonNull::new_unchecked(header.cast()) })
    }

    /// Follows a list's link.
    ///
    /// # Safety
    ///
    /// `header` is null or leads to a live span.
    pub unsafe fn from_link(header: *mut Span<KIB>) -> Option<Self> {
        NonNull::new(header).map(Self)
    }

    pub fn as_link(self) -> *mut Span<KIB> {
        self.0.as_ptr()
    }

    /// The run's first byte, with the provenance of the whole run.
    pub fn run(self) -> NonNull<u8> {
        self.0.cast()
    }

    pub fn address(self) -> usize {
        self.0.addr().get()
    }

    #[inline(always)]
    fn header<'s>(self) -> &'s Span<KIB> {
        // SAFETY: a `SpanRef` leads to a live span's header (`create`, `of`, `from_link`), which is
        // all atomics; what of the run is handed out lies behind it. The lifetime is the caller's
        // care: no reference outlives the span's use.
        unsafe { self.0.as_ref() }
    }

    /// A word of a bitmap.
    #[inline(always)]
    pub fn word<'s>(self, plane: Plane, word: usize) -> &'s AtomicU64 {
        &self.header().planes[plane.0][word]
    }

    /// A word's value.
    ///
    /// Relaxed: whoever reads owns the span, or asks for a bit that does not change (R2).
    #[inline(always)]
    pub fn bits(self, plane: Plane, word: usize) -> u64 {
        self.word(plane, word).load(Ordering::Relaxed)
    }

    /// Changes a word of a bitmap that nobody else writes to at this time.
    #[inline(always)]
    pub fn set_bits(self, plane: Plane, word: usize, bits: u64) {
        self.word(plane, word).store(bits, Ordering::Relaxed);
    }

    /// Where the bit of the object at this address stands.
    #[inline(always)]
    pub fn place(object: NonNull<u8>) -> Place {
        let address = object.addr().get();
        Place {
            word: address % Self::SPAN_BYTES / WORD_BYTES,
            bit: 1 << (address / GRANULE_BYTES % 64),
        }
    }

    pub fn next(self) -> *mut Span<KIB> {
        self.header().next.load(Ordering::Relaxed)
    }

    pub fn set_next(self, next: *mut Span<KIB>) {
        self.header().next.store(next, Ordering::Relaxed);
    }

    pub fn lane(self) -> Lane {
        Lane(self.header().lane.load(Ordering::Relaxed))
    }

    pub fn set_lane(self, lane: Lane) {
        self.header().lane.store(lane.0, Ordering::Relaxed);
    }

    pub fn run_bytes(self) -> usize {
        self.header().run_bytes.load(Ordering::Relaxed)
    }

    pub fn live_slots(self) -> usize {
        self.header().live_slots.load(Ordering::Relaxed) as usize
    }

    pub fn set_live_slots(self, slots: usize) {
        self.header().live_slots.store(slots as u32, Ordering::Relaxed);
    }

    /// Makes the run that of one large object, which begins at `offset`.
    pub fn set_object(self, offset: usize) {
        self.header().object.store(offset, Ordering::Relaxed);
    }

    /// Where slots begin in a word's memory.
    pub fn starts(self, word: usize) -> u64 {
        let lane = self.lane();
        if !lane.is_large() {
            return Classes::<KIB>::starts(lane.class(), word);
        }
        let object = self.header().object.load(Ordering::Relaxed);
        if object / WORD_BYTES == word { 1 << (object / GRANULE_BYTES % 64) } else { 0 }
    }

    /// How many slots there are.
    pub fn span_slots(self) -> usize {
        let lane = self.lane();
        if lane.is_large() { 1 } else { Classes::<KIB>::info(lane.class()).span_slots }
    }

    /// Bytes of a slot; of a large object, what lies behind its beginning in the run.
    #[must_use]
    pub fn slot_bytes(self) -> usize {
        let lane = self.lane();
        if lane.is_large() {
            self.run_bytes() - self.header().object.load(Ordering::Relaxed)
        } else {
            Classes::<KIB>::info(lane.class()).slot_bytes
        }
    }

    /// The memory that begins with this word's granules.
    #[inline(always)]
    pub fn word_memory(self, word: usize) -> NonNull<u8> {
        debug_assert!(word < KIB);
        // SAFETY: `word` is below the number of words, each of which stands for memory of the run.
        unsafe { self.0.cast::<u8>().add(word * WORD_BYTES) }
    }

    /// The object that begins in the granule of the lowest bit of `bits`, which is not 0.
    pub fn object_at(self, word: usize, bits: u64) -> NonNull<u8> {
        let bit = bits.trailing_zeros() as usize;
        let odd = Classes::<KIB>::odd(self.lane().class(), word) >> bit & 1;
        // SAFETY: the bit is one of the word's, and what it stands for lies in the run.
        unsafe { self.word_memory(word).add(bit * GRANULE_BYTES + odd as usize * 8) }
    }
}
