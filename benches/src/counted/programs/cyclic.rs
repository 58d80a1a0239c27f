//! Programs whose garbage has cycles: lists, a graph, and rings beside much that stays.
//!
//! Above: the table of programs. Below: a kind's pointers.

use super::acyclic::{count, grow};
use crate::collectors::Scale;
use crate::counted::clock::Clock;
use crate::counted::kinds::Counted;
use crate::memory::Random;
use std::ops::Range;

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

/// Nodes that belong together.
const GROUP: usize = 16;

/// The group of a node.
pub(super) fn group(at: usize, nodes: usize) -> Range<usize> {
    let first = at - at % GROUP;
    first..nodes.min(first + GROUP)
}

/// Where an edge of a node leads: into its group, but for one in 64.
pub(super) fn target(at: usize, nodes: usize, random: &mut Random) -> usize {
    let group = group(at, nodes);
    if random.one_in(64) { random.below(nodes) } else { group.start + random.below(group.len()) }
}

/// Nodes, each of which leads to two.
fn linked<K: Counted>(nodes: usize, random: &mut Random) -> Vec<K::Node> {
    let table: Vec<_> = (0..nodes as u64).map(|number| K::node(number, [None, None])).collect();
    (0..nodes).for_each(|at| link::<K>(&table, at, random));
    table
}

fn link<K: Counted>(table: &[K::Node], at: usize, random: &mut Random) {
    for edge in 0..2 {
        let to = target(at, table.len(), random);
        K::rewire(&table[at], edge, Some(table[to].clone()));
    }
}

/// Rewires a node; or makes it anew, or all of its group. Others may still lead to what was there.
fn change<K: Counted>(table: &mut [K::Node], random: &mut Random) {
    let nodes = table.len();
    let at = random.below(nodes);
    let anew = match random.below(64) {
        0 => group(at, nodes),
        1..16 => at..at + 1,
        edge => {
            let to = target(at, nodes, random);
            return K::rewire(&table[at], edge % 2, Some(table[to].clone()));
        }
    };
    for at in anew.clone() {
        table[at] = K::node(at as u64, [None, None]);
    }
    anew.for_each(|at| link::<K>(table, at, random));
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
    K::collect();
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
