//! `DropBump` beside a model: what lies in it, which is dropped by a reset, the last one first, and only then.
#![no_main]

use alloc_arena::{Bump, DropBump};
use alloc_core::api2::alloc::System;
use alloc_core::{Failing, Observe, Schedule};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    /// A value with a destructor.
    One,
    /// So many, one by one.
    Many(u8),
    /// So many as a slice.
    Slice(u8),
    /// One without a destructor.
    Plain(u64),
    Text(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    first_log2: u8,
    most_log2: u8,
    refusals: u64,
    rounds: Vec<Vec<Op>>,
}

/// Writes its number down when it goes.
struct One<'l>(u32, u32, &'l RefCell<Vec<u32>>);

impl Drop for One<'_> {
    fn drop(&mut self) {
        assert_eq!(self.0, !self.1, "contents were lost");
        self.2.borrow_mut().push(self.0);
    }
}

fuzz_target!(|input: Input| {
    let gone = RefCell::new(Vec::new());
    let below = Observe::new(Failing::new(Schedule::Bits(input.refusals), System));
    let (first, most) = (1 << (input.first_log2 % 16), 1 << (input.most_log2 % 20));
    let mut bump = DropBump::of(Bump::new(&below).with_chunk_bytes(first, most));
    let mut number = 0;
    for round in &input.rounds {
        // What should be dropped, each row from its front; and what is looked at until then.
        let mut rows: Vec<Vec<u32>> = Vec::new();
        let (mut plain, mut texts) = (Vec::new(), Vec::new());
        for op in round {
            let before = number;
            let mut one = || {
                number += 1;
                One(number, !number, &gone)
            };
            match *op {
                Op::One => match bump.try_alloc_with(&mut one) {
                    Ok(one) => rows.push(vec![one.0]),
                    Err(_) => assert_ne!(input.refusals, 0),
                },
                Op::Many(count) => {
                    for _ in 0..count % 16 {
                        let one = bump.try_alloc_with(&mut one);
                        rows.extend(one.ok().map(|one| vec![one.0]));
                    }
                }
                Op::Slice(len) => {
                    let row = bump.try_alloc_slice_with(len.into(), |_| one());
                    rows.extend(row.ok().map(|row| row.iter().map(|one| one.0).collect()));
                }
                Op::Plain(word) => plain.extend(bump.try_alloc(word).ok().map(|at| (at, word))),
                Op::Text(len) => {
                    let text = "strata".repeat(len.into());
                    texts.extend(bump.try_alloc_str(&text).ok().map(|at| (at, text)));
                }
            }
            // What was refused is gone at once, and nothing else is.
            let refused = gone.take();
            assert!(refused.iter().all(|gone| *gone > before), "dropped too early");
            assert!(refused.is_empty() || input.refusals != 0);
            assert!(plain.iter().all(|(at, word)| **at == *word));
            assert!(texts.iter().all(|(at, text)| *at == text));
        }
        bump.reset();
        let expected: Vec<u32> = rows.into_iter().rev().flatten().collect();
        assert_eq!(gone.take(), expected);
        assert_eq!(bump.bump().allocated_bytes(), 0);
    }
    drop(bump);
    assert_eq!((gone.borrow().len(), below.figures().live_bytes), (0, 0));
});
