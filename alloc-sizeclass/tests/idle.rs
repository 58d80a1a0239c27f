//! What an idle stack gives back by itself: the default stack, from the thread caches to the arena.
#![cfg(unix)]

use alloc_arena::{Arena, Os};
use alloc_core::{Idle, Layer, Layout, Purger};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use std::ptr::NonNull;
use std::thread;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;
const AFTER: Duration = Duration::from_millis(400);

type Heap = SizeClassHeap<Arena<Os>>;
thread_cache! {
    static STACK: Heap = SizeClassHeap::new(Arena::new(Os::new()));
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// Fills `peak_bytes` with objects of many sizes and a long run, and frees all of them but one in a
/// hundred, which it returns.
fn peak<L: Layer>(stack: &L, peak_bytes: usize) -> Vec<(NonNull<u8>, Layout)> {
    let sizes = [24, 64, 100, 400, 1000, 5000, 20_000, 70_000];
    let mut live = Vec::new();
    let mut bytes = 0;
    while bytes < peak_bytes {
        // So that those that stay lie together, as they do in programs that have phases.
        let layout = layout(sizes[live.len() / 512 % sizes.len()]);
        let slot: NonNull<u8> = stack.allocate(layout).unwrap().cast();
        // SAFETY: live, and that long.
        unsafe { slot.write_bytes(1, layout.size()) };
        bytes += layout.size();
        live.push((slot, layout));
    }
    let long = layout(40 * MIB);
    let run = stack.allocate(long).unwrap().cast();
    // SAFETY: allocated just now, and freed once.
    unsafe { stack.deallocate(run, long) };
    let stays = live.len() / 100;
    live.drain(stays..).for_each(|(slot, layout)| {
        // SAFETY: allocated above with this layout, and freed once.
        unsafe { stack.deallocate(slot, layout) }
    });
    live
}

fn free<L: Layer>(stack: &L, live: Vec<(NonNull<u8>, Layout)>) {
    for (slot, layout) in live {
        // SAFETY: allocated by `peak` with this layout, and freed once.
        unsafe { stack.deallocate(slot, layout) };
    }
}

/// Bytes of the arena that take up memory. (The index's flat table has a mapping of its own, of which next
/// to nothing is touched.)
fn held_bytes(arena: &Arena<Os>) -> usize {
    let figures = arena.figures();
    figures.used_bytes + figures.dirty_bytes + figures.idle_bytes
}

/// With a time of the test's own.
#[test]
fn idle_looks_give_back_the_whole_stack() {
    let stack = ThreadCache::new(Heap::new(Arena::new(Os::new())));
    let arena = || stack.below().below();
    let mut idle = Idle::new(AFTER);
    idle.look(&stack, Duration::ZERO);
    let live = peak(&stack, 64 * MIB);
    let live_bytes: usize = live.iter().map(|(_, layout)| layout.size()).sum();
    assert!(held_bytes(arena()) > 64 * MIB);
    let mut now = Duration::from_millis(1);
    while now < AFTER * 3 {
        now += idle.look(&stack, now);
    }
    let held = held_bytes(arena());
    assert!(held < live_bytes + 4 * MIB, "{held} bytes are held for {live_bytes}");
    stack.verify().unwrap();
    // Now that nothing is left, looking is all that happens.
    let calls = arena().figures().calls;
    while now < AFTER * 30 {
        now += idle.look(&stack, now);
    }
    assert_eq!(arena().figures().calls, calls);
    free(&stack, live);
}

/// With a thread, and other threads that come, work and sleep.
#[test]
fn purger_looks_after_a_static_stack() {
    let purger = Purger::start(&STACK, Duration::from_millis(50)).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let live = peak(&STACK, 32 * MIB);
                    let live_bytes: usize = live.iter().map(|(_, layout)| layout.size()).sum();
                    // Both threads' live bytes, and partly used spans. This thread's cache is asked back
                    // while it sleeps.
                    let most_bytes = 2 * live_bytes + 8 * MIB;
                    let began = Instant::now();
                    while held_bytes(STACK.below().below()) > most_bytes {
                        assert!(
                            began.elapsed() < Duration::from_secs(100),
                            "it is never given back"
                        );
                        thread::sleep(Duration::from_millis(10));
                    }
                    free(&STACK, live);
                }
            });
        }
    });
    drop(purger);
    STACK.verify().unwrap();
}

/// What is free grows old while others allocate, in an arena that nobody calls.
#[test]
fn idle_pays_what_is_due_while_the_stack_is_busy() {
    let delay = Some(Duration::from_millis(40));
    let arena = Arena::new(Os::new()).with_purge_delay(delay);
    let stack = ThreadCache::new(Heap::new(arena));
    let live = peak(&stack, 16 * MIB);
    free(&stack, live);
    let dirty_bytes = || stack.below().below().figures().dirty_bytes;
    assert!(dirty_bytes() > 4 * MIB);
    let mut idle = Idle::new(Duration::from_secs(3600));
    let began = Instant::now();
    while dirty_bytes() > MIB {
        assert!(began.elapsed() < Duration::from_secs(100), "{} B stay dirty", dirty_bytes());
        idle.look(&stack, began.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    stack.verify().unwrap();
}
