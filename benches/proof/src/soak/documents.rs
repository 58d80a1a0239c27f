//! A thread that keeps documents under a collector, on the server's stack: trees that are made, changed and forgotten.
//!
//! Above: `soak`. Below: `MarkSweep` beside the mutator, or `Generational`: each thread takes one of them.

use super::Stack;
use super::server::{Server, stack};
use crate::random::Random;
use alloc_core::gc::{Collector, Gc, Heap, Lock, Trace};
use alloc_core::{Rootable, field};
use gc_generational::{Config as YoungConfig, Generational};
use gc_marksweep::{Config, MarkSweep};

const DOCUMENTS: usize = 2000;
const LIFE: usize = 400;

#[derive(Trace)]
struct Document<'gc> {
    number: usize,
    text: Gc<'gc, [usize]>,
    related: Lock<Option<Gc<'gc, Document<'gc>>>>,
}

Rootable!(type Shelf<'gc> = Vec<Gc<'gc, Document<'gc>>>);

/// Keeps documents until its time has come.
pub fn work(server: &Server, seed: u64) {
    let below: Stack = stack();
    if seed.is_multiple_of(2) {
        let collector = MarkSweep::background(Config::default(), below).expect("a thread starts");
        keep(server, collector, seed);
    } else {
        let collector = Generational::background(YoungConfig::default(), below);
        keep(server, collector.expect("a thread starts"), seed);
    }
}

fn keep<C: Collector>(server: &Server, collector: C, seed: u64) {
    let mut random = Random::new(seed);
    let mut heap = Heap::<C, Shelf>::new(collector, |_| Vec::new());
    for _ in 0..20 + random.below(LIFE) {
        if server.is_over() {
            break;
        }
        change(&mut heap, &mut random);
        if random.one_in(10) {
            heap.collect();
            server.note_collection();
        }
        check(&mut heap);
    }
}

fn change<C: Collector>(heap: &mut Heap<C, Shelf>, random: &mut Random) {
    heap.mutate_root(|mc, shelf| {
        for _ in 0..500 {
            let number = random.below(1 << 20);
            let words = if random.one_in(50) { 5000 } else { random.below(60) };
            let text = Gc::slice(mc, words, |index| number ^ index);
            let related = (!shelf.is_empty()).then(|| shelf[random.below(shelf.len())]);
            let document = Gc::new(mc, Document { number, text, related: Lock::new(related) });
            if shelf.len() < DOCUMENTS {
                shelf.push(document);
            } else {
                let place = random.below(DOCUMENTS);
                field!(shelf[place].write(mc), Document, related).set(None);
                shelf[place] = document;
            }
        }
    });
}

fn check<C: Collector>(heap: &mut Heap<C, Shelf>) {
    heap.mutate(|_, shelf| {
        for document in shelf {
            let is_right = |document: &Document<'_>| {
                let mut words = document.text.iter().enumerate();
                words.all(|(index, word)| *word == document.number ^ index)
            };
            assert!(is_right(document), "a document changed");
            assert!(document.related.get().is_none_or(|related| is_right(&related)));
        }
    });
}
