//! Arenas: a value in a `Bump`, frames of a `Stack` and of a `Bump`, a deferred call, a stack of a `StackPool`.
//!
//! Above: `mod.rs`. Below: alloc-arena over the system's memory. A value is a word, so that its place is counted, and not what
//! lies in it. A deferred call holds its word in place, and no more.

use super::Path;
use alloc_arena::{Arena, Bump, Os, Stack, StackPool};
use std::hint::black_box;

pub(super) const PATHS: &[Path] = &[
    Path::new("bump/alloc", "a word in a Bump, and a chunk now and then", alloc),
    Path::new("frame/empty", "a frame of a Stack, entered and left", empty),
    Path::new("frame/value", "the same with a word in it", value),
    Path::new("frame/value-bump", "the same of a Bump", value_in_bump),
    Path::new("frame/defer", "a frame of a Stack, and a deferred call in it", defer),
    Path::new("frame/defer-cancel", "the same, cancelled", cancel),
    Path::new("stacks/pair", "a stack of a StackPool taken, and given back", stack),
];

const STACK_BYTES: usize = 4 << 10;

const fn pages() -> Arena<Os> {
    Arena::new(Os::new())
}

fn new_stack() -> Stack<Arena<Os>> {
    black_box(Stack::with_capacity_in(STACK_BYTES, pages()))
}

#[inline(never)]
fn alloc(rounds: usize) {
    let bump = black_box(Bump::new(pages()));
    for round in 0..rounds {
        black_box(&raw const *bump.alloc(round));
    }
}

#[inline(never)]
fn empty(rounds: usize) {
    let mut stack = new_stack();
    let stack = black_box(&mut stack);
    for round in 0..rounds {
        stack.frame(|_| black_box(round));
    }
}

#[inline(never)]
fn value(rounds: usize) {
    let mut stack = new_stack();
    let stack = black_box(&mut stack);
    for round in 0..rounds {
        stack.frame(|frame| {
            black_box(&raw const *frame.alloc(round));
        });
    }
}

#[inline(never)]
fn value_in_bump(rounds: usize) {
    let mut bump = Bump::new(pages());
    bump.alloc(0);
    let bump = black_box(&mut bump);
    for round in 0..rounds {
        bump.frame(|frame| {
            black_box(&raw const *frame.alloc(round));
        });
    }
}

#[inline(never)]
fn defer(rounds: usize) {
    let mut stack = new_stack();
    let stack = black_box(&mut stack);
    for round in 0..rounds {
        stack.frame(|frame| {
            frame.defer(move || {
                black_box(round);
            });
        });
    }
}

#[inline(never)]
fn cancel(rounds: usize) {
    let mut stack = new_stack();
    let stack = black_box(&mut stack);
    for round in 0..rounds {
        stack.frame(|frame| {
            let deferred = frame.defer(move || {
                black_box(round);
            });
            deferred.cancel();
        });
    }
}

#[inline(never)]
fn stack(rounds: usize) {
    let pool = black_box(StackPool::new(Os::new()));
    for _ in 0..rounds {
        let Ok(stack) = pool.take() else { return };
        black_box(stack.usable());
    }
}
