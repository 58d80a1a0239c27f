//! Forks of processes with several caches: on one ground, and as values that come and go.
#![cfg(unix)]

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SMALL: Layout = Layout::new::<[u64; 8]>();

static GROUND: Arena<Os> = Arena::new(Os::new());

thread_cache! {
    static FIRST: SizeClassHeap<&'static Arena<Os>> = SizeClassHeap::new(&GROUND);
}
thread_cache! {
    static SECOND: SizeClassHeap<&'static Arena<Os>> = SizeClassHeap::new(&GROUND);
}

fn warm_up(stack: &impl Allocator, count: usize) {
    let slots: Vec<_> = (0..count).map(|_| stack.allocate(SMALL).unwrap()).collect();
    for slot in slots {
        // SAFETY: allocated above with this layout, freed once.
        unsafe { stack.deallocate(slot.cast(), SMALL) };
    }
}

/// Forks, runs `in_child` there, and waits for it; `None` when the child hangs.
fn fork_and_wait(in_child: impl FnOnce() -> i32) -> Option<i32> {
    // SAFETY: the child uses the stacks under test, `System` (glibc's malloc is fork-safe), and
    // `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = in_child();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) };
    }
    assert!(child > 0, "fork failed");
    wait(child)
}

fn wait(child: libc::pid_t) -> Option<i32> {
    let end = Instant::now() + Duration::from_secs(20);
    let mut status = 0;
    loop {
        // SAFETY: asks for the child that was just made.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            return Some(status);
        }
        if Instant::now() > end {
            // SAFETY: ends and collects the child that was made here.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// In a process of its own, which hangs if the handlers of one cache wait for those of the other.
///
/// It does hang: each cache freezes the ground, whose locks do not know that this thread has them.
#[test]
#[ignore = "known to hang: a ground that two static caches share is frozen twice by one thread"]
fn two_static_caches_on_one_ground() {
    let status = fork_and_wait(|| {
        warm_up(&FIRST, 100);
        warm_up(&SECOND, 100);
        let grandchild = fork_and_wait(|| {
            warm_up(&FIRST, 1000);
            warm_up(&SECOND, 1000);
            i32::from(FIRST.verify().is_err() || SECOND.verify().is_err())
        });
        warm_up(&FIRST, 1000);
        warm_up(&SECOND, 1000);
        i32::from(grandchild != Some(0))
    });
    assert_eq!(status, Some(0), "a fork hangs, or breaks a stack");
}

/// Threads make and drop caches, and end; a forked child has to be able to do the same.
#[test]
fn caches_as_values_around_a_fork() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let fresh = || ThreadCache::new(SizeClassHeap::<System>::new(System));
    // Many live ones, so that making another takes a while.
    let many: Vec<_> = (0..2000).map(|_| fresh()).collect();
    let busy: Vec<_> = (0..3)
        .map(|number| {
            thread::spawn(move || {
                while !STOP.load(Ordering::Relaxed) {
                    let stack = fresh();
                    if number == 0 {
                        thread::scope(|scope| {
                            scope.spawn(|| warm_up(&stack, 20)).join().unwrap();
                        });
                    }
                }
            })
        })
        .collect();
    let inner = ThreadCache::new(SizeClassHeap::<System>::new(System));
    // A cache over a cache: one `freeze` reaches two of them.
    let stack = ThreadCache::new(inner);
    warm_up(&stack, 100);
    let mut hung = 0;
    for round in 0..60 {
        stack.freeze();
        // SAFETY: as in `fork_and_wait`.
        let child = unsafe { libc::fork() };
        // SAFETY: `freeze` was called just now, by this thread or the one that it is a copy of.
        unsafe { stack.thaw() };
        if child == 0 {
            warm_up(&stack, 100);
            let fresh = ThreadCache::new(SizeClassHeap::<System>::new(System));
            warm_up(&fresh, 100);
            drop(fresh);
            let ended = thread::spawn(|| {
                warm_up(&ThreadCache::new(SizeClassHeap::<System>::new(System)), 10);
            });
            let code = i32::from(ended.join().is_err() || stack.verify().is_err());
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(code) };
        }
        match wait(child) {
            Some(status) => assert_eq!(status, 0, "round {round}"),
            None => hung += 1,
        }
        if hung > 0 {
            break;
        }
    }
    STOP.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    assert_eq!(hung, 0, "a child hangs");
    drop(many);
    stack.verify().unwrap();
}
