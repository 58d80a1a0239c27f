//! Pointers that many threads count, and threads that look for cycles meanwhile.
//!
//! Locks are alloc-core's, which ThreadSanitizer sees; a type that has one is traced by hand, as std's are by alloc-core.

use alloc_core::gc::{Guard, Trace, Visitor, VisitorMut};
use alloc_core::sync::{Lock, LockGuard};
use rc_cycle::sync::{Cc, Weak, collect, figures, set_pace};
use rc_cycle::{Pace, target};
use strata_stress::{Random, THREADS, together};

struct Links(Lock<Vec<Cc<Node>>>);

// SAFETY: what is in the lock is visited while it is locked; who freezes gets the guard.
unsafe impl<'gc> Trace<'gc> for Links {
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        let Some(guard) = self.0.try_lock() else { return };
        guard.trace(visitor);
        if visitor.freezes() {
            type Guards<'g> = LockGuard<'g, Vec<Cc<Node>>>;
            // SAFETY: the visitor drops it before the lock can go.
            let guard = unsafe { std::mem::transmute::<Guards<'_>, Guards<'static>>(guard) };
            let guard: Box<dyn Guard> = Box::new(guard);
            // SAFETY: the same.
            unsafe { visitor.keep(Some(guard)) };
        }
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

/// A word that its destructor writes: who reads it too late, or at the same time, is seen.
struct Word(u64);

impl Drop for Word {
    fn drop(&mut self) {
        self.0 = 0;
    }
}

struct Node {
    word: Word,
    to: Links,
    fixed: Option<Cc<Node>>,
    back: Lock<Weak<Node>>,
}

// SAFETY: all pointers are in these two fields.
unsafe impl<'gc> Trace<'gc> for Node {
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        self.to.trace(visitor);
        self.fixed.trace(visitor);
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

trait Numbered {
    fn number(&self) -> u64;
}
target!(dyn Numbered + Send + Sync);

impl Numbered for Node {
    fn number(&self) -> u64 {
        self.word.0
    }
}

fn check(node: &Cc<Node>) {
    assert_eq!(node.word.0, 7);
}

const PLACES: usize = 8;

fn work(places: &[Lock<Option<Cc<Node>>>], random: &mut Random) {
    let (at, other) = (random.below(PLACES), random.below(PLACES));
    let found = places[at].lock().clone();
    found.iter().for_each(check);
    match (random.below(6), found) {
        (0, found) => {
            let to = Links(Lock::new(found.iter().cloned().collect()));
            let back = Lock::new(found.as_ref().map(Cc::downgrade).unwrap_or_default());
            let node = Cc::new(Node { word: Word(7), to, fixed: found.clone(), back });
            if let Some(found) = found {
                found.to.0.lock().push(node.clone());
            }
            let before = places[at].lock().replace(node);
            drop(before);
        }
        (1, Some(from)) => {
            let to = places[other].lock().clone();
            let carried = from.to.0.lock().pop();
            if let (Some(to), Some(carried)) = (to, carried) {
                to.to.0.lock().push(carried);
            }
        }
        (2, Some(node)) => {
            let weak = node.back.lock().clone();
            drop(node);
            let node = weak.upgrade();
            node.iter().for_each(check);
            let before = std::mem::replace(&mut *places[other].lock(), node);
            drop(before);
        }
        (3, Some(node)) => {
            let shape: Cc<dyn Numbered + Send + Sync> = rc_cycle::unsize!(node);
            assert_eq!(shape.number(), 7);
        }
        (4, Some(mut node)) => {
            let before = places[at].lock().take();
            drop(before);
            if let Some(node) = Cc::get_mut(&mut node) {
                node.word.0 = 7;
                node.to = Links(Lock::new(Vec::new()));
            }
        }
        (_, Some(node)) => {
            let links = std::mem::take(&mut *node.to.0.lock());
            drop(links);
        }
        _ => {}
    }
}

fn main() {
    // Its own thread would be std's.
    set_pace(Pace { automatic: false, ..Pace::default() });
    let places: Vec<_> = (0..PLACES).map(|_| Lock::new(None)).collect();
    let places = &places[..];
    let mut works: Vec<Box<dyn FnOnce() + Send + '_>> = Vec::new();
    for number in 1..=THREADS as u64 {
        works.push(Box::new(move || {
            let mut random = Random(number);
            for round in 0..20_000 {
                work(places, &mut random);
                if round % 50 == 0 {
                    collect();
                }
            }
        }));
    }
    together(works);
    places.iter().for_each(|place| drop(place.lock().take()));
    collect();
    let figures = figures();
    assert_eq!(figures.live_objects, 0);
    println!("cycles: {} freed by {} steps", figures.freed_objects, figures.fruitful);
}
