//! Large objects: each has a run of its own, which is a span of one slot.
//!
//! Above: `Mutator::allocate`, for layouts without a class. Below: the layer below.
//! The object begins behind the header, at the first place that has its alignment; its bits are found as
//! those of any object. Large objects stand on the `full` lists of their two lanes.

use super::ObjectHeap;
use super::classes::LARGE;
use super::header::header_bytes;
use super::mutator::Mutator;
use super::refill::born_marked;
use super::span::{Lane, SpanRef};
use alloc_core::{AllocError, Layer, Layout};
use core::borrow::Borrow;
use core::ptr::NonNull;

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_large(
        &self,
        layout: Layout,
        drops: bool,
    ) -> Result<NonNull<u8>, AllocError> {
        let offset = header_bytes::<KIB>().next_multiple_of(layout.align());
        // Its header is found from where it begins, so that has to be in the first span's length.
        if offset >= SpanRef::<KIB>::SPAN_BYTES {
            return Err(AllocError);
        }
        let run_bytes = offset.checked_add(layout.size()).ok_or(AllocError)?;
        let heap = self.heap();
        let span = heap.acquire(run_bytes).or_else(|_| {
            heap.run_short();
            heap.large_last_resort(run_bytes)
        })?;
        let lane = Lane::new(LARGE, drops);
        span.set_lane(lane);
        span.set_object(offset);
        span.set_live_slots(1);
        // SAFETY: `offset` lies within the run, which is longer.
        let object = unsafe { span.run().add(offset) };
        let place = SpanRef::<KIB>::place(object);
        let alive = heap.alive();
        span.set_bits(alive, place.word, place.bit);
        if self.marking.get() {
            born_marked(span, alive, place.word, place.bit);
        }
        self.allocated_bytes.set(self.allocated_bytes.get().wrapping_add(run_bytes));
        heap.lists.lock().lane(lane).full.push(span);
        Ok(object)
    }
}

impl<A: Layer, const KIB: usize> ObjectHeap<A, KIB> {
    /// The layer below refused: gives it what can be had here, until it grants the run.
    #[cold]
    fn large_last_resort(&self, run_bytes: usize) -> Result<SpanRef<KIB>, AllocError> {
        while self.sweep_some(1) > 0 || self.release_pooled() {
            if let Ok(span) = self.acquire(run_bytes) {
                return Ok(span);
            }
        }
        Err(AllocError)
    }

    fn release_pooled(&self) -> bool {
        let pooled = self.lists.lock().pool.pop();
        // SAFETY: the pool owned the span, which is empty.
        pooled.map(|span| unsafe { self.release(span) }).is_some()
    }
}
