//! `sync::Lock` under real threads. (Its rules are modelled in `tests/loom.rs`.)

#![cfg(not(all(loom, feature = "loom")))]

use alloc_core::sync::{HEAVY_FENCE_IS_KNOWN, Lock, heavy_fence};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Many threads, some that wait and some that try, and sections that are cut short by a panic: the
/// value, which is wider than an atomic, is never seen half changed.
#[test]
fn many_threads_and_panics() {
    const ROUNDS: usize = 5_000;
    let lock = Lock::new([0usize; 9]);
    let missed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (lock, missed) = (&lock, &missed);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let guard = if thread % 2 == 0 { Some(lock.lock()) } else { lock.try_lock() };
                    let Some(mut row) = guard else {
                        missed.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    assert!(row.iter().all(|n| *n == row[0]), "{row:?}");
                    for number in row.iter_mut() {
                        *number += 1;
                    }
                    drop(row);
                    if round % 1000 == 7 {
                        let cut_short = catch_unwind(AssertUnwindSafe(|| {
                            let _guard = lock.lock();
                            std::panic::resume_unwind(Box::new("cut short"));
                        }));
                        assert!(cut_short.is_err());
                    }
                }
            });
        }
    });
    let total = 6 * ROUNDS - missed.into_inner();
    assert_eq!(lock.into_inner(), [total; 9]);
}

#[test]
fn a_holder_keeps_others_out_however_long_it_takes() {
    let lock = Lock::new(());
    let inside = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        let waiter = scope.spawn(|| {
            let _guard = lock.lock();
            inside.store(true, Ordering::Relaxed);
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {
            assert!(!inside.load(Ordering::Relaxed));
            std::thread::yield_now();
        }
        drop(guard);
        waiter.join().unwrap();
    });
    assert!(inside.into_inner());
}

/// A guard may end in another thread than it began in, and so may a lock held without one.
#[test]
fn a_lock_changes_threads() {
    let lock = Lock::new(1);
    let guard = lock.lock();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
    lock.acquire();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: acquired above, and no guard of it is alive.
            *unsafe { lock.resume() } += 1;
        });
    });
    assert_eq!(*lock.try_lock().expect("released in the other thread"), 2);
}

/// The asymmetric pair, on this machine: of two threads that store and then load, one sees.
#[test]
fn fences_on_this_machine() {
    use alloc_core::sync::{self, light_fence};
    if !(HEAVY_FENCE_IS_KNOWN && heavy_fence()) {
        eprintln!("no heavy fence here: nothing to test");
        return;
    }
    for _ in 0..500 {
        let flags = (sync::AtomicUsize::new(0), sync::AtomicUsize::new(0));
        let start = AtomicUsize::new(0);
        let meet = || {
            start.fetch_add(1, Ordering::AcqRel);
            while start.load(Ordering::Acquire) < 2 {
                std::hint::spin_loop();
            }
        };
        let (frequent, seldom) = std::thread::scope(|scope| {
            let frequent = scope.spawn(|| {
                meet();
                flags.0.store(1, Ordering::Relaxed);
                light_fence();
                flags.1.load(Ordering::Relaxed)
            });
            meet();
            flags.1.store(1, Ordering::Relaxed);
            assert!(heavy_fence());
            let seldom = flags.0.load(Ordering::Relaxed);
            (frequent.join().unwrap(), seldom)
        });
        assert!(frequent == 1 || seldom == 1);
    }
}
