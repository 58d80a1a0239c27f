//! The mutator's end of a heap: steps 1 of the journey, a cursor for each lane.
//!
//! Above: the collector's allocation. Below: refills (refill.rs), large objects (large.rs).
//! In cycle.rs: phases. In sweep.rs: destructors. In figures.rs and verify.rs: looking at it all.

use super::ObjectHeap;
use super::classes::{Classes, GRANULE_BYTES, WORD_BYTES};
use super::span::{LANES, Lane, SpanRef};
use alloc_core::{AllocError, Layer, Layout};
use core::borrow::Borrow;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};

/// The free slots of one word of a span's bitmap. In the alive plane they count as taken already; while
/// marking, they are marked (R4).
pub(super) struct Cursor {
    /// A bit for each, in the granule where it begins.
    pub free: Cell<u64>,
    /// Which slots begin in the middle of their granule.
    pub odd: Cell<u64>,
    /// The memory that the word stands for; null: there is no span.
    pub memory: Cell<*mut u8>,
}

impl Cursor {
    const fn new() -> Self {
        Self { free: Cell::new(0), odd: Cell::new(0), memory: Cell::new(null_mut()) }
    }

    /// Step 1: the lowest free slot.
    #[inline(always)]
    pub fn take(&self, slot_bytes: usize) -> Option<NonNull<u8>> {
        let free = self.free.get();
        if free == 0 {
            return None;
        }
        self.free.set(free & (free - 1));
        let bit = free.trailing_zeros();
        let mut offset = bit as usize * GRANULE_BYTES;
        if !slot_bytes.is_multiple_of(GRANULE_BYTES) {
            offset += (self.odd.get() >> bit & 1) as usize * 8;
        }
        // SAFETY: a bit is free only where a slot of the span begins (`refill`), so the sum is an
        // address in the span, and not null.
        unsafe { Some(NonNull::new_unchecked(self.memory.get().add(offset))) }
    }

    /// The span, and the word in it.
    pub fn span<const KIB: usize>(&self) -> Option<(SpanRef<KIB>, usize)> {
        let memory = NonNull::new(self.memory.get())?;
        let word = memory.addr().get() % SpanRef::<KIB>::SPAN_BYTES / WORD_BYTES;
        // SAFETY: the memory is a span's, which the cursor owns (R1).
        Some((unsafe { SpanRef::of(memory) }, word))
    }
}

/// The one thread that allocates from a heap, or the one at a time.
///
/// `H` is the heap, or what leads to it: `ObjectHeap` itself, a reference, an `Arc`.
pub struct Mutator<H, A, const KIB: usize = 64>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    pub(super) cursors: [Cursor; LANES],
    pub(super) marking: Cell<bool>,
    pub(super) allocated_bytes: Cell<usize>,
    heap: H,
    below: PhantomData<A>,
}

// SAFETY: the cursors' pointers lead to spans that are this mutator's alone (R1) and move with it.
unsafe impl<H, A, const KIB: usize> Send for Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>> + Send,
    A: Layer,
{
}

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// The mutator of `heap`.
    ///
    /// # Safety
    ///
    /// The heap has no other mutator; and `heap` leads to the same one for as long as this lives.
    pub const unsafe fn new(heap: H) -> Self {
        Self {
            cursors: [const { Cursor::new() }; LANES],
            marking: Cell::new(false),
            allocated_bytes: Cell::new(0),
            heap,
            below: PhantomData,
        }
    }

    /// The heap.
    #[must_use]
    pub fn heap(&self) -> &ObjectHeap<A, KIB> {
        self.heap.borrow()
    }

    /// What leads to the heap.
    #[must_use]
    pub const fn handle(&self) -> &H {
        &self.heap
    }

    /// Memory for an object of this layout, which begins with its header word. `drops`: it is handed to
    /// [`sweep_dropping`](Self::sweep_dropping) when it is dead.
    ///
    /// The memory is not initialised. It has to be what the collector expects of an object before the
    /// next cycle looks at it. While marking, the object is marked and claimed.
    ///
    /// For a layout known at compile time the class is a constant. Sizes above a quarter of a span, and
    /// alignments above 1 KiB, get a run of their own.
    ///
    /// # Errors
    ///
    /// The layer below refused, and sweeping what has no destructors did not help; or the alignment is
    /// not less than a span. Nothing has changed then.
    #[inline(always)]
    pub fn allocate(&self, layout: Layout, drops: bool) -> Result<NonNull<u8>, AllocError> {
        let Some(class) = Classes::<KIB>::class_of(layout) else {
            return self.allocate_large(layout, drops);
        };
        self.allocate_in(class, drops)
    }

    /// [`allocate`](Self::allocate) for an object of whole words, aligned to one.
    ///
    /// # Errors
    ///
    /// As for `allocate`.
    #[inline(always)]
    pub fn allocate_words(&self, words: usize, drops: bool) -> Result<NonNull<u8>, AllocError> {
        const WORD_BYTES: usize = size_of::<usize>();
        let bytes = words.saturating_mul(WORD_BYTES);
        match Classes::<KIB>::class_of_words(bytes) {
            Some(class) => self.allocate_in(class, drops),
            None => {
                let layout = Layout::from_size_align(bytes, WORD_BYTES).map_err(|_| AllocError)?;
                self.allocate_large(layout, drops)
            }
        }
    }

    /// [`allocate`](Self::allocate) for a type whose first field is the header word (`repr(C)`).
    ///
    /// # Errors
    ///
    /// As for `allocate`.
    #[inline(always)]
    pub fn allocate_for<T>(&self) -> Result<NonNull<T>, AllocError> {
        let object = match const { Classes::<KIB>::class_of(Layout::new::<T>()) } {
            Some(class) => self.allocate_in(class, core::mem::needs_drop::<T>()),
            None => self.allocate_large(Layout::new::<T>(), core::mem::needs_drop::<T>()),
        };
        object.map(NonNull::cast)
    }

    #[inline(always)]
    fn allocate_in(&self, class: usize, drops: bool) -> Result<NonNull<u8>, AllocError> {
        let lane = Lane::new(class, drops);
        match self.cursor(lane).take(Classes::<KIB>::info(class).slot_bytes) {
            Some(object) => Ok(object),
            None => self.refill(lane),
        }
    }

    #[inline(always)]
    pub(super) fn cursor(&self, lane: Lane) -> &Cursor {
        debug_assert!(lane.index() < LANES);
        // SAFETY: a lane's index is below `LANES`: its class is one of the table's.
        unsafe { self.cursors.get_unchecked(lane.index()) }
    }

    /// Bytes of slots and large runs taken for objects so far, a word of a bitmap at a time: a little
    /// ahead of what was handed out. Only grows, and wraps.
    #[inline]
    pub fn allocated_bytes(&self) -> usize {
        self.allocated_bytes.get()
    }

    /// Whether the object is alive: allocated, and not found dead by a cycle.
    ///
    /// # Safety
    ///
    /// `object` was handed out by this heap, with this provenance, and nothing was swept since it was
    /// alive ([`hold_sweeping`](Self::hold_sweeping)).
    #[inline]
    pub unsafe fn is_alive(&self, object: NonNull<u8>) -> bool {
        let place = SpanRef::<KIB>::place(object);
        // SAFETY: the span is still there: the caller's promise.
        let span = unsafe { SpanRef::<KIB>::of(object) };
        span.bits(self.heap().alive(), place.word) & place.bit != 0
    }
}

impl<H, A, const KIB: usize> Drop for Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Gives the cursors' spans to the heap's lists. Marking that is under way finds nothing dead.
    fn drop(&mut self) {
        self.cancel_marking();
        self.retire_cursors();
    }
}

impl<H, A, const KIB: usize> fmt::Debug for Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutator")
            .field("marking", &self.marking)
            .field("allocated_bytes", &self.allocated_bytes)
            .finish_non_exhaustive()
    }
}
