//! Stacks for coroutines, which stand on the source itself.
//!
//! Above: the campaign. Below: `StackPool`.

use super::Subject;
use crate::ground::Ground;
use alloc_arena::{PooledStack, StackPool};
use alloc_core::AllocError;

/// A pool of stacks, taken, written to and put back.
pub struct Stacks(StackPool<Ground>);

impl Subject for Stacks {
    const NAME: &'static str = "StackPool";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        Ok(Self(StackPool::new(ground).with_idle_delay(None).with_kept_bytes(64 << 10)))
    }

    fn play(&mut self) -> usize {
        let pool = &self.0;
        let mut refused = 0;
        let mut live: Vec<(PooledStack<_>, u8)> = Vec::new();
        for round in 0..3 {
            for step in 0..40_u8 {
                match pool.take() {
                    Ok(stack) => {
                        fill(&stack, step);
                        live.push((stack, step));
                    }
                    Err(_) => refused += 1,
                }
                if step % 5 == round {
                    live.truncate(live.len() / 2);
                }
            }
            live.iter().for_each(|(stack, byte)| check(stack, *byte));
            pool.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
            live.clear();
            pool.reclaim(if round == 0 { 1 } else { usize::MAX });
        }
        refused
    }

    fn end(self) {
        self.0.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
        assert_eq!(self.0.figures().live_stacks, 0);
    }
}

fn fill(stack: &PooledStack<&StackPool<Ground>>, byte: u8) {
    let bytes = stack.usable();
    // SAFETY: the stack is the caller's, and nothing runs on it.
    unsafe { bytes.cast::<u8>().write_bytes(byte, bytes.len()) };
}

fn check(stack: &PooledStack<&StackPool<Ground>>, byte: u8) {
    // SAFETY: as in `fill`, which has initialised it.
    let bytes = unsafe { stack.usable().as_ref() };
    assert!(bytes.iter().step_by(61).all(|&at| at == byte), "a stack's contents changed");
}
