//! Forks at any moment, while other threads are in the middle of everything: hits, refills, purges, reclaims.
//!
//! Above: the campaign. Below: the default stack as a static, in this process. A child has the forking thread alone: it
//! checks and frees what was there, allocates, verifies, starts a thread, and ends. A child that hangs is killed by its alarm.

use super::Counted;
use crate::objects::Objects;
use alloc_arena::{Arena, Os};
use alloc_core::Layer;
use alloc_core::report::Tree;
use alloc_core::sync::{AtomicBool, Ordering};
use alloc_sizeclass::{SizeClassHeap, thread_cache};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};

thread_cache! {
    static STACK: SizeClassHeap<Arena> = SizeClassHeap::new(Arena::new(Os::new()));
}

static STOP: AtomicBool = AtomicBool::new(false);

const BUSY: u64 = 3;
const FORKS: usize = 3000;
/// A child says: all is well, and a thread was caught in the middle of a hit.
const WELL_WITH_LOSS: i32 = 10;
const CHILD_SECONDS: u32 = 30;

/// Forks thousands of times, or so much of it.
pub fn run(share: usize) -> Result<Vec<Counted>, String> {
    // No thread is about to start at a fork: the standard library has a lock for that, which a child would find held.
    let started = Arc::new(Barrier::new(BUSY as usize + 1));
    let busy: Vec<_> = (0..BUSY)
        .map(|seed| {
            let started = Arc::clone(&started);
            std::thread::spawn(move || {
                started.wait();
                churn(seed + 1)
            })
        })
        .collect();
    started.wait();
    let mut mine = Objects::new(77, 60);
    let (mut forks, mut in_hits, mut failed) = (0, 0, 0);
    for _ in 0..FORKS / share {
        (0..7).for_each(|_| mine.step(&STACK));
        forks += 1;
        match fork(&mut mine)? {
            0 => {}
            WELL_WITH_LOSS => in_hits += 1,
            code => {
                eprintln!("fork {forks}: the child ended with {code}");
                failed += 1;
            }
        }
    }
    // ORDERING: Relaxed: the threads are joined next.
    STOP.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().map_err(|_| "a busy thread panicked")?;
    }
    mine.clear(&STACK);
    STACK.verify().map_err(|broken| format!("{broken:?}"))?;
    Ok(vec![
        Counted::new("forks of a process with busy threads", forks, failed),
        Counted::new("  of them in the middle of a hit", in_hits, 0),
    ])
}

fn churn(seed: u64) {
    let mut objects = Objects::new(seed, 100);
    let mut steps = 0_usize;
    // ORDERING: Relaxed: it only ends the loop.
    while !STOP.load(Ordering::Relaxed) {
        objects.step(&STACK);
        steps += 1;
        if steps.is_multiple_of(500) {
            STACK.reclaim(if steps.is_multiple_of(1000) { usize::MAX } else { 1 << 20 });
        }
    }
    objects.clear(&STACK);
}

/// Forks; the child's code, or what signal ended it, negative.
fn fork(mine: &mut Objects) -> Result<i32, String> {
    // SAFETY: the child uses the stack under test, libc's `malloc` (which forks look after, too), and `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends this process after so many seconds.
        unsafe { libc::alarm(CHILD_SECONDS) };
        let code = catch_unwind(AssertUnwindSafe(|| in_child(mine))).unwrap_or(1);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) };
    }
    if child < 0 {
        return Err("fork failed".into());
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    if unsafe { libc::waitpid(child, &raw mut status, 0) } != child {
        return Err("a child is lost".into());
    }
    Ok(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -libc::WTERMSIG(status) })
}

fn in_child(mine: &mut Objects) -> i32 {
    mine.check();
    STACK.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
    let lost = Tree::of(&STACK).figure("ThreadCache", "caches lost to forks").unwrap_or(0);
    let mut own = Objects::new(5, 60);
    (0..150).for_each(|_| own.step(&STACK));
    mine.clear(&STACK);
    std::thread::scope(|scope| scope.spawn(|| own.clear(&STACK)).join())
        .expect("a thread of the child's");
    STACK.reclaim(usize::MAX);
    STACK.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
    if lost > 0 { WELL_WITH_LOSS } else { 0 }
}
