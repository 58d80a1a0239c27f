//! Programs without a cycle: clones, numbers, trees.
//!
//! Above: the table of programs. Below: a kind's pointers.

use crate::collectors::Scale;
use crate::counted::clock::Clock;
use crate::counted::kinds::Counted;
use std::hint::black_box;

const CLONES: usize = 100_000_000;

pub(super) fn clone_drop<P: Clone>(pointer: P, scale: Scale, clock: &mut Clock) -> u64 {
    let count = scale.of(CLONES);
    clock.operations = count as u64;
    clones(&pointer, count);
    count as u64
}

/// Clones and drops, one after the other.
#[inline(never)]
pub(super) fn clones<P: Clone>(pointer: &P, count: usize) {
    for _ in 0..count {
        drop(black_box(black_box(pointer).clone()));
    }
}

const NUMBERS: usize = 50_000_000;
const RING: usize = 1024;

pub(super) fn churn<K: Counted>(scale: Scale, clock: &mut Clock) -> u64 {
    /// Numbers of one step.
    const STEP: usize = 64;
    let steps = scale.of(NUMBERS) / STEP;
    clock.operations = (steps * STEP) as u64;
    let mut ring: Vec<_> = (0..RING as u64).map(K::leaf).collect();
    let mut answer = 0;
    for at in (0..RING).step_by(STEP).cycle().take(steps) {
        clock.step(|| {
            for place in &mut ring[at..at + STEP] {
                let number = K::read(place) + 1;
                *place = K::leaf(number);
            }
            K::tend();
        });
        answer += K::read(&ring[at]);
    }
    answer
}

const DEPTH: u32 = 20;
const TREES: usize = 8;

pub(super) fn trees<K: Counted>(scale: Scale, clock: &mut Clock) -> u64 {
    let depth = scale.depth(DEPTH);
    let mut answer = 0;
    for _ in 0..TREES {
        let tree = grow::<K>(depth);
        answer += count::<K>(&tree);
        drop(tree);
        K::tend();
    }
    clock.operations = answer;
    answer
}

/// A tree, from its leaves up.
pub(super) fn grow<K: Counted>(depth: u32) -> K::Tree {
    K::tree((depth > 0).then(|| [grow::<K>(depth - 1), grow::<K>(depth - 1)]))
}

/// Its nodes.
pub(super) fn count<K: Counted>(tree: &K::Tree) -> u64 {
    1 + K::children(tree).map_or(0, |children| children.iter().map(count::<K>).sum())
}
