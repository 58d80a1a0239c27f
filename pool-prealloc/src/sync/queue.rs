//! The global store in FIFO order: a queue of slots, of which a batch moves by one exchange.
//!
//! Above: `store.rs`. Below: nodes, of which there is one more than slots. Slots and nodes are named by their index.
//!
//! Source: Michael and Scott, "Simple, fast, and practical non-blocking and blocking concurrent queue algorithms",
//! PODC 1996; here a batch is linked, and taken, as a whole, and nodes are never freed: a slot that leaves takes a
//! node with it, and comes back with that.
//!
//! ```text
//!   head   [tag][node whose slot left last]     next[n]    [tag][node behind n, or NONE]
//!   tail   [tag][the last node, or one before]  slot[n]    the slot in node n     node[s]   the node that slot s brings
//! ```
//!
//! * **Q1** Who pushes owns its slots' nodes. It fills and links them, and then links the first one behind the last node
//!   (Release).
//! * **Q2** Whenever a node is made ready to be pushed, the tag of its `next` counts up, released: who read it before, as
//!   the last node, fails to link behind it; who reads it after sees that the head, and so the tail, went past, and
//!   has to look at the tail, or the head, once more.
//! * **Q3** The tail is never behind the head: a pop takes the head no further than the tail that it read after the head.
//!   Who finds the tail behind the last node moves it on.
//! * **Q4** Every exchange of head and tail counts its tag up; so what a pop read between the two is the queue's if its
//!   exchange of the head succeeds (ABA). That releases as well, as in a stack (T3).

use super::row::Row;
use super::stack::{NONE, index, tag, tagged};
use alloc_core::sync::{AtomicU32, AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// The most slots of a batch.
pub(super) const MOST_SLOTS: usize = super::shard::SLOTS;

pub(super) struct Queue {
    head: CachePadded<AtomicU64>,
    tail: CachePadded<AtomicU64>,
    next: Row<AtomicU64>,
    slot: Row<AtomicU32>,
    node: Row<AtomicU32>,
}

impl Queue {
    /// A queue of all slots, the first one in front. `next` and `slot` have an element more than `node`.
    pub fn full(next: Row<AtomicU64>, slot: Row<AtomicU32>, node: Row<AtomicU32>) -> Self {
        let slots = node.len() as u32;
        for at in 0..=slots {
            let behind = if at < slots { at + 1 } else { NONE };
            next[at as usize].store(tagged(behind, 0), Ordering::Relaxed);
            slot[at as usize].store(at.wrapping_sub(1), Ordering::Relaxed);
        }
        let head = CachePadded::new(AtomicU64::new(tagged(0, 0)));
        let tail = CachePadded::new(AtomicU64::new(tagged(slots, 0)));
        Self { head, tail, next, slot, node }
    }

    /// Makes the nodes of a batch ready (Q1, Q2): the first and the last one.
    fn link(&self, batch: &[u32]) -> Option<(u32, u32)> {
        let node_of = |slot: u32| self.node[slot as usize].load(Ordering::Relaxed);
        let (first, mut last) = (node_of(*batch.first()?), NONE);
        for (at, slot) in batch.iter().enumerate() {
            last = node_of(*slot);
            self.slot[last as usize].store(*slot, Ordering::Relaxed);
            let behind = batch.get(at + 1).map_or(NONE, |slot| node_of(*slot));
            let next = &self.next[last as usize];
            let tag = tag(next.load(Ordering::Relaxed)).wrapping_add(1);
            // ORDERING: Release, for the Acquire of those who read it by an old head (Q2).
            next.store(tagged(behind, tag), Ordering::Release);
        }
        Some((first, last))
    }

    /// Moves the tail on, unless another did.
    fn advance(&self, tail: u64, to: u32) {
        let new = tagged(to, tag(tail).wrapping_add(1));
        // ORDERING: Release, for who reads the tail: the node is in the queue.
        let _ = self.tail.compare_exchange(tail, new, Ordering::Release, Ordering::Relaxed);
    }

    /// Puts slots behind all others, in this order.
    pub fn push(&self, batch: &[u32]) {
        let Some((first, last)) = self.link(batch) else { return };
        loop {
            // ORDERING: Acquire, for the Release of `advance`.
            let tail = self.tail.load(Ordering::Acquire);
            let end = &self.next[index(tail) as usize];
            // ORDERING: Acquire: what follows is linked (Q1).
            let next = end.load(Ordering::Acquire);
            // Q2. ORDERING: Acquire, as above.
            if self.tail.load(Ordering::Acquire) != tail {
                continue;
            }
            if index(next) != NONE {
                self.advance(tail, index(next));
                continue;
            }
            let new = tagged(first, tag(next));
            // ORDERING: Release: the nodes, and what was done in the slots (Q1), for the Acquire of `pop`.
            if end.compare_exchange(next, new, Ordering::Release, Ordering::Relaxed).is_ok() {
                self.advance(tail, last);
                return;
            }
        }
    }

    /// Takes up to `batch.len()` slots from the front, in their order. Returns how many.
    pub fn pop(&self, batch: &mut [u32]) -> usize {
        let mut nodes = [NONE; MOST_SLOTS];
        loop {
            // ORDERING: Acquire, both: Q3, and T3.
            let head = self.head.load(Ordering::Acquire);
            let tail = self.tail.load(Ordering::Acquire);
            let (mut at, mut count) = (index(head), 0);
            while count < batch.len().min(MOST_SLOTS) && at != index(tail) {
                // ORDERING: Acquire: Q1.
                let next = index(self.next[at as usize].load(Ordering::Acquire));
                if next == NONE {
                    break; // of another time: the exchange will fail
                }
                (nodes[count], batch[count]) =
                    (at, self.slot[next as usize].load(Ordering::Relaxed));
                (at, count) = (next, count + 1);
            }
            if count == 0 {
                if self.is_empty_at(head, tail) {
                    return 0;
                }
                continue;
            }
            let new = tagged(at, tag(head).wrapping_add(1));
            // ORDERING: Acquire, as above; Release: Q3 and T3.
            let taken = self.head.compare_exchange(head, new, Ordering::AcqRel, Ordering::Relaxed);
            if taken.is_ok() {
                for (node, slot) in nodes.iter().zip(&batch[..count]) {
                    self.node[*slot as usize].store(*node, Ordering::Relaxed);
                }
                return count;
            }
        }
    }

    /// Whether nothing was behind the head at a moment when this was the head. Else it may be tried again.
    fn is_empty_at(&self, head: u64, tail: u64) -> bool {
        // ORDERING: Acquire: if it is of another time, the head read next is a later one (Q2).
        let next = index(self.next[index(head) as usize].load(Ordering::Acquire));
        if next == NONE {
            // ORDERING: Acquire, for the one that emptied the queue (T3).
            return self.head.load(Ordering::Acquire) == head;
        }
        if index(head) == index(tail) {
            self.advance(tail, next);
        }
        false
    }
}
