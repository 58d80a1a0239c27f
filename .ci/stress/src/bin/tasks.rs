//! Tasks that change threads at each suspension, with hits of thread caches before and after it.
//!
//! The sanitizer is told of each switch of stacks: what a task does is then ordered after what it did before, and after
//! what the thread that resumes it did, and nothing else.

use alloc_core::Layer;
use alloc_core::sync::{AtomicUsize, Lock, Ordering};
use migrate::{CALLED, Cache, LOADED, Task, value};
use std::ffi::{c_uint, c_void};
use strata_stress::{THREADS, together};

// SAFETY: as sanitizer/tsan_interface.h declares them.
unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
}

const TASKS: u64 = 300;
const TURNS: u64 = 40;

/// A task, and what the sanitizer knows it by.
struct Known {
    task: Task,
    fiber: *mut c_void,
}

// SAFETY: the fiber is the task's, and used by whoever has that.
unsafe impl Send for Known {}

impl Known {
    fn new(cache: Cache, number: u64) -> Self {
        // SAFETY: it takes a number, of which 0 is the default.
        let fiber = unsafe { __tsan_create_fiber(0) };
        Self { task: Task::works(cache, number, TURNS), fiber }
    }

    fn resume(&mut self) -> Option<bool> {
        // SAFETY: the fiber is alive; this thread's own comes from the sanitizer.
        unsafe {
            let own = __tsan_get_current_fiber();
            __tsan_switch_to_fiber(self.fiber, 0);
            let answer = self.task.resume();
            __tsan_switch_to_fiber(own, 0);
            answer
        }
    }
}

fn main() {
    // Made before there are threads: the sanitizer does not see how the standard library's `LazyLock` orders them.
    let _ = value();
    for cache in [Cache::Called, Cache::Loaded, Cache::Value] {
        exchange(cache);
    }
    CALLED.verify().expect("the metadata holds");
    LOADED.verify().expect("the metadata holds");
    value().verify().expect("the metadata holds");
    println!("tasks: {TASKS} on {THREADS} threads, by three kinds of caches");
}

fn exchange(cache: Cache) {
    let inboxes = [const { Lock::new(Vec::new()) }; THREADS];
    for number in 0..TASKS {
        inboxes[number as usize % THREADS].lock().push(Known::new(cache, number));
    }
    let left = AtomicUsize::new(TASKS as usize);
    let work = |own: usize| {
        // ORDERING: Relaxed: it says only when to stop.
        while left.load(Ordering::Relaxed) > 0 {
            let batch = std::mem::take(&mut *inboxes[own].lock());
            for mut known in batch {
                match known.resume() {
                    None => inboxes[(own + 1) % THREADS].lock().push(known),
                    Some(is_whole) => {
                        assert!(is_whole, "memory that another task has, too");
                        // SAFETY: the task has ended.
                        unsafe { __tsan_destroy_fiber(known.fiber) };
                        // ORDERING: Relaxed, as above.
                        left.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            }
        }
    };
    let work = &work;
    together(
        (0..THREADS)
            .map(|own| Box::new(move || work(own)) as Box<dyn FnOnce() + Send + '_>)
            .collect(),
    );
}
