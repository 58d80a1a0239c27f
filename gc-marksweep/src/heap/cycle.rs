//! The phases of a cycle, as the mutator goes through them.
//!
//! Above: the collector's loop. Below: cursors and lists. Both ends of marking take time linear in the
//! lanes, whatever the heap's size.

use super::ObjectHeap;
use super::marker::Marker;
use super::mutator::Mutator;
use super::refill::born_marked;
use alloc_core::Layer;
use alloc_core::sync::Ordering;
use core::borrow::Borrow;

impl<H, A, const KIB: usize> Mutator<H, A, KIB>
where
    H: Borrow<ObjectHeap<A, KIB>>,
    A: Layer,
{
    /// Idle → Marking. From here on new objects are born marked and claimed. `None`: something is still
    /// to be swept (R5), by [`ObjectHeap::sweep_some`] and [`sweep_dropping`](Self::sweep_dropping), or
    /// by another thread that is at it.
    ///
    /// The marker may go to other threads; handing it over has to make this call visible to them.
    /// While the heap is marking, the answer is another such marker.
    #[must_use]
    pub fn start_marking(&self) -> Option<Marker<KIB>> {
        if let Some(marker) = self.marker() {
            return Some(marker);
        }
        if !self.heap().lists.lock().all_swept() {
            return None;
        }
        self.marking.set(true);
        let alive = self.heap().alive();
        for cursor in &self.cursors {
            if let Some((span, word)) = cursor.span::<KIB>() {
                born_marked(span, alive, word, cursor.free.get());
            }
        }
        self.marker()
    }

    /// The marker, while the heap is marking.
    pub fn marker(&self) -> Option<Marker<KIB>> {
        self.marking.get().then(|| Marker::new(self.heap().alive().other()))
    }

    /// Marking → Sweeping: what is not marked is dead, and its memory will be used again.
    ///
    /// # Safety
    ///
    /// Every object that will be used from now on is marked, with the exception of those that
    /// [`sweep_dropping`](Self::sweep_dropping) hands out, for as long as it does. No marker is used any
    /// more, on any thread, and what others have marked is visible to this one.
    pub unsafe fn finish_marking(&self) {
        self.end_marking(true);
    }

    /// Marking → Sweeping, with nothing found dead: for a collector that cannot go on. All bits that
    /// were set are cleared again as the spans are swept.
    pub fn cancel_marking(&self) {
        self.end_marking(false);
    }

    fn end_marking(&self, change_places: bool) {
        if !self.marking.get() {
            return;
        }
        self.retire_cursors();
        self.marking.set(false);
        let heap = self.heap();
        let mut lists = heap.lists.lock();
        lists.make_all_unswept();
        if change_places {
            let parity = heap.alive().other().parity();
            // ORDERING: Relaxed: under the lock, through which every sweeper gets its spans (R2).
            heap.parity.store(parity, Ordering::Relaxed);
        }
    }

    /// From here on no span is swept, until [`resume_sweeping`](Self::resume_sweeping): so objects that
    /// the next `finish_marking` finds dead stay intact, and [`is_alive`](Self::is_alive) tells which
    /// they are. Allocation takes new spans meanwhile. Pairs may be nested.
    pub fn hold_sweeping(&self) {
        self.heap().lists.lock().holds += 1;
    }

    /// Ends a [`hold_sweeping`](Self::hold_sweeping). Without one, does nothing.
    pub fn resume_sweeping(&self) {
        let mut lists = self.heap().lists.lock();
        lists.holds = lists.holds.saturating_sub(1);
    }
}
