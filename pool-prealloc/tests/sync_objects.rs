//! `ObjectPool`: objects that are made once, reset, and used again.
#![cfg(not(loom))]

use pool_prealloc::SyncPool;
use pool_prealloc::sync::Order;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn objects_are_made_at_once_and_used_again() {
    let made = Cell::new(0);
    let init = || {
        made.set(made.get() + 1);
        Vec::<u8>::with_capacity(100)
    };
    let pool = SyncPool::objects(3, init, Vec::clear);
    assert_eq!(made.get(), 3);
    for _ in 0..10 {
        let mut object = pool.get().unwrap();
        object.extend([1, 2, 3]);
        assert_eq!((object.len(), format!("{object:?}")), (3, "[1, 2, 3]".into()));
    }
    let all: Vec<_> = std::iter::from_fn(|| pool.get()).collect();
    assert!(all.iter().all(|object| object.is_empty() && object.capacity() >= 100));
    assert_eq!((all.len(), pool.len(), made.get()), (3, 3, 3));
    assert_eq!(pool.figures().refused, 1);
    assert_eq!(format!("{pool:?}"), "ObjectPool { capacity: 3, used: 3, .. }");
}

struct Alive<'c>(&'c AtomicUsize, bool);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn alive(count: &AtomicUsize) -> Alive<'_> {
    count.fetch_add(1, Ordering::Relaxed);
    Alive(count, false)
}

#[test]
fn objects_are_dropped_with_the_pool_forgotten_ones_too() {
    let count = AtomicUsize::new(0);
    let pool = SyncPool::objects(20, || alive(&count), |_| ());
    std::mem::forget(pool.get().unwrap());
    std::mem::forget(pool.get().unwrap());
    assert_eq!((count.load(Ordering::Relaxed), pool.len()), (20, 2));
    drop(pool);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn an_object_whose_reset_panics_is_replaced() {
    let count = AtomicUsize::new(0);
    let made = AtomicUsize::new(0);
    let init = || {
        assert_ne!(made.fetch_add(1, Ordering::Relaxed), 3, "a bad init");
        alive(&count)
    };
    let pool = SyncPool::objects(2, init, |object| assert!(!object.1, "a bad reset"));
    let mut object = pool.get().unwrap();
    object.1 = true;
    catch_unwind(AssertUnwindSafe(|| drop(object))).unwrap_err();
    assert_eq!((count.load(Ordering::Relaxed), pool.len()), (1, 0));
    // The third is made in its place.
    let both = (pool.get().unwrap(), pool.get().unwrap());
    assert!(!both.0.1 && !both.1.1 && pool.get().is_none());
    drop(both);
    assert_eq!(count.load(Ordering::Relaxed), 2);
    let mut object = pool.get().unwrap();
    object.1 = true;
    catch_unwind(AssertUnwindSafe(|| drop(object))).unwrap_err();
    // The fourth fails, and the slot is as it was; the fifth does not.
    catch_unwind(AssertUnwindSafe(|| pool.get().is_some())).unwrap_err();
    assert_eq!(pool.len(), 0);
    let both = (pool.get().unwrap(), pool.get().unwrap());
    assert_eq!(count.load(Ordering::Relaxed), 2);
    drop(both);
    drop(pool);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn what_was_made_is_dropped_when_init_panics() {
    let count = AtomicUsize::new(0);
    let init = || {
        assert!(count.load(Ordering::Relaxed) < 5, "a bad init");
        alive(&count)
    };
    catch_unwind(AssertUnwindSafe(|| SyncPool::objects(9, init, |_| ()))).unwrap_err();
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn many_threads_use_few_objects() {
    for order in [Order::Lifo, Order::Fifo] {
        let pool = SyncPool::<usize>::builder(30).order(order).shards(8).objects(|| 0, |n| *n = 0);
        let all = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 1..2000 {
                        let mut mine: Vec<_> = (0..round % 9).filter_map(|_| pool.get()).collect();
                        for object in &mut mine {
                            **object += 1;
                            assert_eq!(**object, 1);
                        }
                        all.fetch_add(mine.len(), Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(all.into_inner() > 0 && pool.is_empty());
    }
}
