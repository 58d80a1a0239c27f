//! Forks of a process whose stacks serve nothing but what has no size class, or comes zeroed from the heap: no thread ever misses
//! in its cache, and still a child finds all locks open.
#![cfg(unix)]

mod common;

use alloc_arena::{Arena, Os};
use alloc_core::{Layer, Layout};
use alloc_sizeclass::{SizeClassHeap, hardened, thread_cache};
use common::{fork, in_child};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

thread_cache! {
    static LARGE: SizeClassHeap<Arena<Os>> = SizeClassHeap::new(Arena::new(Os::new()));
}
thread_cache! {
    static ZEROED: SizeClassHeap<Arena<Os>> = SizeClassHeap::new(Arena::new(Os::new()));
}
hardened! {
    static HARDENED: Arena<Os> = Arena::new(Os::new());
}

const LARGE_BYTES: usize = 4 << 20;
/// A medium slot's.
const ZEROED_BYTES: usize = 16 << 10;

fn churn(rounds: usize) {
    let work: [(&dyn Layer, usize, bool); 3] = [
        (&LARGE, LARGE_BYTES, false),
        (&ZEROED, ZEROED_BYTES, true),
        (&HARDENED, LARGE_BYTES, false),
    ];
    for _ in 0..rounds {
        for (stack, bytes, zeroed) in work {
            let layout = Layout::from_size_align(bytes, 8).unwrap();
            let memory = match zeroed {
                false => stack.allocate(layout),
                true => stack.allocate_zeroed(layout),
            };
            let memory = memory.unwrap().cast::<u8>();
            // SAFETY: allocated above with this layout; freed once.
            unsafe {
                memory.write(7);
                stack.deallocate(memory, layout);
            }
        }
    }
}

#[test]
fn a_forked_child_finds_no_lock_held() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static STARTED: Barrier = Barrier::new(3);
    let busy = [(); 2].map(|()| {
        thread::spawn(|| {
            // Before the first fork: what registers the first stack while handlers of others run (a sanitizer's) comes too late
            // for that fork.
            churn(1);
            STARTED.wait();
            while !STOP.load(Ordering::Relaxed) {
                churn(10);
            }
        })
    });
    STARTED.wait();
    for round in 0..60 {
        in_child(round, fork, || {
            churn(3);
            let stacks: [&dyn Layer; 3] = [&LARGE, &ZEROED, &HARDENED];
            i32::from(stacks.iter().any(|stack| stack.verify().is_err()))
        });
    }
    STOP.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
}
