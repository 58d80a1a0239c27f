//! Forks of processes with several caches: on one ground, and as values that come and go.
#![cfg(unix)]

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// In a process of its own, which hangs if the ground, on which both stand, is frozen for one and for the other.
#[test]
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

/// Held while a thread is started, and by whoever forks: what libc and the standard library lock for that is not
/// theirs to find free again in a child. Ends of threads it does not hold up.
static STARTS: Mutex<()> = Mutex::new(());

extern "C" fn run_body(body: *mut c_void) -> *mut c_void {
    // SAFETY: `on_own_thread` passes this, and waits until it is over.
    let body = unsafe { &mut *body.cast::<&mut (dyn FnMut() + Send)>() };
    body();
    null_mut()
}

/// Runs `body` on a thread of its own, which only libc knows of: a thread of the standard library has it take a lock of
/// its own when it starts and when it ends, so that a child of a fork at that moment could not have such a thread.
fn on_own_thread(body: &mut (dyn FnMut() + Send)) {
    let mut body = body;
    let mut thread = MaybeUninit::uninit();
    let starting = STARTS.lock().unwrap();
    // SAFETY: the thread ends below, before `body` does.
    let code = unsafe {
        libc::pthread_create(thread.as_mut_ptr(), null(), run_body, (&raw mut body).cast())
    };
    drop(starting);
    assert_eq!(code, 0, "a thread can be made");
    // SAFETY: made just now, and waited for once.
    unsafe { libc::pthread_join(thread.assume_init(), null_mut()) };
}

/// Threads make and drop caches, and end; a forked child has to be able to do the same.
#[test]
fn caches_as_values_around_a_fork() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let fresh = || ThreadCache::new(SizeClassHeap::<System>::new(System));
    // Many live ones, so that making another takes a while.
    let many: Vec<_> = (0..2000).map(|_| fresh()).collect();
    let busy: Vec<_> = (0..3)
        .map(|number| {
            thread::spawn(move || {
                STARTED.fetch_add(1, Ordering::Relaxed);
                while !STOP.load(Ordering::Relaxed) {
                    let stack = fresh();
                    if number == 0 {
                        on_own_thread(&mut || warm_up(&stack, 20));
                    }
                }
            })
        })
        .collect();
    while STARTED.load(Ordering::Relaxed) < busy.len() {
        thread::yield_now();
    }
    let inner = ThreadCache::new(SizeClassHeap::<System>::new(System));
    // A cache over a cache: one `freeze` reaches two of them.
    let stack = ThreadCache::new(inner);
    warm_up(&stack, 100);
    let mut hung = 0;
    for round in 0..60 {
        stack.freeze();
        let starting = STARTS.lock().unwrap();
        // SAFETY: as in `fork_and_wait`.
        let child = unsafe { libc::fork() };
        drop(starting);
        // SAFETY: `freeze` was called just now, by this thread or the one that it is a copy of.
        unsafe { stack.thaw() };
        if child == 0 {
            warm_up(&stack, 100);
            let fresh = ThreadCache::new(SizeClassHeap::<System>::new(System));
            warm_up(&fresh, 100);
            drop(fresh);
            // A thread that ends takes a lock of AddressSanitizer's (its quarantine's), which others may have had at the fork.
            if std::env::var_os("ASAN_OPTIONS").is_none() {
                on_own_thread(&mut || {
                    warm_up(&ThreadCache::new(SizeClassHeap::<System>::new(System)), 10);
                });
            }
            let code = i32::from(stack.verify().is_err());
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
