//! The hot paths with real threads: producers and consumers, threads that come and go, reports and
//! checks beside work, reclaims from several threads, a great many instances, a global allocator.

use alloc_core::api2::alloc::System;
use alloc_core::report::Tree;
use alloc_core::{
    Allocator, AsGlobal, Layer, Layout, Limit, Observe, Reclaiming, Report, Shared, Unit,
};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

thread_cache! {
    static GLOBAL_STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
}

/// This test program itself runs on a stack: threads, channels, the test harness.
#[global_allocator]
static GLOBAL: AsGlobal<&ThreadCache<SizeClassHeap<System>, GLOBAL_STACK>> =
    AsGlobal::new(&GLOBAL_STACK);

type Stack = ThreadCache<SizeClassHeap<System>>;

fn stack() -> Stack {
    ThreadCache::new(SizeClassHeap::new(System))
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn used_bytes(stack: &impl Layer) -> u64 {
    Tree::of(stack).figure("SizeClassHeap", "slots in use (caches included)").unwrap()
}

fn span_bytes(stack: &impl Layer) -> u64 {
    Tree::of(stack).figure("SizeClassHeap", "span bytes").unwrap()
}

/// An allocation on its way to another thread.
struct Parcel(NonNull<u8>, Layout, u8);
// SAFETY: the parcel owns its allocation, which belongs to no thread.
unsafe impl Send for Parcel {}

impl Parcel {
    fn pack(stack: &impl Allocator, size: usize, tag: u8) -> Self {
        let ptr = stack.allocate(layout(size)).unwrap().cast::<u8>();
        // SAFETY: the allocation has `size` bytes.
        unsafe { ptr.write_bytes(tag, size) };
        Self(ptr, layout(size), tag)
    }

    fn unpack(self, stack: &impl Allocator) {
        let Self(ptr, layout, tag) = self;
        for at in [0, layout.size() / 2, layout.size() - 1] {
            // SAFETY: a live allocation of so many bytes.
            assert_eq!(unsafe { ptr.add(at).read() }, tag);
        }
        // SAFETY: a live allocation with its own layout.
        unsafe { stack.deallocate(ptr, layout) };
    }
}

fn size_of_round(round: usize) -> usize {
    16 + round.wrapping_mul(2_654_435_761) % 3000
}

#[test]
fn producers_and_consumers() {
    const ROUNDS: usize = 60_000;
    let stack = stack();
    let peak = thread::scope(|scope| {
        let pairs: Vec<_> = (0..2u8)
            .map(|tag| {
                let stack = &stack;
                // Bounded, so that what is live is, too.
                let (give, take) = mpsc::sync_channel::<Parcel>(256);
                let producer = scope.spawn(move || {
                    for round in 0..ROUNDS {
                        give.send(Parcel::pack(stack, size_of_round(round), tag)).unwrap();
                    }
                });
                let consumer = scope.spawn(move || {
                    let mut peak = 0;
                    for (count, parcel) in take.into_iter().enumerate() {
                        parcel.unpack(stack);
                        if count % 5000 == 0 {
                            peak = peak.max(span_bytes(stack));
                        }
                    }
                    peak
                });
                (producer, consumer)
            })
            .collect();
        pairs.into_iter().fold(0, |peak, (producer, consumer)| {
            producer.join().unwrap();
            peak.max(consumer.join().unwrap())
        })
    });
    println!("producers and consumers: {} KiB of spans at most", peak >> 10);
    assert!(peak < 16 << 20, "{peak} bytes of spans for at most 2 MiB that are live");
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    assert_eq!(used_bytes(&stack), 0);
}

#[test]
fn a_thousand_threads_come_and_go() {
    let stack = stack();
    let mut most = 0;
    for batch in 0..125usize {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8usize)
                .map(|number| {
                    let stack = &stack;
                    scope.spawn(move || {
                        let parcels: Vec<_> = (0..200)
                            .map(|at| Parcel::pack(stack, size_of_round(batch + at), number as u8))
                            .collect();
                        parcels.into_iter().for_each(|parcel| parcel.unpack(stack));
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        if batch == 10 {
            most = span_bytes(&stack);
        }
    }
    let (threads, end) = (Tree::of(&stack).figure("ThreadCache", "threads"), span_bytes(&stack));
    println!(
        "a thousand threads: {} KiB of spans after 88, {} KiB after all",
        most >> 10,
        end >> 10
    );
    assert_eq!(threads, Some(0));
    assert!(end <= 2 * most, "{end} bytes of spans at the end, {most} after 88 threads");
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    assert_eq!((used_bytes(&stack), span_bytes(&stack)), (0, 0));
}

/// Neither may report breakage that is not there, or wait for ever.
#[test]
fn reports_checks_and_reclaims_beside_work() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let stack = stack();
    thread::scope(|scope| {
        let stack = &stack;
        let work = |tag: u8| {
            move || {
                let mut held = Vec::new();
                for round in 0..40_000usize {
                    let size = if round % 97 == 0 { 50_000 + round } else { size_of_round(round) };
                    held.push(Parcel::pack(stack, size, tag));
                    if held.len() > 100 {
                        held.swap_remove(round % 100).unpack(stack);
                    }
                }
                held.into_iter().for_each(|parcel| parcel.unpack(stack));
            }
        };
        let look = move || {
            let mut rounds = 0u32;
            while !STOP.load(Ordering::Relaxed) {
                stack.verify().unwrap();
                let _ = Tree::of(stack).to_string();
                if rounds.is_multiple_of(4) {
                    stack.reclaim(usize::MAX);
                }
                rounds += 1;
            }
            rounds
        };
        let working = [scope.spawn(work(1)), scope.spawn(work(2))];
        let looking = [scope.spawn(look), scope.spawn(look)];
        let worked = working.map(thread::ScopedJoinHandle::join);
        // Before a failure is shown: the others would look for ever.
        STOP.store(true, Ordering::Relaxed);
        worked.into_iter().for_each(Result::unwrap);
        for thread in looking {
            assert!(thread.join().unwrap() > 0);
        }
    });
    stack.verify().unwrap();
    stack.reclaim(usize::MAX);
    assert_eq!(used_bytes(&stack), 0);
}

/// Two threads run short at once, and each reclaims what the other has cached.
#[test]
fn two_threads_reclaim_at_once() {
    let ground = Limit::new(4 << 20, System);
    let stack = Reclaiming::new(ThreadCache::new(SizeClassHeap::<_>::new(ground)));
    thread::scope(|scope| {
        for tag in 0..2u8 {
            let stack = &stack;
            scope.spawn(move || {
                for round in 0..30usize {
                    let size = [40, 900, 7000, 30_000][(round + tag as usize) % 4];
                    let mut held = Vec::new();
                    while let Ok(slice) = stack.allocate(layout(size)) {
                        held.push(slice.cast::<u8>());
                    }
                    stack.verify().unwrap();
                    for ptr in held {
                        // SAFETY: allocated above with this layout, freed once.
                        unsafe { stack.deallocate(ptr, layout(size)) };
                    }
                }
            });
        }
    });
    assert!(stack.shortages() >= 60, "{} shortages", stack.shortages());
    stack.verify().unwrap();
}

/// The sink of a report allocates from the very stack that reports.
#[test]
fn a_report_may_allocate_from_the_stack() {
    struct Sink(Vec<String>);
    impl alloc_core::report::Sink for Sink {
        fn enter(&mut self, layer: &str) {
            // Large enough for a refill, and a large run of its own.
            self.0.extend((0..100).map(|at| format!("{layer}{at}")));
            self.0.push("x".repeat(100_000));
        }
        fn figure(&mut self, name: &str, value: u64, unit: Unit) {
            self.0.extend((0..100).map(|_| format!("{name} {value} {unit:?}")));
        }
        fn leave(&mut self) {}
    }
    let mut sink = Sink(Vec::new());
    GLOBAL_STACK.report(&mut Report::new(&mut sink));
    assert!(sink.0.len() > 1000);
    GLOBAL_STACK.verify().unwrap();
}

/// Indices are reused, serials are not; a cache that moves, or is forgotten, stays what it is.
#[test]
fn thousands_of_instances() {
    let below = Shared::new(Observe::new(System));
    let fresh = || ThreadCache::new(SizeClassHeap::<_>::new(below.clone()));
    let mut stacks: Vec<_> = (0..1500).map(|_| fresh()).collect();
    let held: Vec<_> = stacks.iter().map(|s| Parcel::pack(s, 100, 7)).collect();
    // They move: into another vector, in another order. Their threads' states stay theirs.
    stacks.reverse();
    let (keep, gone): (Vec<_>, Vec<_>) =
        stacks.into_iter().zip(held.into_iter().rev()).enumerate().partition(|(at, _)| at % 2 == 0);
    thread::spawn(move || {
        for (_, (stack, parcel)) in gone {
            parcel.unpack(&stack);
            drop(stack);
        }
    })
    .join()
    .unwrap();
    let again: Vec<_> = (0..750).map(|_| fresh()).collect();
    for stack in &again {
        // A state of the predecessor with this index must not be used.
        assert_eq!(Tree::of(stack).figure("ThreadCache", "threads"), Some(0));
        Parcel::pack(stack, 64, 3).unpack(stack);
    }
    for (_, (stack, parcel)) in keep {
        parcel.unpack(&stack);
        stack.verify().unwrap();
    }
    drop(again);
    assert_eq!(below.figures().live_bytes, 0);
}

/// A forgotten cache lives on, and threads that used it end in peace.
#[test]
fn a_forgotten_cache() {
    let below = Shared::new(Observe::new(System));
    let stack = Shared::new(ThreadCache::new(SizeClassHeap::<_>::new(below.clone())));
    let theirs = stack.clone();
    let worker = thread::spawn(move || {
        Parcel::pack(&*theirs, 100, 1).unpack(&*theirs);
        std::mem::forget(theirs);
    });
    worker.join().unwrap();
    Parcel::pack(&*stack, 100, 1).unpack(&*stack);
    std::mem::forget(stack);
    assert!(below.figures().live_bytes > 0);
    // Another one beside it.
    let other = ThreadCache::new(SizeClassHeap::<System>::new(System));
    Parcel::pack(&other, 100, 1).unpack(&other);
}

/// Ends the process, with threads running and allocating, through `exit`.
#[test]
#[cfg(unix)]
fn the_process_ends_beside_running_threads() {
    const CHILD: &str = "STRATA_TEST_EXIT";
    if std::env::var_os(CHILD).is_some() {
        for _ in 0..4 {
            thread::spawn(|| {
                loop {
                    std::hint::black_box((0..100).map(|at| vec![0u8; at * 37]).collect::<Vec<_>>());
                }
            });
        }
        thread::sleep(std::time::Duration::from_millis(20));
        std::process::exit(42);
    }
    for _ in 0..10 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["the_process_ends_beside_running_threads", "--exact", "--test-threads=1"])
            .env(CHILD, "1")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(42));
    }
}
