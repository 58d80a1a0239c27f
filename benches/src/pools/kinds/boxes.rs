//! Pools that hand out boxes, or references.
//!
//! Above: `contestants`. Below: plurality, heapless, typed-arena.

use super::{by_reference, last_word};
#[cfg(feature = "plurality")]
use crate::pools::programs::threads;
use crate::pools::{CAPACITY, Pool, Value, View, full};
#[cfg(feature = "plurality")]
use crate::turns::Taken;
use heapless::box_pool;
use heapless::pool::boxed::{Box as PooledBox, BoxBlock};
use std::sync::Once;

box_pool!(Singleton: Value);

/// heapless's pool of boxes, which there is once in a program.
pub(in crate::pools) struct Blocks;

impl Pool for Blocks {
    type View<'p> = &'p Self;
    fn with_capacity(capacity_slots: usize) -> Self {
        static ONCE: Once = Once::new();
        assert!(capacity_slots <= CAPACITY, "the blocks are for ever, so they are given once");
        ONCE.call_once(|| {
            let blocks: Vec<_> = (0..CAPACITY).map(|_| BoxBlock::new()).collect();
            blocks.leak().iter_mut().for_each(|block| Singleton.manage(block));
        });
        Self
    }
    fn view(&mut self) -> &Self {
        self
    }
}

impl View for &Blocks {
    type Handle = PooledBox<Singleton>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        Singleton.alloc(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// typed-arena, which frees nothing before its end.
pub(in crate::pools) struct TypedArena(typed_arena::Arena<Value>);

by_reference!(TypedArena, |capacity| TypedArena(typed_arena::Arena::with_capacity(capacity)));

impl<'p> View for &'p TypedArena {
    type Handle = &'p mut Value;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> &'p mut Value {
        self.0.alloc(Value::new(word))
    }
    #[inline(always)]
    fn free(&mut self, value: &'p mut Value) -> u64 {
        value.word
    }
}

/// plurality on one thread, by the cheapest of its handles.
#[cfg(feature = "plurality")]
pub(in crate::pools) struct Plurality(plurality::Pool<Value>);

#[cfg(feature = "plurality")]
fn plurality(capacity_slots: usize) -> plurality::Pool<Value> {
    let slots = u32::try_from(capacity_slots).unwrap_or(u32::MAX);
    plurality::Pool::builder().chunk_size(slots).max_chunks(1).build()
}

#[cfg(feature = "plurality")]
by_reference!(Plurality, |capacity| Plurality(plurality(capacity)));

#[cfg(feature = "plurality")]
impl<'p> View for &'p Plurality {
    type Handle = plurality::Alloc<'p, Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        self.0.try_alloc(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// plurality for many threads: behind a lock to allocate, without one to free.
#[cfg(feature = "plurality")]
pub(in crate::pools) struct LockedPlurality(std::sync::Mutex<plurality::Pool<Value>>);

#[cfg(feature = "plurality")]
by_reference!(LockedPlurality, |capacity| LockedPlurality(plurality(capacity).into()));

#[cfg(feature = "plurality")]
impl View for &LockedPlurality {
    type Handle = plurality::Box<Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        let pool = self.0.lock().unwrap_or_else(|_| full());
        pool.try_alloc_box(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// From the thread that has the pool to another.
#[cfg(feature = "plurality")]
pub(in crate::pools) fn plurality_passing(steps: u64) -> Taken {
    let pool = plurality(CAPACITY);
    let make = move |word| pool.try_alloc_box(Value::new(word)).unwrap_or_else(|_| full());
    threads::pass(steps, make, last_word)
}
