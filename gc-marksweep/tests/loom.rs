//! Loom models of the heap's protocol, named after the rules that they exercise (`heap/mod.rs`).
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p gc-marksweep --features loom --test loom --release
//! ```
//!
//! Each model fails when the protocol is weakened; which weakening was tried stands above each.
//! Memory is shadowed by a loom cell for each object (`Shadow`), so that loom sees every use of a
//! slot, and reports one that is not ordered after the last.
#![cfg(all(loom, feature = "loom"))]

use alloc_core::Layout;
use alloc_core::api2::alloc::System;
use gc_marksweep::heap::{Mutator, ObjectHeap};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Mutex;

type Heap = ObjectHeap<System, 1>;
type Mutates = Mutator<Arc<Heap>, System, 1>;

/// Some of these fill a span; their bits share a word.
const OBJECT: Layout = Layout::new::<[u64; 20]>();
/// How many do: of a span's KiB, the header takes some.
const SPAN_OBJECTS: usize = 6;
/// An object with a run of its own.
const LARGE: Layout = Layout::new::<[u64; 100]>();

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(2);
    }
    builder.max_branches = 20_000;
    builder.check(f);
}

fn start() -> (Arc<Heap>, Mutates) {
    let heap = Arc::new(Heap::new(System));
    // SAFETY: the heap is new, and this its only mutator.
    (Arc::clone(&heap), unsafe { Mutator::new(heap) })
}

/// An address that may go to another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Object(NonNull<u8>);

// SAFETY: an object is memory of its heap, which outlives the model's threads.
unsafe impl Send for Object {}

/// A loom cell for every address that turns up. The map itself is invisible to loom (a plain mutex never
/// blocks here: loom runs one thread at a time).
#[derive(Default)]
struct Shadow(Mutex<HashMap<usize, std::sync::Arc<UnsafeCell<u64>>>>);

impl Shadow {
    /// Uses the object as its owner does.
    fn touch(&self, object: Object) {
        let cell = self.0.lock().unwrap().entry(object.0.addr().get()).or_default().clone();
        // SAFETY: loom checks what this asserts: that no other access is under way or unordered.
        cell.with_mut(|value| unsafe { *value += 1 });
    }
}

fn allocate(mutator: &Mutates, drops: bool) -> Object {
    Object(mutator.allocate(OBJECT, drops).unwrap())
}

fn finish(mutator: &Mutates) {
    // SAFETY: the models use no object afterwards that they did not mark, but to ask whether it is alive
    // while nothing was swept.
    unsafe { mutator.finish_marking() };
}

fn is_alive(mutator: &Mutates, object: Object) -> bool {
    // SAFETY: the models ask before the object's span is swept, or when it is alive.
    unsafe { mutator.is_alive(object.0) }
}

/// What the models assume of spans.
#[test]
fn heap_spans_are_full_when_they_are() {
    model(|| {
        let (_heap, mut mutator) = start();
        let objects: Vec<_> = (0..=SPAN_OBJECTS).map(|_| allocate(&mutator, false)).collect();
        assert_eq!(objects[4].0.addr().get() - objects[0].0.addr().get(), 4 * 160);
        assert_eq!(mutator.figures().runs, 2);
    });
}

/// Of two threads that mark two objects whose bits share a word, each object is marked by one, and no
/// mark is lost.
#[test]
fn heap_r3_marked_exactly_once() {
    model(|| {
        let (_heap, mutator) = start();
        let objects = [allocate(&mutator, false), allocate(&mutator, false)];
        let dead = allocate(&mutator, false);
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the objects are alive, and the heap is marking.
        let mark = move |object: Object| usize::from(unsafe { marker.mark(object.0) });
        let other = thread::spawn(move || [mark(objects[0]), mark(objects[1])]);
        let mine = [mark(objects[1]), mark(objects[0])];
        let theirs = other.join().unwrap();
        assert_eq!([mine[1] + theirs[0], mine[0] + theirs[1]], [1, 1]);
        finish(&mutator);
        assert!(objects.iter().all(|object| is_alive(&mutator, *object)));
        assert!(!is_alive(&mutator, dead));
        mutator.verify().unwrap();
    });
}

/// Whoever claims an object may touch it; the other may not: so no field is read while it changes.
#[test]
fn heap_r3_claimed_exactly_once() {
    model(|| {
        let (_heap, mutator) = start();
        let objects = [allocate(&mutator, false), allocate(&mutator, false)];
        let marker = mutator.start_marking().unwrap();
        let shadow = Arc::new(Shadow::default());
        let shadow2 = shadow.clone();
        let other = thread::spawn(move || {
            // SAFETY: the objects are alive, and the heap is marking.
            if unsafe { marker.claim(objects[0].0) } {
                shadow2.touch(objects[0]);
            }
            // SAFETY: as above.
            assert!(unsafe { marker.claim(objects[1].0) });
        });
        // SAFETY: as above.
        if unsafe { marker.claim(objects[0].0) } {
            shadow.touch(objects[0]);
        }
        other.join().unwrap();
        // SAFETY: as above.
        assert!(objects.iter().all(|object| unsafe { marker.is_claimed(object.0) }));
        finish(&mutator);
    });
}

/// Objects that are allocated while another thread marks their neighbours are alive afterwards, and so
/// are the neighbours; the rest of the cursor's slots is free.
#[test]
fn heap_r4_born_marked() {
    model(|| {
        let (_heap, mutator) = start();
        let old = [allocate(&mutator, false), allocate(&mutator, false)];
        let marker = mutator.start_marking().unwrap();
        let other = thread::spawn(move || {
            // SAFETY: the object is alive, and the heap is marking.
            unsafe { marker.mark(old[1].0) && marker.claim(old[1].0) }
        });
        // One from the same word; then a word of a new span, and an object with a span of its own.
        let new: Vec<_> = (0..SPAN_OBJECTS - 1).map(|_| allocate(&mutator, false)).collect();
        let large = Object(mutator.allocate(LARGE, false).unwrap());
        for object in new.iter().chain([&large]) {
            // SAFETY: as above.
            assert!(unsafe { marker.is_marked(object.0) && marker.is_claimed(object.0) });
        }
        assert!(other.join().unwrap());
        finish(&mutator);
        assert!(
            is_alive(&mutator, old[1]) && is_alive(&mutator, large) && !is_alive(&mutator, old[0])
        );
        assert!(new.iter().all(|object| is_alive(&mutator, *object)));
        mutator.verify().unwrap();
    });
}

/// The same where the new ones come out of a word in which the marker is at work: neither side's bits are lost.
///
/// Fails if `born_marked` loads and stores instead of changing a word at once.
#[test]
fn heap_r4_born_in_a_word_that_is_being_marked() {
    model(|| {
        let (heap, mutator) = start();
        let old = [allocate(&mutator, false), allocate(&mutator, false)];
        // After a cycle the span is no cursor's, and has free slots.
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.mark(old[0].0) && marker.mark(old[1].0) });
        finish(&mutator);
        assert_eq!(heap.sweep_some(2), 1);
        let marker = mutator.start_marking().unwrap();
        // SAFETY: as above.
        let mark = move || unsafe { marker.mark(old[0].0) && marker.claim(old[0].0) };
        let other = thread::spawn(mark);
        let new = allocate(&mutator, false);
        // SAFETY: as above.
        assert!(unsafe { marker.is_marked(new.0) && marker.is_claimed(new.0) }, "born so");
        assert!(other.join().unwrap());
        for object in [old[0], new] {
            // SAFETY: as above.
            assert!(unsafe { marker.is_marked(object.0) && marker.is_claimed(object.0) }, "still");
        }
        finish(&mutator);
        assert!(is_alive(&mutator, old[0]) && is_alive(&mutator, new));
        assert!(!is_alive(&mutator, old[1]));
        mutator.verify().unwrap();
    });
}

/// The marks that a cursor's unused slots had are gone with the cursor, and no neighbour's are.
#[test]
fn heap_r4_unused_slots_are_free_again() {
    model(|| {
        let (_heap, mutator) = start();
        let old = allocate(&mutator, false);
        let marker = mutator.start_marking().unwrap();
        let other = thread::spawn(move || {
            // SAFETY: the object is alive, and the heap is marking.
            assert!(unsafe { marker.mark(old.0) });
        });
        // The cursor goes to the lists while the marker is at work.
        mutator.cancel_marking();
        other.join().unwrap();
        let mut objects = 0;
        let mut mutator = mutator;
        mutator.for_each_object(|_| objects += 1);
        assert_eq!(objects, 1);
    });
}

/// R2: a sweeper that looks for work while marking ends finds the planes as they are afterwards, or no span.
///
/// Fails if the planes change places outside the lock.
#[test]
fn heap_r2_a_sweeper_beside_the_end_of_marking() {
    model(|| {
        let (heap, mutator) = start();
        let objects = [allocate(&mutator, false), allocate(&mutator, false)];
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.mark(objects[0].0) && marker.claim(objects[0].0) });
        let sweeper = {
            let heap = heap.clone();
            thread::spawn(move || heap.sweep_some(1))
        };
        finish(&mutator);
        assert!(is_alive(&mutator, objects[0]) && !is_alive(&mutator, objects[1]));
        sweeper.join().unwrap();
        assert!(is_alive(&mutator, objects[0]), "its mark was swept away");
        heap.sweep_some(2);
        mutator.verify().unwrap();
        let marker = mutator.start_marking().unwrap();
        // SAFETY: as above.
        assert!(
            unsafe { marker.mark(objects[0].0) && marker.claim(objects[0].0) },
            "a bit was left"
        );
        finish(&mutator);
    });
}

/// While another thread sweeps, marking starts late or not at all: no mark of the new cycle is swept
/// away.
#[test]
fn heap_r5_swept_before_marked() {
    model(|| {
        let (heap, mutator) = start();
        let object = allocate(&mutator, false);
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.mark(object.0) && marker.claim(object.0) });
        finish(&mutator);
        let sweeper = thread::spawn(move || heap.sweep_some(1));
        if let Some(marker) = mutator.start_marking() {
            // SAFETY: as above.
            assert!(unsafe { marker.mark(object.0) && marker.claim(object.0) }, "a bit was left");
        }
        sweeper.join().unwrap();
        finish(&mutator);
        assert!(is_alive(&mutator, object));
        mutator.verify().unwrap();
    });
}

/// The marks of a new cycle, made by a third thread, come after the sweeper's last store.
#[test]
fn heap_r5_the_marker_sees_the_sweepers_work() {
    model(|| {
        let (heap, mutator) = start();
        let object = allocate(&mutator, false);
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.mark(object.0) && marker.claim(object.0) });
        finish(&mutator);
        let sweeper = thread::spawn(move || heap.sweep_some(1));
        let started = mutator.start_marking().map(|marker| {
            // SAFETY: as above; spawning hands the marker over.
            let mark = move |of: Object| unsafe { marker.mark(of.0) && marker.claim(of.0) };
            thread::spawn(move || mark(object))
        });
        if let Some(marks) = started {
            assert!(marks.join().unwrap(), "a bit was left");
        }
        sweeper.join().unwrap();
        finish(&mutator);
        assert!(is_alive(&mutator, object));
    });
}

/// A sweeper beside a mutator that allocates: no slot has two owners, what is alive is not handed out,
/// and every span is somewhere afterwards.
#[test]
fn heap_r1_sweeping_beside_allocation() {
    model(|| {
        let (heap, mutator) = start();
        let shadow = Shadow::default();
        let objects: Vec<_> = (0..=SPAN_OBJECTS).map(|_| allocate(&mutator, false)).collect();
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the object is alive, and the heap is marking.
        assert!(unsafe { marker.mark(objects[1].0) });
        finish(&mutator);
        let sweeper = thread::spawn(move || heap.sweep_some(2));
        let mut new: Vec<_> = (0..SPAN_OBJECTS).map(|_| allocate(&mutator, false)).collect();
        new.iter().for_each(|object| shadow.touch(*object));
        sweeper.join().unwrap();
        new.extend((0..2).map(|_| allocate(&mutator, false)));
        assert!(!new.contains(&objects[1]), "an object that is alive");
        let mut seen = std::collections::HashSet::new();
        assert!(new.iter().all(|object| seen.insert(object.0)), "one slot, two objects");
        assert!(is_alive(&mutator, objects[1]));
        mutator.verify().unwrap();
    });
}

/// Two sweepers, and large objects among what they sweep: each span is swept by one.
#[test]
fn heap_r1_r7_two_sweepers() {
    model(|| {
        let (heap, mutator) = start();
        allocate(&mutator, false);
        mutator.allocate(LARGE, false).unwrap();
        assert!(mutator.start_marking().is_some());
        finish(&mutator);
        let sweeper = {
            let heap = heap.clone();
            thread::spawn(move || heap.sweep_some(2))
        };
        let mine = heap.sweep_some(2);
        assert_eq!(mine + sweeper.join().unwrap(), 2);
        assert!(heap.is_swept());
        mutator.verify().unwrap();
        let mut mutator = mutator;
        let figures = mutator.figures();
        assert_eq!(
            (figures.runs, figures.objects),
            (1, 0),
            "the large one is gone, the span is pooled"
        );
    });
}

/// Objects with destructors are handed out to the mutator, whatever sweeps beside it, and before their
/// memory is used again.
#[test]
fn heap_r6_destructors_are_the_mutators() {
    model(|| {
        let (heap, mutator) = start();
        let dropping = [allocate(&mutator, true), allocate(&mutator, true)];
        allocate(&mutator, false);
        assert!(mutator.start_marking().is_some());
        finish(&mutator);
        let sweeper = thread::spawn(move || heap.sweep_some(2));
        let new = allocate(&mutator, true);
        assert!(!dropping.contains(&new));
        let mut dead = Vec::new();
        assert!(mutator.sweep_dropping(usize::MAX, |object| dead.push(Object(object))));
        assert_eq!(dead, dropping);
        assert_eq!(sweeper.join().unwrap(), 1);
        mutator.verify().unwrap();
    });
}

/// Looking at the objects while a sweeper is at work: it waits for the span in hand, and sees each
/// object that is alive once.
#[test]
fn heap_r1_a_walk_beside_a_sweeper() {
    model(|| {
        let (heap, mut mutator) = start();
        let objects: Vec<_> = (0..=SPAN_OBJECTS).map(|_| allocate(&mutator, false)).collect();
        let marker = mutator.start_marking().unwrap();
        // SAFETY: the objects are alive, and the heap is marking.
        unsafe { assert!(marker.mark(objects[0].0) && marker.mark(objects[SPAN_OBJECTS].0)) };
        finish(&mutator);
        let sweeper = thread::spawn(move || heap.sweep_some(2));
        let mut seen = Vec::new();
        mutator.for_each_object(|object| seen.push(Object(object.address)));
        seen.sort_by_key(|object| objects.iter().position(|other| other == object));
        assert_eq!(seen, [objects[0], objects[SPAN_OBJECTS]]);
        sweeper.join().unwrap();
        mutator.verify().unwrap();
    });
}
