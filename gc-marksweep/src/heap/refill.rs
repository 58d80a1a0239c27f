//! Steps 2 and 3 of the journey: the cursor's next word, and the lane's next span.
//!
//! Above: an allocation that found its cursor empty. Below: the lists, sweeping, the layer below.

use super::ObjectHeap;
use super::classes::Classes;
use super::mutator::{Cursor, Mutator};
use super::span::{Lane, Plane, SpanRef};
use super::sweep::Outcome;
use alloc_core::sync::Ordering;
use alloc_core::{AllocError, Layer};
use core::borrow::Borrow;
use core::ptr::{NonNull, null_mut};

/// How many spans an allocation sweeps before it asks for a new one: what bounds its time.
const SWEEPS_PER_REFILL: usize = 16;

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Step 2: fills the lane's cursor from its span, and takes from it.
    #[cold]
    #[inline(never)]
    pub(super) fn refill(&self, lane: Lane) -> Result<NonNull<u8>, AllocError> {
        let cursor = self.cursor(lane);
        if let Some((span, word)) = cursor.span::<KIB>()
            && let Some((word, free)) = self.heap().next_word(lane, span, word + 1)
        {
            return self.point(cursor, lane, span, word, free);
        }
        self.refill_from_next_span(lane)
    }

    /// Step 3: gives the cursor another span.
    #[cold]
    #[inline(never)]
    fn refill_from_next_span(&self, lane: Lane) -> Result<NonNull<u8>, AllocError> {
        let (cursor, heap) = (self.cursor(lane), self.heap());
        if let Some((span, _)) = cursor.span::<KIB>() {
            cursor.memory.set(null_mut());
            span.set_live_slots(span.span_slots());
            heap.lists.lock().lane(lane).full.push(span);
        }
        let span = heap.next_span(lane)?;
        let next = heap.next_word(lane, span, 0);
        debug_assert!(next.is_some(), "a span with free slots");
        let (word, free) = next.ok_or(AllocError)?;
        self.point(cursor, lane, span, word, free)
    }

    /// Points the cursor at a word's free slots, which are not 0, and takes from it.
    #[inline(always)]
    fn point(
        &self,
        cursor: &Cursor,
        lane: Lane,
        span: SpanRef<KIB>,
        word: usize,
        free: u64,
    ) -> Result<NonNull<u8>, AllocError> {
        let alive = self.heap().alive();
        span.set_bits(alive, word, span.bits(alive, word) | free);
        if self.marking.get() {
            born_marked(span, alive, word, free);
        }
        cursor.free.set(free);
        cursor.odd.set(Classes::<KIB>::odd(lane.class(), word));
        cursor.memory.set(span.word_memory(word).as_ptr());
        let slot_bytes = Classes::<KIB>::info(lane.class()).slot_bytes;
        let bytes = free.count_ones() as usize * slot_bytes;
        self.allocated_bytes.set(self.allocated_bytes.get().wrapping_add(bytes));
        cursor.take(slot_bytes).ok_or(AllocError)
    }

    /// Takes the spans out of all cursors, and gives them to the lists.
    pub(super) fn retire_cursors(&self) {
        for lane in Lane::all(false).chain(Lane::all(true)) {
            self.retire(lane);
        }
    }

    /// The slots that a cursor did not hand out are free again.
    fn retire(&self, lane: Lane) {
        let cursor = self.cursor(lane);
        let Some((span, word)) = cursor.span::<KIB>() else { return };
        let free = cursor.free.replace(0);
        cursor.memory.set(null_mut());
        let alive = self.heap().alive();
        span.set_bits(alive, word, span.bits(alive, word) & !free);
        if self.marking.get() {
            // ORDERING: Relaxed; other bits of the word may be set by a marker at the same time.
            span.word(alive.other(), word).fetch_and(!free, Ordering::Relaxed);
            span.word(Plane::CLAIMS, word).fetch_and(!free, Ordering::Relaxed);
        }
        let bytes = free.count_ones() as usize * span.slot_bytes();
        self.allocated_bytes.set(self.allocated_bytes.get().wrapping_sub(bytes));
        let live_slots: u32 = (0..KIB).map(|word| span.bits(alive, word).count_ones()).sum();
        span.set_live_slots(live_slots as usize);
        let is_full = live_slots as usize == span.span_slots();
        let mut lists = self.heap().lists.lock();
        let lists = lists.lane(lane);
        if is_full { &mut lists.full } else { &mut lists.partial }.push(span);
    }
}

/// Rule R4 for the free slots of a word.
pub(super) fn born_marked<const KIB: usize>(
    span: SpanRef<KIB>,
    alive: Plane,
    word: usize,
    free: u64,
) {
    if free == 0 {
        return;
    }
    // ORDERING: Relaxed; a marker may set other bits of the word at the same time. It learns of the new
    // objects from this thread, so it sees these bits.
    span.word(alive.other(), word).fetch_or(free, Ordering::Relaxed);
    span.word(Plane::CLAIMS, word).fetch_or(free, Ordering::Relaxed);
}

impl<A: Layer, const KIB: usize> ObjectHeap<A, KIB> {
    /// The first word of a span's bitmap, at or behind `word`, with free slots, and those.
    #[inline(always)]
    fn next_word(&self, lane: Lane, span: SpanRef<KIB>, mut word: usize) -> Option<(usize, u64)> {
        let alive = self.alive();
        loop {
            if word >= KIB {
                return None;
            }
            let free = Classes::<KIB>::starts(lane.class(), word) & !span.bits(alive, word);
            if free != 0 {
                return Some((word, free));
            }
            word += 1;
        }
    }

    /// Step 3: a span of this lane with a free slot, on no list.
    fn next_span(&self, lane: Lane) -> Result<SpanRef<KIB>, AllocError> {
        if let Some(span) = self.lists.lock().lane(lane).partial.pop() {
            return Ok(span);
        }
        if let Some(span) = self.sweep_for(lane, SWEEPS_PER_REFILL) {
            return Ok(span);
        }
        self.empty_span(lane).or_else(|_| self.last_resort(lane))
    }

    /// Sweeps up to `spans` spans of a lane, until one has a free slot.
    fn sweep_for(&self, lane: Lane, spans: usize) -> Option<SpanRef<KIB>> {
        if lane.drops() {
            return None; // R6
        }
        for _ in 0..spans {
            let span = self.lists.lock().take_unswept(lane)?;
            let outcome = self.sweep_bits(span);
            if outcome != Outcome::Full {
                self.lists.lock().in_hand -= 1;
                return Some(span);
            }
            self.settle(span, outcome);
        }
        None
    }

    /// A span from the pool, but for the reserve; else a new one; else the reserve.
    fn empty_span(&self, lane: Lane) -> Result<SpanRef<KIB>, AllocError> {
        let pooled = self.lists.lock().pop_pooled();
        #[cfg(feature = "std")]
        self.see_that_some_are_ready();
        let span = match pooled {
            Some(span) => span,
            None => match self.acquire(SpanRef::<KIB>::SPAN_BYTES) {
                Ok(span) => {
                    self.fill_reserve();
                    span
                }
                Err(AllocError) => {
                    self.run_short();
                    self.lists.lock().pool.pop().ok_or(AllocError)?
                }
            },
        };
        span.set_lane(lane);
        Ok(span)
    }

    /// Adds a span to the reserve, if the heap has grown so that it should be larger.
    fn fill_reserve(&self) {
        if !self.lists.lock().wants_reserve() {
            return;
        }
        match self.acquire(SpanRef::<KIB>::SPAN_BYTES) {
            Ok(span) => self.lists.lock().pool.push(span),
            Err(AllocError) => self.run_short(),
        }
    }

    /// The layer below refused: sweeps whatever can be swept here, until there is a span.
    #[cold]
    fn last_resort(&self, lane: Lane) -> Result<SpanRef<KIB>, AllocError> {
        if let Some(span) = self.sweep_for(lane, usize::MAX) {
            return Ok(span);
        }
        while self.sweep_some(1) > 0 {
            if let Ok(span) = self.empty_span(lane) {
                return Ok(span);
            }
        }
        Err(AllocError)
    }
}
