//! Programs whose garbage has cycles: lists, a graph, and rings beside much that stays.
//!
//! Above: the table of programs. Below: a kind's pointers.

use super::acyclic::{count, grow};
use crate::collectors::Scale;
use crate::counted::clock::Clock;
use crate::counted::kinds::Counted;
use crate::memory::Random;

const LISTS: usize = 100_000;
const LENGTH: u64 = 100;

pub(super) fn lists<K: Counted>(scale: Scale, clock: &mut Clock) -> u64 {
    let lists = scale.of(LISTS);
    clock.operations = lists as u64 * LENGTH;
    (0..lists).map(|_| clock.step(list::<K>)).sum()
}

/// Makes a list, walks to its end and back, and leaves it.
fn list<K: Counted>() -> u64 {
    let first = K::link(0, None);
    let mut last = first.clone();
    for number in 1..LENGTH {
        let next = K::link(number, Some(&last));
        K::follow(&last, next.clone());
        last = next;
    }
    let forward = walk::<K>(first.clone(), K::next);
    let back = walk::<K>(last, K::before);
    drop(first);
    K::tend();
    forward + back
}

fn walk<K: Counted>(from: K::Link, on: fn(&K::Link) -> Option<K::Link>) -> u64 {
    let (mut at, mut sum) = (Some(from), 0);
    while let Some(link) = at {
        sum += K::number(&link);
        at = on(&link);
    }
    sum
}

const NODES: usize = 100_000;
const CHANGES: usize = 5_000_000;

pub(super) fn graph<K: Counted>(scale: Scale, clock: &mut Clock) -> u64 {
    /// Changes of one step.
    const STEP: usize = 16;
    let mut random = Random::new(5);
    let mut table = linked::<K>(scale.of(NODES), &mut random);
    let steps = scale.of(CHANGES) / STEP;
    clock.operations = (steps * STEP) as u64;
    for _ in 0..steps {
        clock.step(|| {
            (0..STEP).for_each(|_| change::<K>(&mut table, &mut random));
            K::tend();
        });
    }
    table.iter().filter_map(|node| K::edge(node, 1)).map(|node| K::value(&node)).sum()
}

/// Nodes, each of which leads to two of them.
fn linked<K: Counted>(nodes: usize, random: &mut Random) -> Vec<K::Node> {
    let table: Vec<_> = (0..nodes as u64).map(|number| K::node(number, [None, None])).collect();
    for node in &table {
        for edge in 0..2 {
            K::rewire(node, edge, Some(table[random.below(nodes)].clone()));
        }
    }
    table
}

/// Rewires a node, or replaces it; others may still lead to it.
fn change<K: Counted>(table: &mut [K::Node], random: &mut Random) {
    let [at, left, right] = std::array::from_fn(|_| random.below(table.len()));
    let to = Some(table[left].clone());
    if random.one_in(4) {
        let also = Some(table[right].clone());
        let number = K::value(&table[at]) + 1;
        table[at] = K::node(number, [to, also]);
    } else {
        K::rewire(&table[at], right % 2, to);
    }
}

const LIVING: usize = 500_000;
const LIVING_DEPTH: u32 = 18;
const READS: usize = 20_000_000;

/// What stays is made before, and freed after, the time that counts.
pub(super) fn long_lived<K: Counted>(scale: Scale, clock: &mut Clock) -> u64 {
    /// Reads of one step; a ring is made in each.
    const STEP: usize = 16;
    let mut random = Random::new(11);
    let tree = grow::<K>(scale.depth(LIVING_DEPTH));
    let table = linked::<K>(scale.of(LIVING), &mut random);
    let steps = scale.of(READS) / STEP;
    clock.operations = (steps * STEP) as u64;
    let mut answer = 0;
    clock.start();
    for number in 0..steps as u64 {
        answer += clock.step(|| {
            ring::<K>(number);
            let next = |node: &K::Node| K::edge(node, 0).map_or(0, |next| K::value(&next));
            let sum = (0..STEP).map(|_| next(&table[random.below(table.len())])).sum::<u64>();
            K::tend();
            sum
        });
    }
    clock.stop();
    answer + count::<K>(&tree)
}

/// Three nodes in a ring, left at once.
fn ring<K: Counted>(number: u64) {
    let first = K::node(number, [None, None]);
    let second = K::node(number, [Some(first.clone()), None]);
    let third = K::node(number, [Some(second), None]);
    K::rewire(&first, 0, Some(third));
}
