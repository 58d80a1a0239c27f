//! Threads that share a pool of stacks: they take, fill, pass on, check, give back and name, while one reclaims and
//! freezes. No coroutine runs: ThreadSanitizer is not told of stacks that are switched.
//!
//! Where they pass stacks on is alloc-core's lock, which ThreadSanitizer sees.

use alloc_arena::{Os, PooledStack, StackPool};
use alloc_core::sync::Lock;
use std::time::Duration;
use strata_stress::{Random, THREADS, together};

const PLACES: usize = 16;
const STACKS: usize = 48;
const ROUNDS: usize = 20_000;
/// Every stack is filled up to here, from its high end.
const FILLED_BYTES: usize = 300;

/// A stack on its way from one thread to another.
struct Filled<'p> {
    stack: PooledStack<&'p StackPool>,
    byte: u8,
}

impl<'p> Filled<'p> {
    fn new(stack: PooledStack<&'p StackPool>, byte: u8) -> Self {
        let usable = stack.usable();
        // SAFETY: the upper end of a stack that is this thread's.
        unsafe {
            usable.cast::<u8>().add(usable.len() - FILLED_BYTES).write_bytes(byte, FILLED_BYTES);
        }
        Self { stack, byte }
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        let usable = self.stack.usable();
        for at in usable.len() - FILLED_BYTES..usable.len() {
            // SAFETY: filled by `new`; the stack is this thread's.
            let byte = unsafe { usable.cast::<u8>().add(at).read() };
            assert_eq!(byte, self.byte, "a stack changed");
        }
    }
}

fn work<'p>(pool: &'p StackPool, places: &[Lock<Option<Filled<'p>>>], random: &mut Random) {
    let byte = random.below(256) as u8;
    let filled = pool.take().ok().map(|stack| {
        stack.set_name(if byte < 128 { "one" } else { "another" });
        stack.set_number(byte.into());
        Filled::new(stack, byte)
    });
    let place = &places[random.below(PLACES)];
    if let Some(waiting) = &*place.lock() {
        // Names are set by whoever holds a reference.
        waiting.stack.set_name("waiting");
    }
    let before = std::mem::replace(&mut *place.lock(), filled);
    drop(before);
}

fn main() {
    let pool = StackPool::new(Os::new())
        .with_stack_bytes(16 << 10)
        .with_limit_stacks(STACKS)
        .with_kept_bytes(0)
        .with_idle_delay(Some(Duration::from_millis(8)));
    let places: [Lock<Option<Filled>>; PLACES] = std::array::from_fn(|_| Lock::new(None));
    let (pool, places) = (&pool, &places);
    let mut works: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
    for thread in 0..THREADS {
        works.push(Box::new(move || {
            let mut random = Random(thread as u64 + 1);
            (0..ROUNDS).for_each(|_| work(pool, places, &mut random));
        }));
    }
    works.push(Box::new(move || {
        for round in 0..ROUNDS / 40 {
            pool.reclaim(if round % 2 == 0 { usize::MAX } else { 0 });
            pool.verify().expect("the records hold");
            pool.freeze();
            // SAFETY: frozen just now, by this thread.
            unsafe { pool.thaw() };
        }
    }));
    together(works);
    places.iter().for_each(|place| drop(place.lock().take()));
    pool.verify().expect("the records hold");
    assert_eq!(pool.figures().live_stacks, 0);
    println!("stacks: {:?}", pool.figures());
}
