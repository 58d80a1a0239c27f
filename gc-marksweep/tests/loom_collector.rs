//! Loom models of how objects are visited beside a mutator, named after the rules in `protocol.rs`.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p gc-marksweep --features loom --test loom_collector --release
//! ```
//!
//! What an object holds is a loom cell: a visit reads it, a mutator writes it, and loom reports one that
//! is not ordered with the other. Claims are the heap's own bits. Which weakening was tried, and makes a
//! model fail, stands above each.
#![cfg(all(loom, feature = "loom"))]

use alloc_core::Layout;
use alloc_core::api2::alloc::System;
use gc_marksweep::heap::{Marker, Mutator, ObjectHeap};
use gc_marksweep::{Exchange, Handover, Own, Passage, Verdict};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::ptr::NonNull;

type Heap = ObjectHeap<System, 1>;
type Mutates = Mutator<Arc<Heap>, System, 1>;

const OBJECT: Layout = Layout::new::<[u64; 20]>();

const PREEMPTIONS: usize = 5;

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // These models are small, and some weakenings take three changes of thread to show.
    builder.preemption_bound = builder.preemption_bound.max(Some(PREEMPTIONS));
    builder.max_branches = 20_000;
    builder.check(f);
}

/// An object, with what it holds beside it, where loom sees it.
struct Object {
    slot: NonNull<u8>,
    holds: UnsafeCell<usize>,
    visits: AtomicUsize,
}

// SAFETY: the slot is memory of its heap, which outlives the model's threads; the cell is loom's to judge.
unsafe impl Send for Object {}
// SAFETY: the same.
unsafe impl Sync for Object {}

impl Object {
    fn new(mutator: &Mutates) -> Self {
        let slot = mutator.allocate(OBJECT, false).expect("memory");
        Self { slot, holds: UnsafeCell::new(1), visits: AtomicUsize::new(0) }
    }

    fn address(&self) -> usize {
        self.slot.addr().get()
    }

    fn claim(&self, marker: Marker<1>) -> bool {
        // SAFETY: the object is alive and the heap is marking, to the end of the model.
        unsafe { marker.claim(self.slot) }
    }

    /// What a visit does: it reads.
    fn visit(&self) -> usize {
        self.visits.fetch_add(1, Ordering::Relaxed);
        // SAFETY: loom judges.
        self.holds.with(|value| unsafe { *value })
    }

    /// The marker's way, P1.
    fn mark(&self, marker: Marker<1>, passage: &Passage) {
        if passage.enter(self.address(), || self.claim(marker)) == Verdict::Visit {
            assert_eq!(self.visit(), 1, "what it held when the cycle began");
            passage.leave();
        }
    }

    /// The mutator's way, P2.
    fn write(&self, marker: Marker<1>, passage: &Passage) {
        // SAFETY: as in `claim`.
        let is_claimed = || unsafe { marker.is_claimed(self.slot) };
        let visits_first = || self.claim(marker) && self.visit() > 0;
        Passage::before_write(Some(passage), self.address(), is_claimed, visits_first);
        // SAFETY: loom judges.
        self.holds.with_mut(|value| unsafe { *value += 1 });
    }
}

fn start() -> Mutates {
    // SAFETY: the heap is new, and this its only mutator.
    unsafe { Mutator::new(Arc::new(Heap::new(System))) }
}

/// P1, P2: the marker visits an object while the mutator writes to it, twice.
///
/// Fails with claims that are Relaxed (either of the two orders), with a Relaxed load in `wait_for`, with a
/// Relaxed store in `leave`, and without waiting.
#[test]
fn p1_p2_claim_against_barrier() {
    model(|| {
        let mutator = start();
        let object = Arc::new(Object::new(&mutator));
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (object, passage) = (Arc::clone(&object), Arc::clone(&passage));
            thread::spawn(move || object.mark(marker, &passage))
        };
        object.write(marker, &passage);
        object.write(marker, &passage);
        helper.join().expect("the helper");
        assert_eq!(object.visits.load(Ordering::Relaxed), 1, "visited once");
    });
}

/// P1, P2: the marker goes from one object to the next while the mutator writes to both, the other way
/// round. Nobody waits for ever.
///
/// Fails with a Relaxed store of `inside` in `enter`, and with a Relaxed load in `is_claimed` or in `claim`.
#[test]
fn p1_p2_two_objects() {
    model(|| {
        let mutator = start();
        let objects = Arc::new([Object::new(&mutator), Object::new(&mutator)]);
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (objects, passage) = (Arc::clone(&objects), Arc::clone(&passage));
            thread::spawn(move || objects.iter().for_each(|object| object.mark(marker, &passage)))
        };
        objects.iter().rev().for_each(|object| object.write(marker, &passage));
        helper.join().expect("the helper");
        for object in objects.iter() {
            assert_eq!(object.visits.load(Ordering::Relaxed), 1, "visited once");
        }
    });
}

/// P3: an object that is born while the marker is at work is claimed: the mutator writes to it without
/// waiting for anybody, and the marker, who meets it by way of an older one, leaves it alone.
#[test]
fn p3_allocation_during_marking() {
    model(|| {
        let mutator = start();
        let old = Arc::new(Object::new(&mutator));
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (old, passage) = (Arc::clone(&old), Arc::clone(&passage));
            thread::spawn(move || old.mark(marker, &passage))
        };
        let born = Object::new(&mutator);
        born.write(marker, &passage);
        old.write(marker, &passage);
        born.mark(marker, &passage);
        helper.join().expect("the helper");
        assert_eq!(born.visits.load(Ordering::Relaxed), 0, "never visited");
        assert_eq!(old.visits.load(Ordering::Relaxed), 1, "visited once");
    });
}

/// K1: the same for the cards of a large object: the marker goes from one to the next, the mutator writes to
/// both, the other way round.
///
/// Fails with card claims whose exchange is not Acquire or not Release, and without waiting.
#[test]
fn k1_claim_of_a_card_against_barrier() {
    model(|| {
        let heap = Arc::new(ObjectHeap::<System, 4>::new(System));
        // SAFETY: the heap is new, and this its only mutator.
        let mutator = unsafe { Mutator::<_, _, 4>::new(heap) };
        let layout = Layout::from_size_align(3000, 16).expect("a layout");
        let slot = mutator.allocate(layout, false).expect("memory");
        let marker = mutator.start_marking().expect("nothing to sweep");
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.has_cards(slot) });
        let shared = Arc::new((Passage::new(), Slot(slot), [0, 1].map(|_| UnsafeCell::new(1))));
        // SAFETY: as above.
        let claim = move |slot: &Slot, card| unsafe { marker.claim_card(slot.0, card) };
        let address = |slot: &Slot, card| slot.0.addr().get() + 1 + card;
        let helper = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (passage, slot, holds) = &*shared;
                for card in [0, 1] {
                    let entered = passage.enter(address(slot, card), || claim(slot, card));
                    if entered == Verdict::Visit {
                        // SAFETY: loom judges.
                        holds[card].with(|value| assert_eq!(unsafe { *value }, 1));
                        passage.leave();
                    }
                }
            })
        };
        let (passage, slot, holds) = &*shared;
        for card in [1, 0] {
            let at = address(slot, card);
            Passage::before_write(Some(passage), at, || false, || claim(slot, card));
            // SAFETY: loom judges.
            holds[card].with_mut(|value| unsafe { *value += 1 });
        }
        helper.join().expect("the helper");
    });
}

/// The address of an object in memory that outlives the model's threads.
struct Slot(NonNull<u8>);

// SAFETY: it is an address.
unsafe impl Send for Slot {}
// SAFETY: the same.
unsafe impl Sync for Slot {}

/// What threads that mark together visit, and what they note.
struct Together {
    exchange: Exchange<Vec<usize>>,
    objects: [UnsafeCell<usize>; 3],
    noted: UnsafeCell<usize>,
}

impl Together {
    /// Object 0 leads to the others.
    fn work(&self, own: &Own<Vec<usize>>, mut queue: Vec<usize>) -> usize {
        let mut visits = 0;
        loop {
            while let Some(object) = queue.pop() {
                // SAFETY: loom judges.
                self.objects[object].with_mut(|visited| unsafe { *visited += 1 });
                visits += 1;
                if object == 0 {
                    queue.extend([1, 2]);
                }
                if queue.len() > 1 {
                    let share = queue.split_off(1);
                    if let Err(share) = self.exchange.offer(own, share) {
                        queue.extend(share);
                    }
                }
            }
            match self.exchange.next(own) {
                Some(share) => queue = share,
                None => return visits,
            }
        }
    }
}

// SAFETY: the cells are loom's to judge.
unsafe impl Send for Together {}
// SAFETY: the same.
unsafe impl Sync for Together {}

/// E1 to E4: two threads visit each object once, both know when it is over, and whoever opened the round sees
/// what the other has visited and noted.
///
/// Fails if `next` does not look into the caller's own deque, if `rest` does not count the caller out, if `join`
/// lets in who comes too late, and if `close` does not wait.
#[test]
fn e1_to_e4_nobody_leaves_before_all_is_visited() {
    model(|| {
        let (exchange, mut ends) = Exchange::new(2);
        let own = ends.remove(0);
        let together = Arc::new(Together {
            exchange,
            objects: [0; 3].map(UnsafeCell::new),
            noted: UnsafeCell::new(0),
        });
        let helper = {
            let (together, own) = (Arc::clone(&together), ends.remove(0));
            thread::spawn(move || {
                if together.exchange.join() {
                    let visits = together.work(&own, Vec::new());
                    // SAFETY: loom judges.
                    together.noted.with_mut(|noted| unsafe { *noted = visits });
                    together.exchange.leave();
                }
            })
        };
        together.exchange.open();
        let visits = together.work(&own, vec![0]);
        together.exchange.close();
        // SAFETY: loom judges.
        let noted = together.noted.with(|noted| unsafe { *noted });
        assert_eq!(visits + noted, 3);
        for object in &together.objects {
            // SAFETY: loom judges.
            object.with(|visited| assert_eq!(unsafe { *visited }, 1));
        }
        helper.join().expect("the helper");
    });
}

/// What the mutator and the helper thread mark in turns: each object leads to the next.
struct Turns {
    handover: Handover<Vec<usize>>,
    objects: [UnsafeCell<usize>; 3],
}

// SAFETY: the cells are loom's to judge.
unsafe impl Send for Turns {}
// SAFETY: the same.
unsafe impl Sync for Turns {}

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self { handover: Handover::new(Vec::new()), objects: [0; 3].map(UnsafeCell::new) })
    }

    fn visit(&self, queue: &mut Vec<usize>) -> bool {
        let Some(object) = queue.pop() else { return false };
        // SAFETY: loom judges.
        self.objects[object].with_mut(|visits| unsafe { *visits += 1 });
        queue.extend((object + 1 < self.objects.len()).then_some(object + 1));
        true
    }

    /// The thread's way, H1 and H3.
    fn help(&self) {
        let taken = |work: &mut Vec<usize>| (!work.is_empty()).then(|| std::mem::take(work));
        if let Some(mut queue) = self.handover.take(taken) {
            while !self.handover.is_interrupted() && self.visit(&mut queue) {}
            self.handover.put_back(|work| work.append(&mut queue));
        }
    }

    /// The end of marking: the mutator has everything to itself.
    fn end(&self, mut queue: Vec<usize>) {
        while self.visit(&mut queue) {}
        for object in &self.objects {
            // SAFETY: loom judges.
            let visits = object.with_mut(|visits| unsafe { *visits });
            assert_eq!(visits, 1, "visited once, before the end");
        }
    }
}

/// H1, H2: the mutator asks whether the thread is done, and ends marking when it is.
///
/// Fails if `if_idle` does not ask who is busy, and if `take` does not say so.
#[test]
fn h1_h2_nobody_ends_marking_while_the_thread_is_busy() {
    model(|| {
        let turns = Turns::new();
        turns.handover.with(|work| work.push(0));
        let helper = {
            let turns = Arc::clone(&turns);
            thread::spawn(move || turns.help())
        };
        let is_done = |work: &mut Vec<usize>| work.is_empty().then(|| std::mem::take(work));
        if let Some(left) = turns.handover.if_idle(is_done) {
            turns.end(left);
        }
        helper.join().expect("the helper");
    });
}

/// H2, H3: the mutator takes over what the thread has begun, twice.
///
/// Fails if `take_over` does not wait for who is busy, and if `take` does not say so.
#[test]
fn h2_h3_work_is_taken_over() {
    model(|| {
        let turns = Turns::new();
        turns.handover.with(|work| work.push(0));
        let helper = {
            let turns = Arc::clone(&turns);
            thread::spawn(move || turns.help())
        };
        let mut queue = turns.handover.take_over(|_| {}, std::mem::take);
        if turns.visit(&mut queue) {
            // And once more, with what is left.
            turns.handover.with(|work| work.append(&mut queue));
            queue = turns.handover.take_over(|_| {}, std::mem::take);
        }
        turns.end(queue);
        helper.join().expect("the helper");
    });
}
