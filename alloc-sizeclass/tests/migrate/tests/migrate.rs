//! Tasks go from thread to thread at each suspension, and no cache of a thread is used by another.

use alloc_core::report::Tree;
use alloc_core::{AsGlobal, Layer};
use alloc_sizeclass::ThreadCache;
use migrate::{CALLED, Cache, Heap, LOADED, Task, value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

/// This program itself allocates through a cache that its tasks share, behind the language's allocator.
#[global_allocator]
static GLOBAL: AsGlobal<&ThreadCache<Heap, CALLED>> = AsGlobal::new(&CALLED);

/// Both threads have lists of their own, and live until the task has ended on the second one.
fn asks_on_two_threads(cache: Cache) {
    let begun = || {
        let mut task = Task::asks_twice(cache);
        assert_eq!(task.resume(), None);
        task
    };
    let (step, handed) = (Barrier::new(2), Mutex::new(None));
    let answer = thread::scope(|scope| {
        scope.spawn(|| {
            *handed.lock().unwrap() = Some(begun());
            step.wait();
            step.wait();
        });
        let stayed = begun().resume();
        step.wait();
        let moved = handed.lock().unwrap().take().and_then(|mut task| task.resume());
        step.wait();
        (stayed, moved)
    });
    assert_eq!(answer.0, Some(false), "the slot that was freed last is handed out first");
    assert_eq!(answer.1, Some(true), "it is on the list of another thread");
}

#[test]
fn a_slot_on_a_list_of_another_thread_is_not_handed_out() {
    [Cache::Called, Cache::Loaded, Cache::Value].into_iter().for_each(asks_on_two_threads);
}

/// Each thread resumes the tasks that it has, and hands each to the next thread.
fn exchange(cache: Cache, threads: usize, tasks: u64, turns: u64) {
    let inboxes: Vec<_> = (0..threads).map(|_| Mutex::new(Vec::new())).collect();
    for number in 0..tasks {
        let inbox = &inboxes[number as usize % threads];
        inbox.lock().unwrap().push(Task::works(cache, number, turns));
    }
    let (left, moves) = (AtomicUsize::new(tasks as usize), AtomicUsize::new(0));
    thread::scope(|scope| {
        for own in 0..threads {
            let (inboxes, left, moves) = (&inboxes, &left, &moves);
            scope.spawn(move || {
                let next = &inboxes[(own + 1) % threads];
                while left.load(Ordering::Relaxed) > 0 {
                    let batch: Vec<Task> = std::mem::take(&mut inboxes[own].lock().unwrap());
                    if batch.is_empty() {
                        thread::yield_now();
                    }
                    for mut task in batch {
                        match task.resume() {
                            None => {
                                moves.fetch_add(1, Ordering::Relaxed);
                                next.lock().unwrap().push(task);
                            }
                            Some(is_whole) => {
                                left.fetch_sub(1, Ordering::Relaxed);
                                assert!(is_whole, "memory that another task has, too");
                            }
                        }
                    }
                }
            });
        }
    });
    assert_eq!(moves.into_inner() as u64, tasks * turns * 4);
}

fn gives_everything_back(stack: &impl Layer) {
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    let used = Tree::of(stack).figure("SizeClassHeap", "slots in use (caches included)");
    assert_eq!(used, Some(0));
}

#[test]
fn thousands_of_tasks_change_threads_at_each_step() {
    for threads in [2, 3] {
        for cache in [Cache::Called, Cache::Loaded, Cache::Value] {
            exchange(cache, threads, 2000, 12);
        }
    }
    CALLED.verify().unwrap();
    gives_everything_back(&LOADED);
    gives_everything_back(value());
}
