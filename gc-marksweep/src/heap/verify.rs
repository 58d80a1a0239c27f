//! Walks everything that the heap knows, and returns the first rule that does not hold.
//!
//! Above: tests, fuzzers, debug builds of the collector, between two mutations. Below: lists, bitmaps.
//! Spans that another thread is sweeping at this moment are left out.

use super::ObjectHeap;
use super::cards::card_bits;
use super::classes::Classes;
use super::list::{List, Lists};
use super::mutator::{Cursor, Mutator};
use super::span::{Lane, Plane, SpanRef};
use alloc_core::{Broken, Layer};
use core::borrow::Borrow;

const LAYER: &str = "ObjectHeap";

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Walks the metadata of the heap, then of the layer below. Takes time linear in the spans.
    ///
    /// # Errors
    ///
    /// [`Broken`] names the rule. A healthy heap never returns it.
    pub fn verify(&self) -> Result<(), Broken> {
        self.verify_own()?;
        self.heap().below.verify()
    }

    fn verify_own(&self) -> Result<(), Broken> {
        let lists = self.heap().lists.lock();
        let check = Check { heap: self.heap(), marking: self.marking.get() };
        let mut known_runs = lists.in_hand + lists.on_the_way;
        for lane in Lane::all(false).chain(Lane::all(true)) {
            known_runs += check.cursor(lane, self.cursor(lane))?;
        }
        known_runs += check.lists(&lists)?;
        let rule = "R1: every run is on one list, in hand, on the way or a cursor's";
        Broken::unless(known_runs == lists.runs, LAYER, rule, known_runs)
    }
}

struct Check<'h, A: Layer, const KIB: usize> {
    heap: &'h ObjectHeap<A, KIB>,
    marking: bool,
}

impl<A: Layer, const KIB: usize> Check<'_, A, KIB> {
    /// Returns how many spans stand on lists.
    fn lists(&self, lists: &Lists<KIB>) -> Result<usize, Broken> {
        let (mut spans, mut unswept) = (0, [0; 2]);
        for (lane, of_lane) in lists.lanes() {
            unswept[lane.drops() as usize] += of_lane.unswept.len();
            self.list(&of_lane.unswept, lane, true)?;
            self.list(&of_lane.partial, lane, false)?;
            self.list(&of_lane.full, lane, false)?;
            for span in of_lane.partial.iter() {
                let live_slots = self.live_slots(span);
                let is_partial = live_slots < span.span_slots() && !lane.is_large();
                let rule = "a partial span has free slots, and knows how many are not";
                let knows = span.live_slots() == live_slots;
                Broken::unless(is_partial && knows, LAYER, rule, span.address())?;
            }
            for span in of_lane.full.iter() {
                let is_full = self.live_slots(span) == span.span_slots();
                Broken::unless(is_full, LAYER, "a full span has no free slot", span.address())?;
            }
            spans += of_lane.each().iter().map(|(_, list)| list.len()).sum::<usize>();
        }
        for span in self.linked(&lists.pool)? {
            let is_empty = self.live_slots(span) == 0;
            Broken::unless(is_empty, LAYER, "a pooled span is empty", span.address())?;
            self.span(span, false)?;
        }
        let rule = "unswept spans are counted";
        Broken::unless(unswept == lists.unswept, LAYER, rule, unswept[0] + unswept[1])?;
        let rule = "R5: marking starts when all is swept";
        Broken::unless(!self.marking || lists.all_swept(), LAYER, rule, unswept[0])?;
        Ok(spans + lists.pool.len())
    }

    fn list(&self, list: &List<KIB>, lane: Lane, is_unswept: bool) -> Result<(), Broken> {
        for span in self.linked(list)? {
            let rule = "a span stands on a list of its lane";
            Broken::unless(span.lane() == lane, LAYER, rule, span.address())?;
            self.span(span, is_unswept)?;
        }
        Ok(())
    }

    /// The spans of a list whose links and length agree.
    fn linked<'l>(
        &self,
        list: &'l List<KIB>,
    ) -> Result<impl Iterator<Item = SpanRef<KIB>> + 'l, Broken> {
        let spans = list.iter().take(list.len() + 1).count();
        let last = list.iter().take(list.len()).last();
        let agree = spans == list.len() && last == list.last();
        Broken::unless(agree, LAYER, "a list is as long as it says, and ends", spans)?;
        Ok(list.iter())
    }

    fn live_slots(&self, span: SpanRef<KIB>) -> usize {
        let alive = self.heap.alive();
        (0..KIB).map(|word| span.bits(alive, word).count_ones() as usize).sum()
    }

    fn span(&self, span: SpanRef<KIB>, is_unswept: bool) -> Result<(), Broken> {
        let place = span.address();
        let is_aligned = place.is_multiple_of(SpanRef::<KIB>::SPAN_BYTES);
        let is_owned = is_aligned && self.heap.below.owns(span.run());
        Broken::unless(is_owned, LAYER, "a span is a run of the layer below", place)?;
        let alive = self.heap.alive();
        for word in 0..KIB {
            let starts = span.starts(word);
            let live = span.bits(alive, word);
            let other = span.bits(alive.other(), word);
            let cards = if span.lane().is_large() { card_bits::<KIB>(word) } else { 0 };
            let claims = span.bits(Plane::CLAIMS, word) & !cards;
            let strays = (live | other | claims) & !starts;
            Broken::unless(strays == 0, LAYER, "bits stand where slots begin", place)?;
            if is_unswept {
                // What was alive before the cycle, less what is finished with, and what is now.
                continue;
            }
            if self.marking {
                let marked_dead = (other | claims) & !live;
                let rule = "R3: what is marked or claimed was allocated";
                Broken::unless(marked_dead == 0, LAYER, rule, place)?;
            } else {
                let rule = "R5: a swept span has no bits of another cycle";
                let claims = span.bits(Plane::CLAIMS, word);
                Broken::unless(other | claims == 0, LAYER, rule, place)?;
            }
        }
        Ok(())
    }

    /// Returns how many spans the cursor has.
    fn cursor(&self, lane: Lane, cursor: &Cursor) -> Result<usize, Broken> {
        let free = cursor.free.get();
        let Some((span, word)) = cursor.span::<KIB>() else {
            Broken::unless(free == 0, LAYER, "a cursor without a span has no slots", lane.index())?;
            return Ok(0);
        };
        let place = span.address();
        Broken::unless(span.lane() == lane, LAYER, "a cursor's span is of its lane", place)?;
        self.span(span, false)?;
        let alive = self.heap.alive();
        let taken = span.bits(alive, word);
        Broken::unless(free & !taken == 0, LAYER, "a cursor's slots count as taken", place)?;
        let odd = Classes::<KIB>::odd(lane.class(), word);
        Broken::unless(cursor.odd.get() == odd, LAYER, "a cursor knows its odd slots", place)?;
        if self.marking {
            let marked = span.bits(alive.other(), word) & span.bits(Plane::CLAIMS, word);
            let rule = "R4: slots to come are marked and claimed";
            Broken::unless(free & !marked == 0, LAYER, rule, place)?;
        }
        Ok(1)
    }
}
