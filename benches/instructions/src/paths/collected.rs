//! Collected objects: making one, and the write barrier, on both collectors.
//!
//! Above: `mod.rs`. Below: gc-generational and gc-marksweep over the default stack. A round makes an object of two words
//! and its header, or writes one of its fields; the stores of the fields themselves count.

use super::Path;
use crate::Heap;
use alloc_arena::{Arena, Os};
use alloc_core::gc::{Collector, Gc, Heap as Collected, Lock, Trace};
use alloc_core::{Rootable, field};
use alloc_sizeclass::ThreadCache;
use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use std::hint::black_box;

pub(super) const PATHS: &[Path] = &[
    Path::new("gc/new", "an object in the nursery", |rounds| {
        make(Generational::new(below()), rounds)
    })
    .rounds_of(FEW, 1)
    .at_most(12.0 + STORES),
    Path::new("gc/new-marksweep", "an object in a span", |rounds| {
        make(MarkSweep::new(below()), rounds)
    })
    .rounds_of(FEW, 1),
    Path::new("gc/write", "a write to an object that is remembered or young", |rounds| {
        write(Generational::new(below()), rounds);
    }),
    Path::new("gc/write-marksweep", "a write while nothing is marked", |rounds| {
        write(MarkSweep::new(below()), rounds);
    }),
];

/// Twice as many fit in the nursery.
const FEW: usize = 4000;
/// The value's own.
const STORES: f64 = 2.0;

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

Rootable!(type Root<'gc> = Gc<'gc, Node<'gc>>);

fn below() -> ThreadCache<Heap> {
    ThreadCache::new(Heap::new(Arena::new(Os::new())))
}

fn heap<C: Collector>(collector: C) -> Collected<C, Root> {
    Collected::new(collector, |mc| Gc::new(mc, Node { next: Lock::new(None), number: 1 }))
}

#[inline(never)]
fn make<C: Collector>(collector: C, rounds: usize) {
    heap(collector).mutate(|mc, root| {
        for _ in 0..rounds {
            let node = Node { next: Lock::new(Some(*root)), number: 2 };
            black_box(Gc::new(mc, node).as_ptr());
        }
    });
}

#[inline(never)]
fn write<C: Collector>(collector: C, rounds: usize) {
    let mut heap = heap(collector);
    heap.mutate(|mc, root| {
        for _ in 0..rounds {
            field!(root.write(mc), Node, next).set(Some(black_box(*root)));
        }
        assert_eq!(root.number, 1);
    });
}
