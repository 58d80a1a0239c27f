//! Collections when a thread ends, by destructors of its own.

#![cfg(not(loom))]

use alloc_core::gc::Trace;
use rc_cycle::sync::{Cc, collect};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static ENDED: AtomicUsize = AtomicUsize::new(0);

/// Collects, while it is being collected.
struct Collects;

impl Drop for Collects {
    fn drop(&mut self) {
        collect();
        ENDED.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Trace)]
struct Node(#[trace(skip)] Collects, Mutex<Option<Cc<Node>>>);

struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        let node = Cc::new(Node(Collects, Mutex::new(None)));
        *node.1.lock().unwrap() = Some(node.clone());
        let _ = &node.0;
        drop(node);
        collect();
    }
}

thread_local! {
    static AT_EXIT: AtExit = const { AtExit };
}

#[test]
fn at_the_end_of_a_thread() {
    for order in 0..2 {
        let work = move || {
            if order == 0 {
                AT_EXIT.with(|_| ());
            }
            assert!(rc_cycle::figures().steps.longest_nanos() < u64::MAX);
            AT_EXIT.with(|_| ());
        };
        thread::spawn(work).join().unwrap();
    }
    while ENDED.load(Ordering::SeqCst) < 2 {
        collect();
    }
}

/// A destructor that waits for a lock, which is held by a thread that collects.
#[test]
fn a_destructor_that_locks() {
    static LOCK: Mutex<()> = Mutex::new(());
    struct Locks;
    impl Drop for Locks {
        fn drop(&mut self) {
            drop(LOCK.lock());
        }
    }
    #[derive(Trace)]
    struct Locked(#[trace(skip)] Locks, Mutex<Option<Cc<Locked>>>);
    for _ in 0..200 {
        let node = Cc::new(Locked(Locks, Mutex::new(None)));
        *node.1.lock().unwrap() = Some(node.clone());
        let _ = &node.0;
        drop(node);
        let held = LOCK.lock();
        let other = thread::spawn(collect);
        thread::yield_now();
        // If the other thread is in the destructor by now, this one does not wait for it.
        let alone = thread::spawn(collect);
        drop(held);
        other.join().unwrap();
        alone.join().unwrap();
    }
}
