//! An arena in a process whose address space is limited, and what purging does to the size of a
//! process: each test runs its body in a process of its own.

use alloc_arena::{Arena, Os};
use alloc_core::{Allocator, Layer, Layout};
use std::process::Command;
use std::ptr::NonNull;

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;

/// Runs `body` in a process that has no other thread at work: this test binary again, which is told
/// by an environment variable that it is the child.
fn alone(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "ALLOC_ARENA_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn statm(field: usize) -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(field).unwrap().parse::<usize>().unwrap() * PAGE
}

fn limit_addresses(bytes: usize) {
    let limit = libc::rlimit { rlim_cur: bytes as u64, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives through the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

fn fill(arena: &Arena<Os>, layout: Layout) -> Vec<NonNull<[u8]>> {
    let mut runs = Vec::with_capacity(1 << 16);
    while let Ok(run) = arena.allocate(layout) {
        // SAFETY: live.
        unsafe { run.cast::<u8>().write(runs.len() as u8) };
        runs.push(run);
    }
    runs
}

fn check(runs: &[NonNull<[u8]>]) {
    for (n, run) in runs.iter().enumerate() {
        // SAFETY: live, and written to by `fill`.
        assert_eq!(unsafe { run.cast::<u8>().read() }, n as u8);
    }
}

#[test]
fn limits_of_512_mib() {
    alone("limits_of_512_mib", || {
        // Above what the process has already: a sanitizer has taken terabytes.
        let (had_bytes, free_bytes) = (statm(0), 512 * MIB);
        limit_addresses(had_bytes + free_bytes);
        let arena = Arena::new(Os::new());
        let first_bytes = arena.range().unwrap().len();
        assert!(first_bytes >= free_bytes / 8, "{first_bytes} is too little");
        assert!(first_bytes <= free_bytes / 2, "{first_bytes} of {free_bytes} leaves no room");
        // The rest of the program has room: a thread with a stack of 8 MiB, a vector of 64 MiB.
        std::thread::Builder::new().stack_size(8 * MIB).spawn(|| ()).unwrap().join().unwrap();
        drop(vec![1_u8; 64 * MIB]);

        // Everything that the limit allows can be used in the end, but for crumbs.
        let span = Layout::from_size_align(64 << 10, 64 << 10).unwrap();
        let runs = fill(&arena, span);
        let used_bytes = runs.len() * span.size();
        assert!(used_bytes > free_bytes * 3 / 4, "{} MiB of {free_bytes}", used_bytes / MIB);
        assert!(arena.allocate(span).is_err());
        check(&runs);
        arena.verify().unwrap();

        // Service resumes, by freed memory or by a higher limit.
        // SAFETY: allocated by `fill`, and not in `runs` any more below.
        unsafe { arena.deallocate(runs[7].cast(), span) };
        assert_eq!(arena.allocate(span).unwrap(), runs[7]);
        // SAFETY: live.
        unsafe { runs[7].cast::<u8>().write(7) };
        limit_addresses(had_bytes + 768 * MIB);
        let more = fill(&arena, span);
        assert!(more.len() * span.size() > 128 * MIB, "{} more", more.len());
        check(&runs);
        check(&more);

        for run in runs.into_iter().chain(more) {
            // SAFETY: allocated by `fill`.
            unsafe { arena.deallocate(run.cast(), span) };
        }
        arena.reclaim(usize::MAX);
        arena.verify().unwrap();
        assert_eq!(arena.figures().mappings, 1, "further reservations go back");
        assert!(statm(0) < had_bytes + 512 * MIB);
    });
}

#[test]
fn limits_on_long_runs() {
    alone("limits_on_long_runs", || {
        let arena = Arena::new(Os::new());
        arena.range().unwrap();
        limit_addresses(statm(0) + 200 * MIB);
        let layout = |mib: usize| Layout::from_size_align(mib * MIB, PAGE).unwrap();
        let run = arena.allocate(layout(120)).unwrap();
        // SAFETY: live.
        unsafe { run.cast::<u8>().write_bytes(5, 120 * MIB) };
        assert_eq!(arena.figures().dedicated_bytes, 120 * MIB);
        // In the limit, mremap needs the difference; a copy would need both.
        // SAFETY: live with that layout; so below.
        let run = unsafe { arena.grow(run.cast(), layout(120), layout(180)).unwrap() };
        assert_eq!(arena.figures().dedicated_bytes, 180 * MIB);
        // SAFETY: as above.
        let run = unsafe { &mut *run.as_ptr() };
        assert!(run[..120 * MIB].iter().step_by(1000).all(|&byte| byte == 5));
        // Beyond the limit the first reservation still has room, for what is not too long.
        let other = arena.allocate(layout(100)).unwrap();
        assert_eq!(arena.figures().used_bytes, 100 * MIB);
        // SAFETY: live with that layout.
        unsafe { arena.deallocate(other.cast(), layout(100)) };
        arena.verify().unwrap();
    });
}

#[test]
fn limits_purging_makes_the_process_smaller() {
    alone("limits_purging_makes_the_process_smaller", || {
        let arena = Arena::new(Os::new()).with_purge_delay(None);
        let layout = Layout::from_size_align(24 * MIB, PAGE).unwrap();
        let run = arena.allocate(layout).unwrap();
        // SAFETY: live.
        unsafe { run.cast::<u8>().write_bytes(1, 24 * MIB) };
        let before = statm(1);
        // SAFETY: allocated above.
        unsafe { arena.deallocate(run.cast(), layout) };
        assert!(statm(1) + MIB > before);
        assert_eq!(arena.reclaim(usize::MAX), 24 * MIB);
        assert!(statm(1) + 23 * MIB < before, "{} of {before} are left", statm(1));
    });
}
