//! Programs of many threads: clones of one pointer, and a graph that all rewire.
//!
//! Above: the table of programs. Below: pointers that may be shared.

use super::acyclic::clones;
use super::cyclic::{group, target};
use crate::collectors::Scale;
use crate::collectors::histogram::Histogram;
use crate::counted::clock::{Clock, time};
use crate::counted::kinds::{Counted, Values};
use crate::memory::Random;
use std::sync::{Mutex, PoisonError};
use std::thread;

const CLONERS: usize = 2;
const CLONES: usize = 20_000_000;

pub(super) fn clone_drop<P: Clone + Sync>(pointer: &P, scale: Scale, clock: &mut Clock) -> u64 {
    let count = scale.of(CLONES) / CLONERS;
    clock.operations = (CLONERS * count) as u64;
    thread::scope(|scope| {
        (0..CLONERS).for_each(|_| _ = scope.spawn(|| clones(pointer, count)));
    });
    count as u64
}

const THREADS: usize = 4;
const NODES: usize = 10_000;
const CHANGES: usize = 5_000_000;

type Table<K> = [Mutex<<K as Values>::Node>];

/// The answer is how much was done: what comes out depends on who was first.
pub(super) fn graph<K>(scale: Scale, clock: &mut Clock) -> u64
where
    K: Counted + Values<Node: Send + Sync>,
{
    let table: Vec<_> = (0..scale.of(NODES) as u64)
        .map(|number| Mutex::new(K::node(number, [None, None])))
        .collect();
    let steps = scale.of(CHANGES) / THREADS / STEP;
    clock.operations = (THREADS * steps * STEP) as u64;
    let table = &table;
    thread::scope(|scope| {
        let run = |seed| scope.spawn(move || changes::<K>(table, seed, steps));
        let threads: Vec<_> = (0..THREADS as u64).map(run).collect();
        for thread in threads {
            clock.steps.join(&thread.join().unwrap_or_default());
        }
    });
    clock.operations
}

/// Changes of one step.
const STEP: usize = 16;

fn changes<K: Counted>(table: &Table<K>, seed: u64, steps: usize) -> Histogram {
    let (mut random, mut timed) = (Random::new(seed), Histogram::default());
    for _ in 0..steps {
        time(&mut timed, || (0..STEP).for_each(|_| change::<K>(table, &mut random)));
    }
    timed
}

/// What `cyclic` does to its graph. Nothing is dropped while a place is locked.
fn change<K: Counted>(table: &Table<K>, random: &mut Random) {
    let nodes = table.len();
    let at = random.below(nodes);
    let anew = match random.below(64) {
        0 => group(at, nodes),
        1..16 => at..at + 1,
        edge => return link::<K>(table, at, edge % 2, random),
    };
    for at in anew.clone() {
        let new = K::node(at as u64, [None, None]);
        let old = std::mem::replace(&mut *lock(&table[at]), new);
        drop(old);
    }
    for at in anew {
        (0..2).for_each(|edge| link::<K>(table, at, edge, random));
    }
}

fn link<K: Counted>(table: &Table<K>, at: usize, edge: usize, random: &mut Random) {
    let node = |place: usize| lock(&table[place]).clone();
    let to = node(target(at, table.len(), random));
    K::rewire(&node(at), edge, Some(to));
}

fn lock<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
