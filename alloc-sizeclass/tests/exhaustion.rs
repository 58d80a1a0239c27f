//! The layer below runs out at every possible request: nothing is lost, nothing breaks, and service
//! resumes when memory does.

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Failing, Layer, Layout, Limit, Observe, Reclaiming, Schedule};
use alloc_sizeclass::{Compact, Fine, SizeClassHeap, ThreadCache};
use std::ptr::NonNull;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// What a run holds, with the byte that it is filled with.
type Held = Vec<(NonNull<u8>, Layout, u8)>;

fn hold(stack: &impl Allocator, held: &mut Held, wanted: Layout, tag: u8) -> bool {
    let Ok(slice) = stack.allocate(wanted) else { return false };
    // SAFETY: the allocation has so many bytes.
    unsafe { slice.cast::<u8>().write_bytes(tag, wanted.size()) };
    held.push((slice.cast(), wanted, tag));
    true
}

fn check(held: &Held) {
    for (ptr, layout, tag) in held {
        for at in [0, layout.size() / 2, layout.size() - 1] {
            // SAFETY: a live allocation of so many bytes.
            assert_eq!(unsafe { ptr.add(at).read() }, *tag, "contents of {layout:?}");
        }
    }
}

/// Grows or shrinks the last allocation; a refusal leaves it alone.
fn resize(stack: &impl Allocator, held: &mut Held, size: usize) {
    let Some((ptr, old, tag)) = held.pop() else { return };
    let new = layout(size, old.align());
    // SAFETY: a live allocation with its own layout, to a larger or a smaller one.
    let answer = unsafe {
        if size >= old.size() { stack.grow(ptr, old, new) } else { stack.shrink(ptr, old, new) }
    };
    match answer {
        Ok(slice) => {
            // SAFETY: the allocation has `size` bytes now.
            unsafe {
                slice
                    .cast::<u8>()
                    .add(old.size().min(size))
                    .write_bytes(tag, size - old.size().min(size))
            };
            held.push((slice.cast(), new, tag));
        }
        Err(_) => held.push((ptr, old, tag)),
    }
}

/// Allocates in every way, large and small, and resizes; keeps what it got.
fn play(stack: &impl Layer, held: &mut Held) {
    let mut tag = 0;
    let mut one = |held: &mut Held, size, align| {
        tag += 1;
        let _ = hold(stack, held, layout(size, align), tag);
    };
    for (size, align) in
        [(24, 8), (700, 8), (9000, 8), (100_000, 8), (2_000_000, 8), (64, 64), (3000, 4096)]
    {
        one(held, size, align);
    }
    one(held, 1 << 17, 1 << 17);
    resize(stack, held, 1 << 18);
    resize(stack, held, 90_000);
    resize(stack, held, 100);
    resize(stack, held, 40_000);
    for _ in 0..40 {
        one(held, 2048, 8);
    }
    one(held, 60_000, 8);
    check(held);
}

fn free_all(stack: &impl Allocator, held: &mut Held) {
    check(held);
    for (ptr, layout, _) in held.drain(..) {
        // SAFETY: a live allocation of the stack with its own layout.
        unsafe { stack.deallocate(ptr, layout) };
    }
}

/// Plays on a fresh stack for every request that the layer below may refuse: that one, or that one
/// and all later ones. `make` is given the failing ground.
fn fail_everywhere<S: Layer>(
    ground: impl Fn(Schedule) -> &'static Failing<Observe<System>>,
    make: impl Fn(&'static Failing<Observe<System>>) -> S,
) {
    let once = |number: usize| Schedule::Bits(1 << number);
    let mut tried = 0;
    for number in 0..64 {
        for schedule in [once(number), Schedule::After(number)] {
            let below = ground(schedule);
            let stack = make(below);
            let mut held = Vec::new();
            play(&stack, &mut held);
            stack.verify().unwrap();
            tried += below.refused();
            // Memory is back.
            below.pause();
            let before = held.len();
            play(&stack, &mut held);
            assert_eq!(held.len() - before, 49, "request {number}: service resumes");
            stack.verify().unwrap();
            free_all(&stack, &mut held);
            stack.verify().unwrap();
            stack.reclaim(usize::MAX);
            stack.verify().unwrap();
            drop(stack);
            let left = below.below().figures();
            assert_eq!((left.live_bytes, left.live), (0, 0), "request {number}: lost memory");
        }
    }
    assert!(tried > 64, "the schedules refused {tried} requests");
}

/// Keeps a value for as long as the process lives, and the way to it: a leak detector that finds
/// something in these tests has found a leak.
fn keep<T: ?Sized>(value: Box<T>) -> &'static mut T {
    static KEPT: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
    let value = Box::leak(value);
    KEPT.lock().unwrap().push(std::ptr::from_mut(value).cast::<u8>().expose_provenance());
    value
}

fn ground(schedule: Schedule) -> &'static Failing<Observe<System>> {
    keep(Box::new(Failing::new(schedule, Observe::new(System))))
}

#[test]
fn heap_with_every_request_refused_once() {
    fail_everywhere(ground, SizeClassHeap::<_, Fine>::new);
    fail_everywhere(ground, SizeClassHeap::<_, Compact>::new);
}

#[test]
fn cache_with_every_request_refused_once() {
    fail_everywhere(ground, |below| ThreadCache::new(SizeClassHeap::<_, Fine>::new(below)));
    fail_everywhere(ground, |below| ThreadCache::new(SizeClassHeap::<_, Compact>::new(below)));
}

/// The index over a layer that names its range is a table, whose memory may be refused, too.
#[test]
fn heap_with_a_window_and_every_request_refused_once() {
    for number in 0..64 {
        for schedule in [Schedule::Bits(1 << number), Schedule::After(number)] {
            let below = Failing::new(schedule, Observe::new(Arena::new(Os::new())));
            let mut held = Vec::new();
            {
                // SAFETY: the stack ends with this scope, the layer after it.
                let below = unsafe { for_a_while(&below) };
                let stack = ThreadCache::new(SizeClassHeap::<_>::new(below));
                play(&stack, &mut held);
                stack.verify().unwrap();
                below.pause();
                let before = held.len();
                play(&stack, &mut held);
                assert_eq!(held.len() - before, 49, "request {number}: service resumes");
                stack.verify().unwrap();
                free_all(&stack, &mut held);
                stack.reclaim(usize::MAX);
                stack.verify().unwrap();
            }
            assert_eq!(below.below().figures().live_bytes, 0, "request {number}: lost memory");
        }
    }
}

/// `ThreadCache::new` asks for a `'static` heap. This lets a test borrow one, which it outlives.
///
/// # Safety
///
/// The stack is dropped before the layer.
unsafe fn for_a_while<L>(layer: &L) -> &'static L {
    // SAFETY: the caller's promise.
    unsafe { &*std::ptr::from_ref(layer) }
}

#[test]
fn a_limit_of_a_few_mebibytes_over_an_arena_is_usable() {
    for limit_bytes in [1 << 20, 4 << 20, 16 << 20] {
        let heap = SizeClassHeap::<_>::new(Limit::new(limit_bytes, Arena::new(Os::new())));
        let wanted = layout(4000, 8);
        let mut held = Vec::new();
        while hold(&heap, &mut held, wanted, 7) {}
        let share = held.len() * 4096 * 100 / limit_bytes;
        assert!(share >= 75, "{share} % of a limit of {limit_bytes} bytes can be used");
        free_all(&heap, &mut held);
        heap.verify().unwrap();
    }
}

#[test]
fn reclaiming_finds_what_a_thread_has_cached() {
    let heap = SizeClassHeap::<_>::new(Limit::new(1 << 20, System));
    let stack = Reclaiming::new(ThreadCache::new(heap));
    for round in 0..20 {
        // Each round wants nearly all of it as slots of another size.
        let size = [48, 1000, 8000, 20_000][round % 4];
        let mut held = Vec::new();
        while hold(&stack, &mut held, layout(size, 8), round as u8) {}
        assert!(held.len() * size > 1 << 19, "round {round}: {} of {size} bytes", held.len());
        stack.verify().unwrap();
        free_all(&stack, &mut held);
    }
    assert!(stack.rescues() > 0);
}
