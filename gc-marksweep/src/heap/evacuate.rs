//! Emptying sparse spans: their objects are copied elsewhere, so that the spans can go.
//!
//! Above: a collector that rewrites pointers, between two mutations, when all is swept and nothing is marked. Below:
//! lists, bitmaps, allocation. Not here: pointers.

use super::ObjectHeap;
use super::figures::Object;
use super::list::List;
use super::mutator::Mutator;
use super::span::{Lane, SpanRef};
use alloc_core::{AllocError, Layer};
use core::borrow::Borrow;
use core::fmt;

/// Spans whose objects were all copied elsewhere: [`Mutator::finish_evacuation`] gives them up.
#[must_use]
pub struct Evacuated<const KIB: usize = 64>(List<KIB>);

impl<const KIB: usize> Evacuated<KIB> {
    /// Spans.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<const KIB: usize> fmt::Debug for Evacuated<KIB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Evacuated").field(&self.len()).finish()
    }
}

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Copies the objects of spans in which at most `percent` of the slots hold objects: `copy` is called for each,
    /// and allocates where it goes. Spans with an object that `moves` is `false` of are left as they are. Ends early
    /// when `copy` fails.
    ///
    /// The spans stay readable until [`finish_evacuation`](Self::finish_evacuation), but are not walked or verified
    /// any more. Does nothing while the heap is marking, or something is to be swept.
    pub fn evacuate(
        &self,
        percent: usize,
        moves: impl Fn(Object) -> bool,
        mut copy: impl FnMut(Object) -> Result<(), AllocError>,
    ) -> Evacuated<KIB> {
        let mut evacuated = List::new();
        if self.marking.get() || !self.heap().is_swept() {
            return Evacuated(evacuated);
        }
        for lane in Lane::all(false).chain(Lane::all(true)) {
            let mut sparse = self.take_sparse(lane, percent, &moves);
            while let Some(span) = sparse.pop() {
                if self.copy_all(span, &mut copy).is_ok() {
                    evacuated.push(span);
                    continue;
                }
                sparse.push(span);
                self.heap().lists.lock().lane(lane).partial.append(&mut sparse);
                return Evacuated(evacuated);
            }
        }
        Evacuated(evacuated)
    }

    /// Gives the spans to the layer below.
    ///
    /// # Safety
    ///
    /// No object in them is used any more.
    pub unsafe fn finish_evacuation(&self, mut evacuated: Evacuated<KIB>) {
        while let Some(span) = evacuated.0.pop() {
            // SAFETY: the span is on no list but this one; the rest is the caller's (R7).
            unsafe { self.heap().release(span) };
        }
    }

    /// Takes the sparse spans of a lane off its list.
    fn take_sparse(
        &self,
        lane: Lane,
        percent: usize,
        moves: &impl Fn(Object) -> bool,
    ) -> List<KIB> {
        let (mut sparse, mut rest) = (List::new(), List::new());
        let mut partial =
            core::mem::replace(&mut self.heap().lists.lock().lane(lane).partial, List::new());
        while let Some(span) = partial.pop() {
            let is_sparse = span.live_slots() * 100 <= span.span_slots() * percent;
            if is_sparse && self.objects(span).all(moves) {
                sparse.push(span);
            } else {
                rest.push(span);
            }
        }
        self.heap().lists.lock().lane(lane).partial.append(&mut rest);
        sparse
    }

    fn objects(&self, span: SpanRef<KIB>) -> impl Iterator<Item = Object> {
        let (slot_bytes, drops) = (span.slot_bytes(), span.lane().drops());
        let alive = self.heap().alive();
        (0..KIB).flat_map(move |word| {
            let mut bits = span.bits(alive, word);
            core::iter::from_fn(move || {
                let address = (bits != 0).then(|| span.object_at(word, bits))?;
                bits &= bits - 1;
                Some(Object { address, slot_bytes, drops })
            })
        })
    }

    /// Copies all objects of a span. If one cannot be copied, those that were are no objects here any more.
    fn copy_all(
        &self,
        span: SpanRef<KIB>,
        copy: &mut impl FnMut(Object) -> Result<(), AllocError>,
    ) -> Result<(), AllocError> {
        let mut copied = 0;
        let failed = self.objects(span).any(|object| {
            let failed = copy(object).is_err();
            copied += usize::from(!failed);
            failed
        });
        if !failed {
            return Ok(());
        }
        let alive = self.heap().alive();
        let live_slots = span.live_slots() - copied;
        for word in 0..KIB {
            let mut bits = span.bits(alive, word);
            while bits != 0 && copied > 0 {
                bits &= bits - 1;
                copied -= 1;
            }
            // R2: no object is in those slots any more.
            span.set_bits(alive, word, bits);
        }
        span.set_live_slots(live_slots);
        Err(AllocError)
    }
}
