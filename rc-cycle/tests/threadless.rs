//! A program that may start no thread finds its rings by hand; when it may, the thread does it. In a process of its own:
//! the thread is the process's.
#![cfg(all(not(loom), target_os = "linux"))]

use alloc_arena::{Arena, Os};
use alloc_core::Allocator;
use alloc_core::gc::Trace;
use alloc_sizeclass::SizeClassHeap;
use rc_cycle::sync::{Cc, collect, figures};
use std::sync::Mutex;
use std::time::Duration;

type Memory = &'static SizeClassHeap<Arena>;

/// Its addresses are reserved before there is a limit.
static HEAP: SizeClassHeap<Arena> = SizeClassHeap::new(Arena::new(Os::new()));

#[derive(Trace)]
struct Ring(Mutex<Option<Cc<Ring, Memory>>>, [u64; 100]);

fn make_rings(count: usize) {
    for _ in 0..count {
        let ring = Cc::new_in(Ring(Mutex::default(), [0; 100]), &HEAP);
        *ring.0.lock().unwrap() = Some(ring.clone());
    }
}

/// As many bytes of addresses as there are, and `more_bytes`.
fn limit_addresses(more_bytes: Option<u64>) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    let most_bytes = more_bytes.map_or(libc::RLIM_INFINITY, |bytes| pages * 4096 + bytes);
    let limit = libc::rlimit { rlim_cur: most_bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives through the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

#[test]
fn a_thread_that_could_not_be_started_is_started_later() {
    assert!(HEAP.allocate(std::alloc::Layout::new::<u64>()).is_ok());
    // Less than a thread's stack.
    limit_addresses(Some(1_500_000));
    assert!(std::thread::Builder::new().spawn(|| ()).is_err());
    make_rings(30_000);
    assert_eq!(figures().freed_objects, 0, "a thread was started");
    assert_eq!(collect(), 30_000);
    limit_addresses(None);
    let freed = figures().freed_objects;
    for _ in 0..5000 {
        make_rings(1000);
        if figures().freed_objects > freed {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no thread finds rings");
}
