//! `Sampled`: through the kit; and in processes of their own, each mistake that it is there to find.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(all(unix, not(all(loom, feature = "loom"))))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::api2::vec::Vec as StackVec;
use alloc_core::conformance::Kit;
use alloc_core::{
    Allocator, Failing, Fallback, Layer, Layout, Limit, Locked, Null, Observe, Sampled, Schedule,
};
use common::Toy;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::ptr::NonNull;

const MIB: usize = 1 << 20;

fn toy() -> Locked<Toy> {
    Locked::new(Toy::new(MIB))
}

/// Everything that there is a page for; every third allocation; hardly any.
const MEANS: [usize; 3] = [0, 3, 10_000];

#[test]
fn the_kit() {
    for mean in MEANS {
        Kit::layer(|| Sampled::new(Global).with_mean_allocations(mean).with_pages(20))
            .threads()
            .cases(16)
            .check();
        Kit::layer(|| {
            Limit::new(1 << 30, Sampled::new(Observe::new(System)).with_mean_allocations(mean))
        })
        .threads()
        .cases(8)
        .check();
    }
}

#[test]
fn the_kit_where_memory_runs_out() {
    for mean in MEANS {
        Kit::layer(|| Sampled::new(toy()).with_mean_allocations(mean).with_pages(5))
            .threads()
            .cases(24)
            .max_bytes(2 * MIB)
            .max_align_bytes(1 << 16)
            .may_run_out()
            .check();
        let failing = || Failing::new(Schedule::Random { seed: 7, permille: 300 }, toy());
        Kit::layer(|| Fallback::new(Sampled::new(failing()).with_mean_allocations(mean), Null))
            .may_refuse_anytime()
            .max_align_bytes(1 << 16)
            .threads()
            .cases(24)
            .check();
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 1).expect("it is small")
}

fn all() -> Sampled<Observe<Global>> {
    Sampled::new(Observe::new(Global)).with_mean_allocations(0).with_pages(3).with_seed(1)
}

/// The pool has three pages: the fourth object is the layer's below, until one of the three is freed.
#[test]
fn a_full_pool_passes_by() {
    let stack = all();
    let mut kept: Vec<NonNull<u8>> = Vec::new();
    for _ in 0..5 {
        kept.push(stack.allocate(layout(100)).expect("there is memory").cast());
    }
    assert_eq!((stack.guarded(), stack.passed_by(), stack.below().figures().live), (3, 2, 2));
    // SAFETY: allocated above, and freed once.
    unsafe { stack.deallocate(kept.remove(0), layout(100)) };
    kept.push(stack.allocate(layout(100)).expect("there is memory").cast());
    assert_eq!((stack.guarded(), stack.passed_by()), (3, 2));
    // What no page has room for is not guarded.
    drop(StackVec::<u8, _>::with_capacity_in(1 << 20, &stack));
    assert_eq!(stack.passed_by(), 3);
    stack.verify().expect("all is well");
    for ptr in kept {
        // SAFETY: allocated above, and freed once.
        unsafe { stack.deallocate(ptr, layout(100)) };
    }
    assert_eq!((stack.guarded(), stack.below().figures().live), (0, 0));
    stack.verify().expect("all is well");
}

/// The page that was freed first is used first.
#[test]
fn pages_rest_as_long_as_they_can() {
    let stack = all();
    let page_of = |ptr: NonNull<u8>| ptr.addr().get() & !4095;
    let mut last = Vec::new();
    for round in 0..12 {
        let ptr: NonNull<u8> = stack.allocate(layout(50)).expect("there is memory").cast();
        if round >= 3 {
            assert_eq!(page_of(ptr), last[round - 3]);
        }
        last.push(page_of(ptr));
        // SAFETY: allocated right above.
        unsafe { stack.deallocate(ptr, layout(50)) };
    }
}

#[test]
fn one_in_a_thousand_is_one_in_a_thousand() {
    let stack = Sampled::new(Global).with_mean_allocations(1000).with_seed(3);
    let mut guarded = 0;
    for _ in 0..300_000 {
        let list = StackVec::<u8, _>::with_capacity_in(10, &stack);
        guarded += stack.guarded();
        drop(list);
    }
    // Five standard deviations.
    assert!((213..388).contains(&guarded), "{guarded}");
}

#[test]
fn what_is_promised_of_threads() {
    fn sync<T: Send + Sync>() {}
    sync::<Sampled<Global>>();
}

/// What each mistake has to be called. The children run `a_mistake`.
const MISTAKES: [(&str, &str); 12] = [
    ("overflow", "overflow at"),
    ("overflow-far", "overflow at"),
    ("underflow", "underflow at"),
    ("read-after-free", "use after free at"),
    ("write-after-free", "use after free at"),
    ("overflow-at-free", "overflow at"),
    ("underflow-at-free", "underflow at"),
    ("double-free", "double free at"),
    ("invalid-free", "invalid free at"),
    ("wrong-size", "free with a wrong size, 99 bytes, at"),
    ("grow-after-free", "double free at"),
    ("in-a-thread", "use after free at"),
];

fn run(kind: &str) -> (Option<i32>, String) {
    let output = Command::new(std::env::current_exe().expect("this program is a file"))
        .args(["--exact", "a_mistake", "--ignored", "--nocapture"])
        .env("STRATA_TEST_MISTAKE", kind)
        .output()
        .expect("this program runs");
    (output.status.signal(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn mistakes_are_found_and_named() {
    for (kind, name) in MISTAKES {
        let (signal, text) = run(kind);
        assert_eq!(signal, Some(6), "{kind}: {text}");
        assert!(text.contains(&format!("strata: {name}")), "{kind}: {text}");
        assert!(text.contains("an object of 100 bytes"), "{kind}: {text}");
        assert!(text.contains("allocated by:") && text.contains("allocates_it"), "{kind}: {text}");
        let freed = matches!(name.split(' ').next(), Some("use" | "double"));
        assert_eq!(
            text.contains("freed before by:") && text.contains("frees_it"),
            freed,
            "{kind}: {text}"
        );
    }
}

/// Of two threads that free an object at the same time, one comes too late, whichever way it goes.
#[test]
fn two_frees_at_a_time_are_one_too_many() {
    for _ in 0..20 {
        let (signal, text) = run("double-at-a-time");
        assert_eq!(signal, Some(6), "{text}");
        assert!(text.contains("strata: double free at"), "{text}");
    }
}

#[test]
fn other_faults_are_not_ours() {
    let (signal, text) = run("null");
    // Who was there before does its work: the system, or a sanitizer.
    assert!(signal == Some(11) || text.contains("AddressSanitizer: SEGV"), "{text}");
    assert!(!text.contains("strata:"), "{text}");
    // Rust's own handler, too.
    let (signal, text) = run("stack-overflow");
    let is_told = signal == Some(6) && text.contains("has overflowed its stack");
    assert!(is_told || text.contains("AddressSanitizer: stack-overflow"), "{text}");
}

/// Where the place of an object says nothing of a mistake's size: it is found all the same.
#[test]
fn distances_are_right() {
    let (_, text) = run("overflow-far");
    assert!(text.contains(": 7 bytes behind the end of an object of 100 bytes"), "{text}");
    let (_, text) = run("underflow");
    assert!(text.contains(": 1 bytes before the start of an object of 100 bytes"), "{text}");
    let (_, text) = run("read-after-free");
    assert!(text.contains(": 42 bytes from the start of an object of 100 bytes"), "{text}");
}

#[inline(never)]
fn allocates_it(stack: &impl Allocator) -> NonNull<u8> {
    std::hint::black_box(stack.allocate(layout(100)).expect("there is memory").cast())
}

#[inline(never)]
fn frees_it(stack: &impl Allocator, ptr: NonNull<u8>) {
    // SAFETY: allocated by `allocates_it`.
    unsafe { stack.deallocate(ptr, layout(100)) };
    std::hint::black_box(());
}

/// An object at its page's end, or at its start.
fn placed(stack: &impl Allocator, at_end: bool) -> NonNull<u8> {
    loop {
        let ptr = allocates_it(stack);
        let is_at_start = ptr.addr().get().is_multiple_of(4096);
        if is_at_start != at_end {
            return ptr;
        }
        frees_it(stack, ptr);
    }
}

/// Makes the mistake that the environment names.
#[test]
#[ignore = "it ends the process: `mistakes_are_found_and_named` runs it in one of its own"]
fn a_mistake() {
    let kind = std::env::var("STRATA_TEST_MISTAKE").unwrap_or_default();
    let stack = Sampled::new(Global).with_mean_allocations(0).with_pages(50).with_seed(9);
    let read = |ptr: NonNull<u8>, at: isize| {
        // SAFETY: none: that is the mistake.
        unsafe { ptr.as_ptr().wrapping_offset(at).read_volatile() };
    };
    let write = |ptr: NonNull<u8>, at: isize| {
        // SAFETY: none: that is the mistake.
        unsafe { ptr.as_ptr().wrapping_offset(at).write_volatile(1) };
    };
    let ptr = placed(
        &stack,
        !kind.starts_with("underflow") && kind != "overflow-at-free" || kind == "underflow-at-free",
    );
    match kind.as_str() {
        "overflow" => write(ptr, 100),
        "overflow-far" => read(ptr, 107),
        "underflow" => read(ptr, -1),
        "overflow-at-free" => {
            write(ptr, 103);
            frees_it(&stack, ptr);
        }
        "underflow-at-free" => {
            write(ptr, -9);
            frees_it(&stack, ptr);
        }
        "read-after-free" => {
            frees_it(&stack, ptr);
            read(ptr, 42);
        }
        "write-after-free" => {
            frees_it(&stack, ptr);
            write(ptr, 0);
        }
        "double-free" => {
            frees_it(&stack, ptr);
            frees_it(&stack, ptr);
        }
        "double-at-a-time" => {
            let (address, barrier) = (ptr.as_ptr().expose_provenance(), std::sync::Barrier::new(2));
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let ptr = std::ptr::with_exposed_provenance_mut::<u8>(address);
                        barrier.wait();
                        frees_it(&stack, NonNull::new(ptr).expect("it is not null"));
                    });
                }
            });
        }
        "invalid-free" => frees_it(&stack, ptr.map_addr(|address| address.saturating_add(8))),
        // SAFETY: none: that is the mistake.
        "wrong-size" => unsafe { stack.deallocate(ptr, layout(99)) },
        "grow-after-free" => {
            frees_it(&stack, ptr);
            // SAFETY: none: that is the mistake.
            let _ = unsafe { stack.grow(ptr, layout(100), layout(200)) };
        }
        "in-a-thread" => {
            frees_it(&stack, ptr);
            let address = ptr.as_ptr().expose_provenance();
            let _ = std::thread::spawn(move || {
                let ptr = std::ptr::with_exposed_provenance::<u8>(address);
                // SAFETY: none: that is the mistake.
                unsafe { ptr.read_volatile() }
            })
            .join();
        }
        // SAFETY: none: the fault is what is wanted.
        "null" => unsafe {
            std::ptr::without_provenance::<u8>(std::hint::black_box(8)).read_volatile();
        },
        "stack-overflow" => {
            println!("{}", deep(0));
        }
        _ => panic!("no mistake is named {kind:?}"),
    }
    println!("nothing was found");
}

#[allow(unconditional_recursion)]
fn deep(n: u64) -> u64 {
    let room = std::hint::black_box([n; 100]);
    room[0] + deep(n + 1) + room[99]
}
