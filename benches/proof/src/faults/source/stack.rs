//! The default stack, and its heap alone.
//!
//! Above: the campaign. Below: `ThreadCache` over `SizeClassHeap` over an arena.

use super::{Pages, Subject, has_all_back, pages};
use crate::ground::Ground;
use crate::objects::Objects;
use alloc_core::{AllocError, Layer};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};

const STEPS: usize = 400;
const MOST: usize = 100;

type Cached = ThreadCache<SizeClassHeap<Pages>>;

/// The stack, with a thread that comes and goes in the middle.
pub struct Stack {
    cache: Cached,
    pages: Pages,
}

impl Subject for Stack {
    const NAME: &'static str = "ThreadCache, heap, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        let pages = pages(ground);
        Ok(Self { cache: ThreadCache::new(SizeClassHeap::new(pages.clone())), pages })
    }

    fn play(&mut self) -> usize {
        let mut objects = Objects::new(1, MOST);
        (0..STEPS).for_each(|step| step_of(&mut objects, &self.cache, step));
        let cache = &self.cache;
        // It frees what it was given, leaves what it made, and its lists are flushed when it ends.
        let mut objects = std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                (0..STEPS).for_each(|step| step_of(&mut objects, cache, step));
                objects
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        objects.check();
        objects.clear(&self.cache);
        verify(&self.cache);
        objects.refused
    }

    fn end(self) {
        self.cache.reclaim(usize::MAX);
        verify(&self.cache);
        drop(self.cache);
        has_all_back(&self.pages);
    }
}

/// The heap without a cache: each request is its own refill.
pub struct Heap {
    heap: SizeClassHeap<Pages>,
    pages: Pages,
}

impl Subject for Heap {
    const NAME: &'static str = "heap, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        let pages = pages(ground);
        Ok(Self { heap: SizeClassHeap::new(pages.clone()), pages })
    }

    fn play(&mut self) -> usize {
        let mut objects = Objects::new(2, MOST);
        (0..2 * STEPS).for_each(|step| step_of(&mut objects, &self.heap, step));
        objects.check();
        objects.clear(&self.heap);
        verify(&self.heap);
        objects.refused
    }

    fn end(self) {
        self.heap.reclaim(usize::MAX);
        verify(&self.heap);
        drop(self.heap);
        has_all_back(&self.pages);
    }
}

/// A step, and what is due now and then.
fn step_of(objects: &mut Objects, stack: &impl Layer, step: usize) {
    objects.step(stack);
    match step % 200 {
        50 => _ = stack.reclaim(256 << 10),
        100 => verify(stack),
        150 => objects.check(),
        199 => _ = stack.reclaim(usize::MAX),
        _ => {}
    }
}

fn verify(stack: &impl Layer) {
    stack.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
}
