//! Threads that cannot be started: what wants one reports an error, or does without, and loses nothing.
//!
//! Above: the campaign. Below: `Purger`, collectors with threads, the thread of `sync::Cc`; each limit in a process of
//! its own, whose user may have so many threads. Root is bound by no such limit, so the process takes another user's
//! number; where it cannot, it asks for stacks that no address space has.

use super::{Counted, programs};
use alloc_arena::{Arena, Os};
use alloc_core::gc::{Collector, Gc, Heap, Trace};
use alloc_core::{Layer, Purger, Rootable, Shared};
use alloc_sizeclass::SizeClassHeap;
use gc_generational::{Config as YoungConfig, Generational};
use gc_marksweep::{Config, MarkSweep};
use std::process::Command;
use std::time::Duration;

/// The word by which this program knows that it is the child.
pub const WORD: &str = "startless-child";
/// A user that has no processes.
const USER: u32 = 54_321;
const MOST_THREADS: usize = 6;
const MARKERS: usize = 3;

type Below = SizeClassHeap<Shared<Arena<Os>>>;
Rootable!(type Kept<'gc> = Vec<Gc<'gc, usize>>);

/// A child for each number of threads.
pub fn run() -> Result<Vec<Counted>, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let (mut runs, mut failed, mut refused) = (0, 0, 0);
    for threads in 0..=MOST_THREADS {
        let ended = programs::run(Command::new(&this).args([WORD, &threads.to_string()]))?;
        runs += 1;
        refused += ended.figure("refused");
        if !ended.is_well() {
            failed += 1;
            eprintln!("with {threads} threads: {}", ended.summary());
        }
    }
    Ok(vec![
        Counted::new("processes that may start 0 to 6 threads", runs, failed),
        Counted::new("  threads that were refused", refused, 0),
    ])
}

/// The child: may start `threads` threads.
pub fn live(threads: usize) -> bool {
    let limited = limit(threads + 1);
    let mut refused = 0;
    let pages = Shared::new(Arena::new(Os::new()));
    let below = || Below::new(pages.clone());
    refused += purger(&pages);
    refused += collector(|| MarkSweep::background(Config::default(), below()));
    refused += collector(|| MarkSweep::parallel(MARKERS, Config::default(), below()));
    refused += collector(|| Generational::background(YoungConfig::default(), below()));
    refused += collector(|| Generational::parallel(MARKERS, YoungConfig::default(), below()));
    assert_eq!(pages.figures().used_bytes, 0, "a collector that was not made left something");
    pages.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
    counted(threads);
    assert!(!limited || threads > 0 || refused == 5, "{refused} of 5 were refused");
    println!("refused {refused}\nok");
    true
}

/// Sets the limit; whether it holds.
fn limit(processes: usize) -> bool {
    // SAFETY: changes this process's user, if that is allowed, and a limit of it.
    let set = unsafe {
        let group = libc::setgid(USER) == 0;
        let user = libc::setuid(USER) == 0;
        set(processes);
        group && user
    };
    if !set {
        println!("this user's number stays");
    }
    set && (processes > 1 || std::thread::Builder::new().spawn(|| ()).is_err())
}

fn set(processes: usize) {
    let limit = libc::rlimit { rlim_cur: processes as u64, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives through the call. A hard limit that cannot stay is lowered.
    unsafe {
        let mut before = limit;
        libc::getrlimit(libc::RLIMIT_NPROC, &raw mut before);
        let limit = libc::rlimit { rlim_max: before.rlim_max, ..limit };
        libc::setrlimit(libc::RLIMIT_NPROC, &limit);
    }
}

fn purger(pages: &Shared<Arena<Os>>) -> usize {
    match Purger::start(pages.clone(), Duration::from_millis(1)) {
        Ok(purger) => {
            drop(purger);
            0
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            1
        }
    }
}

/// A collector that has its threads works; one that has not gives an error, and its memory back.
fn collector<C: Collector>(make: impl Fn() -> std::io::Result<C>) -> usize {
    let Ok(collector) = make() else { return 1 };
    let mut heap = Heap::<C, Kept>::new(collector, |_| Vec::new());
    for round in 0..50 {
        heap.mutate_root(|mc, kept| {
            kept.truncate(round);
            (0..1000).for_each(|number| kept.push(Gc::new(mc, number)));
        });
        heap.collect_some(10_000);
    }
    heap.collect();
    heap.mutate(|_, kept| assert!(kept.iter().skip(49).map(|gc| **gc).eq(0..1000)));
    0
}

#[derive(Trace)]
struct Ring {
    next: std::sync::Mutex<Option<rc_cycle::sync::Cc<Ring>>>,
}

fn make_rings() {
    for _ in 0..20_000 {
        let ring = rc_cycle::sync::Cc::new(Ring { next: std::sync::Mutex::new(None) });
        let other = ring.clone();
        *ring.next.lock().expect("nobody panics with it") = Some(other);
    }
}

/// Rings of pointers that threads share are found by a thread, or when asked for; and by the thread, as soon as one can
/// be started.
fn counted(threads: usize) {
    make_rings();
    if threads == 0 {
        assert!(rc_cycle::sync::collect() > 0, "nothing was found by hand");
    }
    set(1000);
    let found = || rc_cycle::sync::figures().freed_objects;
    let before = found();
    make_rings();
    for _ in 0..3000 {
        if found() > before {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
        make_rings();
    }
    panic!("no thread looks for rings, although one could be started");
}
