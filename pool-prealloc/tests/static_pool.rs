//! `StaticPool` and `CriticalPool`: who may use them, and what becomes of their values.

#![cfg(not(loom))]

mod common;

use alloc_core::sync::{AtomicBool, Ordering};
use common::{Census, unwinds};
use pool_prealloc::{CriticalBox, CriticalPool, Full, Handle, SlotBox, StaticBox, StaticPool};
use std::sync::Barrier;
use std::time::Duration;

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}

#[test]
fn what_may_go_to_other_threads() {
    is_send::<StaticPool<u32, 4>>();
    is_sync::<StaticPool<u32, 4>>();
    is_send::<CriticalPool<u32, 4>>();
    is_sync::<CriticalPool<u32, 4>>();
    is_send::<CriticalBox<'static, u32, 4>>();
    // What may not is in `refused`.
}

#[test]
fn one_claim_wins() {
    static POOL: StaticPool<u64, 4> = StaticPool::new();
    let barrier = Barrier::new(8);
    let claims = std::thread::scope(|scope| {
        let claim = || {
            barrier.wait();
            POOL.claim()
                .map(|pool| (0..5).filter_map(|n| pool.alloc(n).ok()).collect::<Vec<_>>().len())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(claims, [4]);
    assert!(POOL.claim().is_none(), "for good");
}

#[test]
fn boxes_of_a_static_are_static() {
    static POOL: StaticPool<[u16; 3], 3> = StaticPool::new();
    let pool = POOL.claim().unwrap();
    let boxes: Vec<StaticBox<'static, _, 3>> =
        (0..3).map(|n| pool.alloc([n; 3]).unwrap()).collect();
    assert_eq!(pool.alloc([9; 3]), Err(Full([9; 3])));
    assert_eq!((pool.len(), pool.peak_slots(), pool.refused(), pool.is_full()), (3, 3, 1, true));
    pool.verify().unwrap();
    drop(boxes);
    assert!(pool.is_empty());
    let pinned = SlotBox::into_pin(pool.alloc([1; 3]).unwrap());
    assert_eq!(*pinned, [1; 3]);
    let raw = SlotBox::into_raw(pool.alloc([2; 3]).unwrap());
    // SAFETY: it came from `into_raw` just now.
    assert_eq!(*unsafe { pool.from_raw(raw) }, [2; 3]);
    assert_eq!(pool.len(), 1);
}

/// The list begins with a pointer: a pool that moves has to find its slot again.
#[test]
fn a_local_pool_may_move_between_handles() {
    fn churn(handle: Handle<'_, impl Copy + PartialEq + std::fmt::Debug, 8>, first: bool) {
        handle.verify().unwrap();
        assert_eq!(handle.len(), if first { 0 } else { 3 });
        handle.verify().unwrap();
    }
    fn check<T: Copy + PartialEq + std::fmt::Debug>(make: impl Fn(u8) -> T) {
        let mut pool = StaticPool::<T, 8>::new();
        let handle = pool.handle();
        churn(handle, true);
        let mut boxes: Vec<_> = (0..8).map(|n| handle.alloc(make(n)).unwrap()).collect();
        for n in [1, 4, 0] {
            std::mem::forget(boxes.remove(n)); // numbers 1, 5, 0
        }
        drop(boxes);
        for _ in 0..3 {
            let mut moved = Box::new(pool);
            churn(moved.handle(), false);
            assert_eq!(moved.iter().copied().collect::<Vec<_>>(), [0, 1, 5].map(&make));
            let handle = moved.handle();
            let boxes: Vec<_> = (10..15).map(|n| handle.alloc(make(n)).unwrap()).collect();
            assert!(handle.alloc(make(0)).is_err());
            assert!((10..15).zip(&boxes).all(|(n, boxed)| **boxed == make(n)));
            drop(boxes);
            pool = *moved;
        }
    }
    check(u64::from);
    check(|n| n);
    check(|n| [n; 13]);
}

#[test]
fn a_pool_drops_what_was_leaked_where_it_is() {
    let census = Census::default();
    let mut pool = StaticPool::<_, 4>::new();
    let handle = pool.handle();
    let _ = SlotBox::leak(handle.alloc(census.one(0)).unwrap());
    drop(handle.alloc(census.one(1)));
    let kept = handle.alloc_with(|| census.one(2)).ok().unwrap();
    let _ = SlotBox::leak(handle.alloc(census.one(3)).unwrap());
    drop(kept);
    assert_eq!(census.dropped(), [1, 2]);
    let moved = Box::new(pool);
    drop(moved);
    assert_eq!((census.dropped(), census.living()), (vec![0, 3], 0));

    let mut pool = StaticPool::<_, 4>::default();
    unwinds(|| drop(pool.handle().alloc_with(|| -> u32 { panic!("on purpose") })));
    assert!(pool.handle().is_empty());
    let _ = SlotBox::leak(pool.handle().alloc(1).unwrap());
    pool.clear();
    assert_eq!(pool.handle().len(), 0);
}

#[test]
fn static_pools_at_their_ends() {
    let mut none = StaticPool::<u64, 0>::new();
    assert_eq!(none.handle().alloc(1), Err(Full(1)));
    let mut nothing = StaticPool::<(), 3>::new();
    let handle = nothing.handle();
    let boxes: Vec<_> = (0..3).map(|_| handle.alloc(()).unwrap()).collect();
    assert!(handle.alloc(()).is_err());
    drop(boxes);
    assert_eq!((handle.len(), handle.peak_slots()), (0, 3));
    #[derive(Debug, PartialEq)]
    #[repr(align(64))]
    struct Wide(u8);
    let mut wide = StaticPool::<_, 3>::new();
    let boxed = wide.handle().alloc(Wide(1)).unwrap();
    assert!(SlotBox::as_ptr(&boxed).as_ptr().addr().is_multiple_of(64));
}

/// While one thread is in a critical section, another can neither take nor give a slot, nor look. (Nothing
/// here depends on time but how surely a pool that does not care is caught.)
#[test]
fn a_critical_pool_waits_for_its_turn() {
    static POOL: CriticalPool<[u32; 4], 8> = CriticalPool::new();
    fn waits(step: impl FnOnce() + Send) {
        let (begins, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            critical_section::with(|_| {
                scope.spawn(|| {
                    begins.store(true, Ordering::Relaxed);
                    step();
                    ended.store(true, Ordering::Relaxed);
                });
                while !begins.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                for _ in 0..20 {
                    std::thread::sleep(Duration::from_millis(1));
                    assert!(!ended.load(Ordering::Relaxed), "it did not wait");
                }
            });
        });
        assert!(ended.load(Ordering::Relaxed));
    }
    waits(|| *SlotBox::leak(POOL.alloc([1; 4]).unwrap()) = [5; 4]); // takes
    let boxed = POOL.alloc([2; 4]).unwrap();
    waits(move || drop(boxed)); // gives
    waits(|| assert_eq!(POOL.len(), 1));
    waits(|| assert_eq!(POOL.verify(), Ok(())));
    // A thread that is in a critical section already may use the pool in it.
    critical_section::with(|_| drop(POOL.alloc([3; 4])));
    assert_eq!(POOL.len(), 1);
}

#[test]
fn threads_share_a_critical_pool() {
    static POOL: CriticalPool<[u32; 4], 8> = CriticalPool::new();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for n in 0..50_000_u32 {
                    let boxed = POOL.alloc([thread, n, thread ^ n, 7]).unwrap();
                    let again = std::hint::black_box(&boxed);
                    assert_eq!(**again, [thread, n, thread ^ n, 7]);
                }
            });
        }
    });
    assert!(POOL.is_empty() && POOL.peak_slots() <= 4 && POOL.refused() == 0);
    POOL.verify().unwrap();
}

#[test]
fn boxes_go_back_from_other_threads() {
    static POOL: CriticalPool<[u32; 4], 8> = CriticalPool::new();
    let (send, receive) = std::sync::mpsc::channel::<CriticalBox<'static, [u32; 4], 8>>();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let send = send.clone();
            scope.spawn(move || {
                for n in 0..2000_u32 {
                    match POOL.alloc([thread, n, thread ^ n, 7]) {
                        Ok(boxed) => send.send(boxed).unwrap(),
                        Err(_) => std::thread::yield_now(),
                    }
                }
            });
        }
        drop(send);
        for boxed in receive {
            assert_eq!(boxed[2], boxed[0] ^ boxed[1]);
        }
    });
    assert!(POOL.is_empty() && POOL.peak_slots() <= 8);
    POOL.verify().unwrap();
}

#[test]
fn a_critical_pool_drops_what_was_leaked() {
    let census = Census::default();
    let pool = CriticalPool::<_, 2>::new();
    let _ = SlotBox::leak(pool.alloc_with(|| census.one(1)).ok().unwrap());
    unwinds(|| drop(pool.alloc_with(|| -> common::One { panic!("on purpose") })));
    let mut moved = Box::new(pool);
    drop(moved.alloc(census.one(2)));
    assert_eq!((census.dropped(), moved.len(), moved.iter().count()), (vec![2], 1, 1));
    let both = (moved.alloc(census.one(3)).unwrap(), moved.alloc(census.one(4)).unwrap_err());
    assert_eq!((both.0.number, both.1.0.number, moved.refused()), (3, 4, 1));
    assert!(moved.is_full());
    drop(both);
    assert!(!moved.is_full());
    moved.clear();
    assert_eq!(census.living(), 0);
}
