//! Tasks whose body has hits of a thread cache inlined into it, before and after suspensions.
//!
//! Above: `tests/migrate.rs`, whose threads hand them to each other. Below: `corosensei`, and the caches.
//!
//! This is a library because a program's thread-local storage is reached by a constant offset, at which
//! a compiler has nothing to keep over a suspension. In a library it calls for an address, and keeps it.
//! A cache that is declared without `#[migrating]` fails these tests here, in the profile for tests too.

use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layout};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::fmt;
use std::ptr::NonNull;
use std::sync::LazyLock;

/// The heap below all caches here.
pub type Heap = SizeClassHeap<System>;

thread_cache! {
    #[migrating]
    /// Reached out of line.
    pub static CALLED: Heap = SizeClassHeap::new(System);
}

thread_cache! {
    #[migrating]
    #[initial_exec = "strata_migrate_loaded"]
    /// Reached by a load, where that is possible.
    pub static LOADED: Heap = SizeClassHeap::new(System);
}

/// A cache that is a value.
pub fn value() -> &'static ThreadCache<Heap> {
    static VALUE: LazyLock<ThreadCache<Heap>> =
        LazyLock::new(|| ThreadCache::new(SizeClassHeap::new(System)));
    &VALUE
}

/// The cache that a task uses. It is chosen here, so that the tasks' code is this library's, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// [`static@CALLED`].
    Called,
    /// [`static@LOADED`].
    Loaded,
    /// [`value`]'s.
    Value,
}

/// A task, on whichever thread has it.
pub struct Task(Coroutine<(), (), bool>);

// SAFETY: while it is suspended, a task of this file has on its stack: a reference to a cache, which is
// `Sync`; memory that it owns; numbers. Its caches are declared for tasks that migrate, or are values.
unsafe impl Send for Task {}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_done", &self.0.done()).finish()
    }
}

impl Task {
    /// Runs it until it suspends itself (`None`), or ends: whether all was as it should be.
    pub fn resume(&mut self) -> Option<bool> {
        match self.0.resume(()) {
            CoroutineResult::Yield(()) => None,
            CoroutineResult::Return(answer) => Some(answer),
        }
    }

    /// Frees a slot, is suspended, and allocates one: is it another?
    ///
    /// On another thread it has to be, as long as the first one lives: the slot is on its list.
    #[must_use]
    pub fn asks_twice(cache: Cache) -> Self {
        Self(match cache {
            Cache::Called => Coroutine::new(|yielder, ()| ask_twice(&&CALLED, yielder)),
            Cache::Loaded => Coroutine::new(|yielder, ()| ask_twice(&&LOADED, yielder)),
            Cache::Value => Coroutine::new(|yielder, ()| ask_twice(&value(), yielder)),
        })
    }

    /// In each of so many turns it allocates and frees, and is suspended between the steps.
    #[must_use]
    pub fn works(cache: Cache, number: u64, turns: u64) -> Self {
        Self(match cache {
            Cache::Called => Coroutine::new(move |to, ()| work(&&CALLED, number, turns, to)),
            Cache::Loaded => Coroutine::new(move |to, ()| work(&&LOADED, number, turns, to)),
            Cache::Value => Coroutine::new(move |to, ()| work(&value(), number, turns, to)),
        })
    }
}

#[inline(always)]
fn take(stack: &impl Allocator, layout: Layout) -> NonNull<u8> {
    match stack.allocate(layout) {
        Ok(slot) => slot.cast(),
        Err(_) => std::alloc::handle_alloc_error(layout),
    }
}

fn ask_twice(stack: &impl Allocator, yielder: &Yielder<(), ()>) -> bool {
    let layout = Layout::new::<[u64; 8]>();
    let first = take(stack, layout);
    // SAFETY: allocated above, for this layout.
    unsafe { stack.deallocate(first, layout) };
    yielder.suspend(());
    let second = take(stack, layout);
    // SAFETY: as above.
    unsafe { stack.deallocate(second, layout) };
    first != second
}

fn work(stack: &impl Allocator, number: u64, turns: u64, yielder: &Yielder<(), ()>) -> bool {
    let mut is_whole = true;
    for turn in 0..turns {
        let tag = number * turns + turn;
        let small = Filled::<3, _>::new(stack, tag);
        yielder.suspend(());
        let middle = Filled::<16, _>::new(stack, !tag);
        is_whole &= small.is_whole();
        yielder.suspend(());
        let large = Filled::<90, _>::new(stack, tag << 32);
        is_whole &= small.is_whole() && middle.is_whole();
        drop(small);
        yielder.suspend(());
        is_whole &= large.is_whole() && middle.is_whole();
        drop(middle);
        // What is left waits, on whichever thread the task is then.
        yielder.suspend(());
        is_whole &= large.is_whole();
    }
    is_whole
}

/// `WORDS` words, each of them `tag`, in memory of `stack`.
struct Filled<'a, const WORDS: usize, A: Allocator> {
    words: NonNull<[u64; WORDS]>,
    tag: u64,
    stack: &'a A,
}

impl<'a, const WORDS: usize, A: Allocator> Filled<'a, WORDS, A> {
    #[inline(always)]
    fn new(stack: &'a A, tag: u64) -> Self {
        let words = take(stack, Layout::new::<[u64; WORDS]>()).cast();
        // SAFETY: just allocated, for this type.
        unsafe { words.write([tag; WORDS]) };
        Self { words, tag, stack }
    }

    fn is_whole(&self) -> bool {
        // SAFETY: written by `new`, and this value's own.
        unsafe { self.words.as_ref() }.iter().all(|word| *word == self.tag)
    }
}

impl<const WORDS: usize, A: Allocator> Drop for Filled<'_, WORDS, A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, for this layout; nobody has it after this.
        unsafe { self.stack.deallocate(self.words.cast(), Layout::new::<[u64; WORDS]>()) };
    }
}
