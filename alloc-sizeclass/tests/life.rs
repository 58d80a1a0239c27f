//! The life of thread caches: threads that end, threads that idle, forks, instances that come and go.

use alloc_core::api2::alloc::System;
use alloc_core::report::Tree;
use alloc_core::{Allocator, Layer, Layout, Observe, Shared};
use alloc_sizeclass::{ClassTable, Fine, SizeClassHeap, SizeClasses, ThreadCache, thread_cache};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::{Barrier, mpsc};
use std::thread;

const SMALL: Layout = Layout::new::<[u64; 8]>();

type Heap = SizeClassHeap<System>;

/// Bytes of slots that the heap has handed out, caches included.
fn used_bytes(stack: &impl Layer) -> u64 {
    Tree::of(stack).figure("SizeClassHeap", "slots in use (caches included)").unwrap()
}

/// Allocates and frees `count` slots, so that some of them stay in the calling thread's cache.
fn warm_up(stack: &impl Allocator, count: usize) {
    let slots: Vec<_> = (0..count).map(|_| stack.allocate(SMALL).unwrap()).collect();
    for slot in slots {
        // SAFETY: allocated above with this layout, freed once.
        unsafe { stack.deallocate(slot.cast(), SMALL) };
    }
}

#[test]
fn a_thread_that_ends_gives_its_cache_back() {
    thread_cache! {
        static STACK: Heap = SizeClassHeap::new(System);
    }
    let counted = thread::spawn(|| {
        warm_up(&STACK, 1000);
        assert_eq!(Tree::of(&STACK).figure("ThreadCache", "threads"), Some(1));
        assert!(used_bytes(&STACK) > 0);
        STACK.figures()
    })
    .join()
    .unwrap();
    assert_eq!(Tree::of(&STACK).figure("ThreadCache", "threads"), Some(0));
    // What it has counted stays.
    assert!(counted.refills > 0 && counted.cached_bytes > 0);
    let figures = STACK.figures();
    assert_eq!((figures.refills, figures.flushes), (counted.refills, counted.flushes));
    assert_eq!((figures.threads, figures.cached_bytes), (0, 0));
    STACK.reclaim(usize::MAX);
    assert_eq!(used_bytes(&STACK), 0);
    STACK.verify().unwrap();
}

#[test]
fn reclaim_reaches_an_idle_thread() {
    thread_cache! {
        static STACK: Heap = SizeClassHeap::new(System);
    }
    let (warm, is_warm) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let idle = thread::spawn(move || {
        warm_up(&STACK, 1000);
        warm.send(()).unwrap();
        ended.recv().unwrap();
        // The cache works on, after it was emptied from outside.
        warm_up(&STACK, 1000);
        STACK.verify().unwrap();
    });
    is_warm.recv().unwrap();
    let before = used_bytes(&STACK);
    STACK.reclaim(usize::MAX);
    let after = used_bytes(&STACK);
    // What stays is the record of the idle thread; its lists are empty.
    assert!(before >= 1000 && after < 8192, "{before} bytes before, {after} after");
    end.send(()).unwrap();
    idle.join().unwrap();
    STACK.reclaim(usize::MAX);
    assert_eq!(used_bytes(&STACK), 0);
}

#[test]
fn reclaim_beside_busy_threads_loses_nothing() {
    let stack = ThreadCache::new(Heap::new(System));
    let start = Barrier::new(4);
    thread::scope(|scope| {
        let spawn = |seed: u8| {
            let (stack, start) = (&stack, &start);
            scope.spawn(move || {
                start.wait();
                let mut held: Vec<(NonNull<u8>, Layout)> = Vec::new();
                for round in 0..40_000usize {
                    let size = 16 + (round * 7919 + seed as usize * 31) % 2000;
                    let layout = Layout::from_size_align(size, 8).unwrap();
                    let slot = stack.allocate(layout).unwrap().cast::<u8>();
                    // SAFETY: the allocation has `size` bytes.
                    unsafe { slot.write_bytes(seed, size) };
                    held.push((slot, layout));
                    if held.len() > 200 {
                        let (slot, layout) = held.swap_remove(round % 200);
                        // SAFETY: a live allocation of this thread, with its own layout.
                        unsafe {
                            assert_eq!(
                                (slot.read(), slot.add(layout.size() - 1).read()),
                                (seed, seed)
                            );
                            stack.deallocate(slot, layout);
                        }
                    }
                }
                for (slot, layout) in held {
                    // SAFETY: as above.
                    unsafe { stack.deallocate(slot, layout) };
                }
            })
        };
        let threads = [spawn(0), spawn(1), spawn(2)];
        start.wait();
        for _ in 0..300 {
            stack.reclaim(usize::MAX);
        }
        // A scope waits for its threads' closures alone; `join` waits for their destructors too,
        // which give the caches back.
        for thread in threads {
            thread.join().unwrap();
        }
    });
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    assert_eq!(used_bytes(&stack), 0);
}

#[test]
fn destructors_of_other_thread_locals_may_allocate() {
    thread_cache! {
        static STACK: Heap = SizeClassHeap::new(System);
    }
    struct Late(Vec<NonNull<u8>>);
    impl Drop for Late {
        fn drop(&mut self) {
            // Before and after the cache's own end, whichever comes first.
            for slot in self.0.drain(..) {
                // SAFETY: allocated by the thread body with this layout, freed once.
                unsafe { STACK.deallocate(slot, SMALL) };
            }
            warm_up(&STACK, 100);
        }
    }
    thread_local! {
        static EARLY: RefCell<Late> = const { RefCell::new(Late(Vec::new())) };
        static LATE: RefCell<Late> = const { RefCell::new(Late(Vec::new())) };
    }
    thread::spawn(|| {
        let slots = || (0..50).map(|_| STACK.allocate(SMALL).unwrap().cast()).collect();
        EARLY.with(|late| late.borrow_mut().0 = slots());
        warm_up(&STACK, 100);
        LATE.with(|late| late.borrow_mut().0 = slots());
    })
    .join()
    .unwrap();
    STACK.reclaim(usize::MAX);
    assert_eq!(used_bytes(&STACK), 0);
    STACK.verify().unwrap();
}

#[test]
fn instances_come_and_go_under_living_threads() {
    let below = Shared::new(Observe::new(System));
    let (to_thread, from_main) = mpsc::channel::<Shared<ThreadCache<_>>>();
    let (done, is_done) = mpsc::channel();
    let worker = thread::spawn(move || {
        for stack in from_main {
            warm_up(&stack, 300);
            drop(stack);
            done.send(()).unwrap();
        }
    });
    for _ in 0..20 {
        let heap = SizeClassHeap::<_>::new(below.clone());
        let stack = Shared::new(ThreadCache::new(heap));
        warm_up(&stack, 300);
        to_thread.send(stack.clone()).unwrap();
        is_done.recv().unwrap();
        drop(stack);
        assert_eq!(below.figures().live_bytes, 0, "a dropped cache gives everything back");
    }
    drop(to_thread);
    worker.join().unwrap();
}

#[test]
fn a_thread_outlives_one_cache_and_flushes_into_another() {
    let dropped = Shared::new(ThreadCache::new(Heap::new(System)));
    let other = Shared::new(ThreadCache::new(Heap::new(System)));
    let (tell, told) = mpsc::channel::<()>();
    let (go, gone) = mpsc::channel::<()>();
    let worker = {
        let (dropped, other) = (dropped.clone(), other.clone());
        thread::spawn(move || {
            warm_up(&dropped, 100);
            warm_up(&other, 100);
            drop(dropped);
            tell.send(()).unwrap();
            gone.recv().unwrap();
        })
    };
    told.recv().unwrap();
    drop(dropped);
    // Takes the index of the one that is gone, but has another serial number.
    let successor = ThreadCache::new(Heap::new(System));
    warm_up(&successor, 100);
    assert!(used_bytes(&other) > 0);
    go.send(()).unwrap();
    worker.join().unwrap();
    assert_eq!(Tree::of(&other).figure("ThreadCache", "threads"), Some(0));
    other.reclaim(usize::MAX);
    assert_eq!(used_bytes(&other), 0);
    successor.verify().unwrap();
}

#[test]
fn caches_are_bounded_in_bytes() {
    let stack = ThreadCache::new(Heap::new(System));
    for size in [16usize, 64, 1000, 8192, 32 << 10, 300 << 10] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let slots: Vec<_> = (0..2000).map(|_| stack.allocate(layout).unwrap()).collect();
        for slot in slots {
            // SAFETY: allocated above with this layout, freed once.
            unsafe { stack.deallocate(slot.cast(), layout) };
        }
        let cached = Tree::of(&stack).figure("ThreadCache", "cached (this thread)").unwrap();
        let batch_bytes = <Fine as SizeClasses>::BATCH_BYTES;
        let slot_bytes = Fine::info(Fine::class_of(layout).unwrap()).slot_bytes;
        let bound = (2 * batch_bytes).max(slot_bytes) as u64;
        assert!(cached <= bound, "{cached} bytes cached of slots of {size}");
        stack.reclaim(usize::MAX);
    }
}

#[test]
fn types_are_send_and_sync() {
    fn is<T: Send + Sync>() {}
    is::<Heap>();
    is::<ThreadCache<Heap>>();
    is::<SizeClassHeap<Shared<System>>>();
}
