//! `SyncPool`: values, boxes, bounds, panics, leaks, threads that end.
#![cfg(not(loom))]

use alloc_core::api2::alloc::Global;
use alloc_core::report::Text;
use alloc_core::{Failing, Report, Schedule};
use pool_prealloc::sync::{ArcBox, HeldBox, Order, SyncBox};
use pool_prealloc::{Full, SyncPool, TakeError};
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

/// Counts those that are alive.
struct Counted<'c>(&'c AtomicUsize, u64);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize, value: u64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count, value)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn fill<T: Clone>(pool: &SyncPool<T>, value: T) -> Vec<SyncBox<'_, T>> {
    std::iter::from_fn(|| pool.alloc(value.clone()).ok()).collect()
}

#[test]
fn the_bound_is_exact_for_one_thread() {
    for order in [Order::Lifo, Order::Fifo] {
        for capacity in [0, 1, 2, 7, 8, 9, 63, 64, 200, 1000] {
            for shards in [0, 1, 8, 1000] {
                let mut pool =
                    SyncPool::<u64>::builder(capacity).order(order).shards(shards).build();
                for round in 0..3 {
                    let boxes = fill(&pool, round);
                    assert_eq!(boxes.len(), capacity);
                    assert_eq!(pool.len(), capacity);
                    let places: HashSet<_> = boxes.iter().map(HeldBox::as_ptr).collect();
                    assert_eq!(places.len(), capacity);
                    assert_eq!(pool.alloc(1).unwrap_err(), Full(1));
                    drop(boxes);
                    assert_eq!(pool.len(), 0);
                    pool.verify().unwrap();
                }
                assert_eq!(pool.figures().refused, 6);
            }
        }
    }
}

#[test]
fn slots_in_another_threads_cache_are_free() {
    for order in [Order::Lifo, Order::Fifo] {
        let pool = SyncPool::<u64>::builder(100).order(order).shards(8).build();
        let (go, here) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..3 {
                    drop(fill(&pool, 1)); // some stay in this thread's cache
                    drop((0..90).map(|_| pool.alloc(1).unwrap()).collect::<Vec<_>>());
                    here.wait();
                    go.wait();
                }
            });
            for _ in 0..3 {
                here.wait();
                assert_eq!(fill(&pool, 2).len(), 100);
                go.wait();
            }
        });
        // It has ended: its cache is still the pool's.
        assert_eq!(fill(&pool, 3).len(), 100);
    }
}

#[test]
fn a_thread_that_ends_leaves_its_cache_to_others() {
    let pool = SyncPool::<u64>::builder(1000).shards(16).build();
    for _ in 0..20 {
        thread::scope(|scope| {
            scope.spawn(|| drop((0..50).map(|_| pool.alloc(1).unwrap()).collect::<Vec<_>>()));
        });
    }
    assert!(pool.figures().cached_slots > 0);
    assert_eq!(fill(&pool, 2).len(), 1000);
    assert_eq!(pool.figures().gatherings, 1);
}

#[test]
fn boxes_are_used_while_a_thread_ends() {
    static POOL: std::sync::LazyLock<SyncPool<u64>> =
        std::sync::LazyLock::new(|| SyncPool::with_capacity(100));
    thread_local! {
        static LAST: Cell<Option<SyncBox<'static, u64>>> = const { Cell::new(None) };
    }
    for _ in 0..300 {
        thread::spawn(|| {
            LAST.set(POOL.alloc(1).ok());
            drop(POOL.alloc(2).unwrap());
        })
        .join()
        .unwrap();
    }
    assert_eq!(POOL.len(), 0);
}

#[test]
fn one_thread_gets_slots_in_order() {
    let order_of = |order: Order| {
        let pool = SyncPool::<u64>::builder(64).order(order).shards(4).build();
        let base = HeldBox::as_ptr(&pool.alloc(0).unwrap()).addr().get();
        let number = |boxed: &SyncBox<'_, u64>| (HeldBox::as_ptr(boxed).addr().get() - base) / 8;
        (0..200).map(|value| number(&pool.alloc(value).unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(order_of(Order::Lifo), [0; 200]);
    let fifo = order_of(Order::Fifo);
    // The first slot was used before, to find out where it is: it comes last.
    assert_eq!(fifo, (0..200).map(|at| (at + 1) % 64).collect::<Vec<_>>());
}

#[test]
fn panics_give_slots_back() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("a bad destructor");
        }
    }
    let pool = SyncPool::<Bad>::with_capacity(10);
    for _ in 0..30 {
        let boxed = pool.alloc(Bad).ok().unwrap();
        catch_unwind(AssertUnwindSafe(|| drop(boxed))).unwrap_err();
        catch_unwind(AssertUnwindSafe(|| pool.alloc_with(|| panic!("a bad closure")).is_ok()))
            .unwrap_err();
    }
    assert_eq!(pool.len(), 0);
}

#[test]
fn leaked_values_are_dropped_with_the_pool() {
    let count = AtomicUsize::new(0);
    for order in [Order::Lifo, Order::Fifo] {
        let pool = SyncPool::builder(100).order(order).build();
        let mut boxes: Vec<_> =
            (0..60).map(|value| pool.alloc(Counted::new(&count, value)).ok().unwrap()).collect();
        for boxed in boxes.drain(20..50) {
            std::mem::forget(boxed);
        }
        assert_eq!(HeldBox::leak(boxes.pop().unwrap()).1, 59);
        drop(boxes);
        assert_eq!((count.load(Ordering::Relaxed), pool.len()), (31, 31));
        drop(pool);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn leaked_values_are_all_dropped_though_one_panics() {
    struct Bad<'c>(Counted<'c>);
    impl Drop for Bad<'_> {
        fn drop(&mut self) {
            assert_ne!(self.0.1, 3, "a bad destructor");
        }
    }
    let count = AtomicUsize::new(0);
    let pool = SyncPool::with_capacity(10);
    for value in 0..10 {
        std::mem::forget(pool.alloc(Bad(Counted::new(&count, value))).ok().unwrap());
    }
    catch_unwind(AssertUnwindSafe(|| drop(pool))).unwrap_err();
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn values_come_back() {
    let pool = SyncPool::with_capacity(1);
    let boxed = pool.alloc_with(|| String::from("value")).unwrap();
    let Err(Full(refused)) = pool.alloc(String::from("second")) else { panic!("it is full") };
    let called = Cell::new(false);
    let make = || {
        called.set(true);
        String::new()
    };
    assert!(pool.alloc_with(make).is_err());
    assert!(!called.get());
    assert_eq!(HeldBox::into_inner(boxed), "value");
    let mut boxed = pool.alloc(refused).unwrap();
    boxed.push('!');
    assert_eq!(format!("{boxed} {boxed:?}"), "second! \"second!\"");
    let pinned = HeldBox::into_pin(boxed);
    assert_eq!(*pinned, "second!");
    drop(pinned);
    assert_eq!(pool.len(), 0);
    assert_eq!(format!("{pool:?}"), "SyncPool { capacity: 1, used: 0, .. }");
    assert_eq!(format!("{} {:?}", Full(1), Full(1)), "the pool has no free slot Full(..)");
}

#[test]
fn owned_boxes_outlive_the_pools_handle() {
    let pool = Arc::new(SyncPool::with_capacity(10));
    let boxed: ArcBox<_> = pool.alloc_owned(vec![1]).unwrap();
    let weak = Arc::downgrade(&pool);
    drop(pool);
    thread::spawn(move || assert_eq!(*boxed, [1])).join().unwrap();
    assert!(weak.upgrade().is_none());
}

#[test]
fn zero_sized_and_over_aligned() {
    #[repr(align(512))]
    #[derive(Clone)]
    struct Wide(u8);
    let pool = SyncPool::with_capacity(20);
    let boxes = fill(&pool, Wide(7));
    assert_eq!(boxes.len(), 20);
    assert!(boxes.iter().all(|boxed| (&raw const **boxed).addr() % 512 == 0 && boxed.0 == 7));
    let pool = SyncPool::with_capacity(1000);
    assert_eq!(fill(&pool, ()).len(), 1000);
    let pool = SyncPool::with_capacity(3);
    #[repr(align(64))]
    #[derive(Clone)]
    struct Nothing;
    let boxes = fill(&pool, Nothing);
    assert_eq!(
        boxes.iter().map(|boxed| (&raw const **boxed).addr() / 64).collect::<HashSet<_>>().len(),
        3
    );
}

#[test]
fn too_large_is_an_error() {
    let most = u32::MAX as usize;
    for capacity in [usize::MAX, usize::MAX / 2, usize::MAX / 8, most, most + 1] {
        assert!(matches!(
            SyncPool::<[u64; 1000]>::try_with_capacity(capacity),
            Err(TakeError::TooLarge)
        ));
        assert!(SyncPool::<u8>::try_with_capacity(capacity).is_err() || capacity <= most);
        assert!(SyncPool::<()>::try_with_capacity(capacity).is_err());
    }
    let never = Failing::new(Schedule::Every(1), Global);
    assert!(SyncPool::<u64, _>::try_with_capacity_in(10, never).is_err());
}

#[test]
fn figures_are_reported() {
    let pool = SyncPool::<u64>::with_capacity(100);
    let boxes: Vec<_> = (0..70).map(|value| pool.alloc(value).unwrap()).collect();
    drop(boxes);
    let figures = pool.figures();
    assert_eq!((figures.capacity_slots, figures.used_slots), (100, 0));
    assert!((70..=100).contains(&figures.peak_out_slots), "{figures:?}");
    let mut text = String::new();
    let mut sink = Text::new(&mut text);
    pool.report(&mut Report::new(&mut sink));
    sink.finish().unwrap();
    assert!(text.starts_with("SyncPool"), "{text}");
    assert!(text.contains("peak (caches included)") && text.contains("Global"), "{text}");
}

#[test]
fn objects_pass_from_thread_to_thread() {
    let pool = SyncPool::<u64>::builder(500).shards(8).build();
    let (sender, receiver) = mpsc::sync_channel::<SyncBox<'_, u64>>(100);
    thread::scope(|scope| {
        scope.spawn(move || receiver.iter().map(|boxed| *boxed).sum::<u64>());
        for value in 0..20_000 {
            let mut value = pool.alloc(value);
            while let Err(Full(again)) = value {
                thread::yield_now();
                value = pool.alloc(again);
            }
            sender.send(value.unwrap()).unwrap();
        }
        drop(sender);
    });
    assert_eq!(pool.len(), 0);
}

/// Every thread has some of its own: together never more than there are. So nobody ever fails.
#[test]
fn nobody_fails_while_there_are_slots() {
    const THREADS: usize = 4;
    for order in [Order::Lifo, Order::Fifo] {
        for (each, shards) in [(1, 4), (2, 8), (10, 2), (40, 8), (100, 8), (40, 0)] {
            let mut pool =
                SyncPool::<usize>::builder(THREADS * each).order(order).shards(shards).build();
            thread::scope(|scope| {
                for number in 0..THREADS {
                    let pool = &pool;
                    scope.spawn(move || {
                        let mut random = number + 1;
                        for _ in 0..2000 {
                            random = random.wrapping_mul(6_364_136_223_846_793_005) + 1;
                            let want = (random >> 33) % each + 1;
                            let mine: Vec<_> = (0..want)
                                .map(|_| pool.alloc(number).expect("there are slots"))
                                .collect();
                            assert!(mine.iter().all(|boxed| **boxed == number));
                        }
                    });
                }
            });
            assert_eq!((pool.len(), pool.figures().refused), (0, 0));
            pool.verify().unwrap();
        }
    }
}
