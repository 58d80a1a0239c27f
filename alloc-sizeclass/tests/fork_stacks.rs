//! Forks of a process whose stacks stand on each other, and on one arena, with threads busy in all of them: every child
//! allocates and frees in each stack.
#![cfg(unix)]

mod common;

use alloc_arena::{Arena, Os};
use alloc_core::report::Tree;
use alloc_core::sync::Lock;
use alloc_core::{
    AllocError, Broken, Layer, Layout, Report, Segregate, Shared, allocator, forks, pass_on,
};
use alloc_sizeclass::{Compact, SizeClassHeap, ThreadCache, hardened, thread_cache};
use common::{fork, in_child};
use core::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

type Ground = Arena<Os>;
static GROUND: Ground = Arena::new(Os::new());

// Two tables of size classes, and a hardened stack, on one arena.
thread_cache! {
    static FIRST: SizeClassHeap<&'static Ground> = SizeClassHeap::new(&GROUND);
}
thread_cache! {
    static SECOND: SizeClassHeap<&'static Ground, Compact> = SizeClassHeap::new(&GROUND);
}
hardened! {
    static THIRD: &'static Ground = &GROUND;
}

// One that stands on the first, and so is above what is registered before it.
type First = ThreadCache<SizeClassHeap<&'static Ground>, FIRST>;
thread_cache! {
    static OVER_FIRST: SizeClassHeap<Slow<&'static First>> = SizeClassHeap::new(Slow::new(&FIRST));
}

// One whose sides share the arena, on ways of two lengths, and know it as `dyn`.
type Sides =
    Segregate<SizeClassHeap<&'static dyn Shareable>, &'static Slow<&'static dyn Shareable>>;
static SIDE: Slow<&'static dyn Shareable> = Slow::new(&GROUND);
const SHARED_GROUND: &dyn Shareable = &GROUND;
thread_cache! {
    static TWO_SIDES: SizeClassHeap<Sides> =
        SizeClassHeap::new(Segregate::new(64 << 10, SizeClassHeap::new(SHARED_GROUND), &SIDE));
}

// One of a user's own, who registers it.
static BY_USER: Slow<&'static Ground> = Slow::new(&GROUND);

trait Shareable: Layer + Send + Sync {}
impl<L: Layer + Send + Sync> Shareable for L {}

/// A layer of a user's, who holds a lock while the layer below is called.
struct Slow<A> {
    below: A,
    lock: Lock<()>,
}

impl<A> Slow<A> {
    const fn new(below: A) -> Self {
        Self { below, lock: Lock::new(()) }
    }
}

allocator! {
    // SAFETY: every call is the layer's below.
    unsafe impl[A: Layer] Allocator for Slow<A> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let _held = self.lock.lock();
            self.below.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            let _held = self.lock.lock();
            // SAFETY: the caller's promise.
            unsafe { self.below.deallocate(ptr, layout) };
        }
    }
}

// SAFETY: every answer is the layer's below.
unsafe impl<A: Layer> Layer for Slow<A> {
    pass_on!(below: owns usable_size range reclaim discard);
    fn report(&self, report: &mut Report<'_>) {
        self.below.report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        self.below.verify()
    }
    fn freeze(&self) {
        self.lock.acquire();
        self.below.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller's promise: `freeze` took both.
        unsafe {
            self.below.thaw();
            self.lock.release();
        }
    }
}

/// Requests of all kinds: slots, a few large runs.
fn churn(stack: &dyn Layer, rounds: usize) {
    const HELD: usize = 24;
    let mut held = [None; HELD];
    for round in 0..rounds + HELD {
        if let Some((slot, layout)) = held[round % HELD].take() {
            // SAFETY: allocated below with this layout, freed once.
            unsafe { stack.deallocate(slot, layout) };
        }
        if round < rounds {
            let bytes = if round % 50 == 7 { 200_000 } else { 16 + round * 37 % 3000 };
            let layout = Layout::from_size_align(bytes, 8).unwrap();
            let slot = stack.allocate(layout).unwrap().cast::<u8>();
            // SAFETY: so many bytes were just allocated.
            unsafe { slot.write_bytes(round as u8, bytes) };
            held[round % HELD] = Some((slot, layout));
        }
    }
}

fn statics() -> [&'static (dyn Shareable + 'static); 6] {
    [&FIRST, &SECOND, &THIRD, &OVER_FIRST, &TWO_SIDES, &BY_USER]
}

/// What the child found, as its exit code.
fn check_in_child(value: &dyn Layer) -> i32 {
    for (number, stack) in (1..).zip(statics()) {
        churn(stack, 300);
        if stack.verify().is_err() {
            return number;
        }
    }
    churn(value, 300);
    if value.verify().is_err() {
        return 10;
    }
    // Each cache took over those of the threads that are not here, or counted them as lost.
    let threads = |stack: &dyn Layer| Tree::of(&stack).figure("ThreadCache", "threads");
    if [threads(&FIRST), threads(&SECOND), threads(value)] != [Some(1); 3] {
        return 11;
    }
    let other = thread::spawn(|| statics().into_iter().for_each(|stack| churn(stack, 100)));
    if other.join().is_err() { 12 } else { 0 }
}

#[test]
fn children_find_all_stacks_in_order() {
    static STOP: AtomicBool = AtomicBool::new(false);
    // No thread is about to start at a fork: the standard library has a lock for that, which a child would find held.
    static STARTED: Barrier = Barrier::new(4);
    assert!(forks::register(&BY_USER) && forks::register(&BY_USER));
    let value = Shared::new(ThreadCache::new(SizeClassHeap::<_>::new(Slow::new(&GROUND))));
    let busy: Vec<_> = (0..3)
        .map(|number| {
            let value = value.clone();
            thread::spawn(move || {
                // Two begin where the others are last; all reclaim at times.
                let mut stacks = statics();
                stacks.rotate_left(number * 2);
                STARTED.wait();
                while !STOP.load(Ordering::Relaxed) {
                    for stack in stacks {
                        churn(stack, 100);
                        stack.reclaim(1 << 20);
                    }
                    churn(&value, 100);
                }
            })
        })
        .collect();
    STARTED.wait();
    for round in 0..20 {
        in_child(round, || forks::around(&[&value], fork), || check_in_child(&value));
    }
    STOP.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    for stack in statics() {
        stack.verify().unwrap();
    }
    value.verify().unwrap();
}
