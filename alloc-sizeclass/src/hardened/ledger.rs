//! The ledger: what starts at each address, told by a byte that lies far away from it.
//!
//! Above: every allocation enters, every free looks. Below: a reservation of the system's, between guard pages, of which
//! pages are touched as slots are.
//!
//! Over the *window*, the range that the layer below names, lie three flat tables: a state for each 16 bytes, a class
//! and a record of the span for each granule. States:
//!
//! | state | what starts here | written by |
//! |---|---|---|
//! | [`NOTHING`] | no slot that was ever handed out | who makes or releases the span |
//! | [`FREE`] | a slot that is free or in a quarantine | who frees the object |
//! | live, a kind | an object, allocated by that family of functions | who allocates it |
//!
//! So one load tells a double free, a free of what is no object's start, and a free by the wrong function. Rules:
//!
//! * R1: a slot belongs to whoever changes its state from live to free. That is one exchange, so that of several threads that
//!   try exactly one finds the object live. (A process with one thread looks, and then writes. Its second thread starts
//!   after the C library has said that there will be one.)
//! * R2: nobody but the slot's owner changes its state from free to live. States are Relaxed: what hands an object over
//!   from thread to thread hands its state over.
//! * R3: classes and spans of a granule are written before a slot of it is handed out, as in `heap/index.rs`.
//!
//! Not here: the exchange (`claim.rs`), how the tables get to all threads (`opening.rs`), what is done about a mistake (`mistake.rs`).

pub(super) use super::claim::FREE;
use super::opening::Opening;
use super::span::Span;
use super::{PLACES_PER_GRANULE, system};
use alloc_core::sync::{AtomicPtr, AtomicU8, Ordering};
use core::ops::Range;
use core::ptr::NonNull;

/// The bytes that share a state.
pub(super) const PLACE_BYTES: usize = 16;

/// No slot starts here.
pub(super) const NOTHING: u8 = 0;
/// With a kind: an object.
const LIVE: u8 = 0x80;
/// With a kind: an object of no bytes.
const EMPTY: u8 = 0x40;

/// Which functions an object belongs to: it has to be freed by the same family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// `malloc`, `calloc`, `realloc`; free by `free`.
    Malloc = 0,
    /// `aligned_alloc` and the like; free by `free`, too.
    Aligned,
    /// C++'s `new`.
    New,
    /// C++'s `new[]`.
    NewArray,
    /// C++'s `new` with an alignment.
    NewAligned,
    /// C++'s `new[]` with an alignment.
    NewArrayAligned,
    /// Rust's allocators.
    Rust,
}

impl Family {
    /// The state of an object of this family, which may have no bytes.
    #[inline(always)]
    pub(super) const fn live(self, is_empty: bool) -> u8 {
        LIVE | if is_empty { EMPTY } else { 0 } | self as u8
    }

    /// The family of an object of this state, and whether it has no bytes; `None` where there is no object.
    pub(super) const fn of(state: u8) -> Option<(Self, bool)> {
        if state & LIVE == 0 {
            return None;
        }
        let family = match state & !(LIVE | EMPTY) {
            0 => Self::Malloc,
            1 => Self::Aligned,
            2 => Self::New,
            3 => Self::NewArray,
            4 => Self::NewAligned,
            5 => Self::NewArrayAligned,
            _ => Self::Rust,
        };
        Some((family, state & EMPTY != 0))
    }
}

/// The tables, as each thread keeps them at hand. All null and 0 until the ledger is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    pub base: usize,
    /// Places of the window.
    pub places: usize,
    states: *const AtomicU8,
    classes: *const AtomicU8,
    spans: *const AtomicPtr<Span>,
}

// SAFETY: what the pointers lead to is atomic, everyone's, and stays for good.
unsafe impl Send for Tables {}
// SAFETY: as for `Send`.
unsafe impl Sync for Tables {}

impl Tables {
    pub(super) const NONE: Self = Self {
        base: 0,
        places: 0,
        states: core::ptr::null(),
        classes: core::ptr::null(),
        spans: core::ptr::null(),
    };

    /// The place of an address; `None` if it lies outside of the window, or no slot can start there.
    #[inline(always)]
    pub(super) fn place(&self, address: usize) -> Option<usize> {
        // The four bits that are zero in a slot's address come to the top: no such number is below `places`.
        let place = address.wrapping_sub(self.base).rotate_right(PLACE_BYTES.ilog2());
        (place < self.places).then_some(place)
    }

    /// Whether the address lies in the window.
    pub(super) fn covers(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) / PLACE_BYTES < self.places
    }

    /// The state of a place.
    #[inline(always)]
    pub(super) fn state(&self, place: usize) -> &AtomicU8 {
        debug_assert!(place < self.places);
        // SAFETY: `place` is below `places` (`place()`), over which the table lies, for good (`open`).
        unsafe { &*self.states.add(place) }
    }

    /// The class of the granule that a place lies in; 0 is none.
    #[inline(always)]
    pub(super) fn class(&self, place: usize) -> u8 {
        // SAFETY: as for `state`.
        let class = unsafe { &*self.classes.add(place / PLACES_PER_GRANULE) };
        // ORDERING: Relaxed by R3.
        class.load(Ordering::Relaxed)
    }

    /// The span that a slot is of.
    pub(super) fn span_of(&self, slot: NonNull<u8>) -> Option<NonNull<Span>> {
        let place = self.place(slot.addr().get())?;
        // SAFETY: as for `state`.
        let span = unsafe { &*self.spans.add(place / PLACES_PER_GRANULE) };
        // ORDERING: Relaxed by R3.
        NonNull::new(span.load(Ordering::Relaxed))
    }

    /// Enters a span, or takes it out (null, class 0).
    pub(super) fn enter(&self, place: usize, granules: usize, span: *mut Span, class: u8) {
        let first = place / PLACES_PER_GRANULE;
        for granule in first..first + granules {
            // SAFETY: as for `state`: the span lies in the window.
            let (of_span, of_class) =
                unsafe { (&*self.spans.add(granule), &*self.classes.add(granule)) };
            // ORDERING: Relaxed by R3.
            of_span.store(span, Ordering::Relaxed);
            of_class.store(class, Ordering::Relaxed);
        }
    }
}

impl Tables {
    /// Tables over a range, or over as much of its beginning as the system has addresses for.
    fn over(range: Range<usize>, granule_bytes: usize) -> Option<Self> {
        let base = range.start & !(granule_bytes - 1);
        let mut granules = (range.end - base) / granule_bytes;
        while granules > 0 {
            if let Some((states, classes, spans)) = reserve(granules, granule_bytes) {
                return Some(Self {
                    base,
                    places: granules * (granule_bytes / PLACE_BYTES),
                    states: states.as_ptr().cast(),
                    classes: classes.as_ptr().cast(),
                    spans: spans.as_ptr().cast(),
                });
            }
            granules /= 2;
        }
        None
    }

    /// Forgets what starts in a span.
    pub(super) fn forget(&self, place: usize, places: usize) {
        debug_assert!(place + places <= self.places);
        // SAFETY: the places lie in the table (`enter`); zero bytes are states. No slot of the span is anyone's, so that
        // nobody writes here; who reads frees what is nothing, and finds one state or the other.
        unsafe { self.states.add(place).cast_mut().write_bytes(NOTHING, places) };
    }
}

/// The ledger of a heap.
#[derive(Debug)]
pub(super) struct Ledger(Opening<Tables>);

impl Ledger {
    pub(super) const fn new() -> Self {
        Self(Opening::new())
    }

    /// The tables; all empty while the ledger is not open.
    pub(super) fn tables(&self) -> Tables {
        self.0.get().unwrap_or(Tables::NONE)
    }

    /// The tables, opened by whoever comes first, over a range or over as much of its beginning as the system has addresses
    /// for. `None` if there is nothing to be had.
    #[cold]
    pub(super) fn open(
        &self,
        granule_bytes: usize,
        range: impl FnOnce() -> Option<Range<usize>>,
    ) -> Option<Tables> {
        self.0.get_or_make(|| Tables::over(range()?, granule_bytes))
    }

    /// Nobody opens it until [`thaw`](Self::thaw).
    pub(super) fn freeze(&self) {
        self.0.freeze();
    }

    /// # Safety
    ///
    /// This thread called [`freeze`](Self::freeze), or is the copy of the one that did.
    pub(super) unsafe fn thaw(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.0.thaw() };
    }
}

/// Addresses for the three tables, each between inaccessible pages.
fn reserve(
    granules: usize,
    granule_bytes: usize,
) -> Option<(NonNull<u8>, NonNull<u8>, NonNull<u8>)> {
    let page_bytes = system::page_bytes();
    let table = |bytes: usize| {
        let bytes = bytes.checked_next_multiple_of(page_bytes)?;
        let start = system::map_guarded(bytes)?;
        // SAFETY: mapped just now.
        unsafe { system::without_huge_pages(start, bytes) };
        Some((start, bytes))
    };
    let states = table(granules.checked_mul(granule_bytes / PLACE_BYTES)?)?;
    let classes = table(granules);
    let spans = table(granules * size_of::<*mut Span>());
    if let (Some((classes, _)), Some((spans, _))) = (classes, spans) {
        return Some((states.0, classes, spans));
    }
    for (start, bytes) in [Some(states), classes, spans].into_iter().flatten() {
        // SAFETY: mapped above, and nobody has seen it.
        unsafe { system::unmap_guarded(start, bytes) };
    }
    None
}
