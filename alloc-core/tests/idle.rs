//! `Idle` on a layer that keeps account, in a time that the test makes; `Purger` as a thread, and
//! around a fork.
#![cfg(feature = "std")]
#![cfg_attr(strata_nightly, feature(allocator_api))]

use alloc_core::api2::alloc::System;
use alloc_core::sync::{AtomicUsize, Ordering};
use alloc_core::{
    AllocError, Broken, Fallback, Idle, Layer, Layout, Purger, Report, Shared, allocator,
};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;
const AFTER: Duration = Duration::from_millis(400);

/// `System`, with a store of bytes that nobody uses.
// ORDERING: Relaxed throughout: figures, each for itself.
#[derive(Default)]
struct Cellar {
    kept_bytes: AtomicUsize,
    /// What happened so far.
    events: AtomicUsize,
    faults: AtomicUsize,
    /// What another thread frees while the next reclaim goes on.
    coming_bytes: AtomicUsize,
    /// How often each was asked for.
    due: AtomicUsize,
    reclaims: AtomicUsize,
    reports: AtomicUsize,
}

impl Cellar {
    fn with(kept_bytes: usize) -> Self {
        Self { kept_bytes: AtomicUsize::new(kept_bytes), ..Self::default() }
    }

    fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    fn something_happens(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }
}

allocator! {
    // SAFETY: every method forwards.
    unsafe impl[] Allocator for Cellar {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            System.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { System.deallocate(ptr, layout) }
        }
    }
}

// SAFETY: every answer is `System`'s.
unsafe impl Layer for Cellar {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        System.owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        System.usable_size(layout)
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        let asked = if goal_bytes == 0 { &self.due } else { &self.reclaims };
        asked.fetch_add(1, Ordering::Relaxed);
        let given_bytes = goal_bytes.min(self.kept_bytes());
        self.kept_bytes.fetch_sub(given_bytes, Ordering::Relaxed);
        if goal_bytes > 0 {
            let freed_bytes = self.coming_bytes.swap(0, Ordering::Relaxed);
            self.kept_bytes.fetch_add(freed_bytes, Ordering::Relaxed);
        }
        given_bytes
    }
    fn report(&self, report: &mut Report<'_>) {
        self.reports.fetch_add(1, Ordering::Relaxed);
        report.layer("Cellar", |report| {
            report.bytes("kept", self.kept_bytes());
            report.count("events", self.events.load(Ordering::Relaxed) as u64);
            report.process(|report| {
                report.count("faults", self.faults.fetch_add(1, Ordering::Relaxed) as u64);
            });
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}

/// Looks when it is time to, until `end`. Returns when that was.
fn look_until(idle: &mut Idle, cellar: &Cellar, mut now: Duration, end: Duration) -> Duration {
    while now < end {
        let wait = idle.look(cellar, now);
        assert!(!wait.is_zero() && wait <= AFTER, "{wait:?}");
        now += wait;
    }
    now
}

#[test]
fn idle_gives_everything_back_after_a_while() {
    let cellar = Cellar::with(1000 * MIB);
    let mut idle = Idle::new(AFTER);
    // A little before it is idle: nothing but what is due.
    let now = look_until(&mut idle, &cellar, Duration::ZERO, AFTER - Duration::from_millis(1));
    assert_eq!((cellar.kept_bytes(), cellar.reclaims.load(Ordering::Relaxed)), (1000 * MIB, 0));
    assert_eq!((now, cellar.due.load(Ordering::Relaxed)), (AFTER, 4));
    // In steps, all of them within a fraction of the time.
    idle.look(&cellar, now);
    assert!((900 * MIB..1000 * MIB).contains(&cellar.kept_bytes()));
    look_until(&mut idle, &cellar, now, now + AFTER / 2);
    assert_eq!(cellar.kept_bytes(), 0);
}

#[test]
fn idle_rests_when_nothing_is_left() {
    let cellar = Cellar::with(MIB);
    let mut idle = Idle::new(AFTER);
    let now = look_until(&mut idle, &cellar, Duration::ZERO, AFTER * 4);
    let asked = || {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&cellar.due), of(&cellar.reclaims))
    };
    let (before, reports) = (asked(), cellar.reports.load(Ordering::Relaxed));
    let now = look_until(&mut idle, &cellar, now, now + AFTER * 100);
    assert_eq!(asked(), before, "nothing is reclaimed from who has nothing");
    let reports = cellar.reports.load(Ordering::Relaxed) - reports;
    assert!((100..=101).contains(&reports), "looks are rare: {reports}");
    // Whatever comes then is found, and goes: twice the time after the last activity at most.
    cellar.kept_bytes.store(5 * MIB, Ordering::Relaxed);
    look_until(&mut idle, &cellar, now + AFTER, now + AFTER * 2 + Duration::from_millis(1));
    assert_eq!(cellar.kept_bytes(), 0);
}

#[test]
fn idle_looks_ever_more_rarely() {
    let (cellar, mut idle, mut now) = (Cellar::default(), Idle::new(AFTER), Duration::ZERO);
    let waits = [(); 8].map(|()| {
        let wait = idle.look(&cellar, now);
        now += wait;
        wait.as_millis()
    });
    assert_eq!(waits, [100, 100, 100, 100, 100, 200, 400, 400]);
}

#[test]
fn idle_finds_what_was_freed_while_it_gave_back() {
    for kept_bytes in [0, MIB, 40 * MIB] {
        let cellar = Cellar::with(kept_bytes);
        cellar.coming_bytes.store(5 * MIB, Ordering::Relaxed);
        let mut idle = Idle::new(AFTER);
        look_until(&mut idle, &cellar, Duration::ZERO, AFTER * 2);
        assert_eq!(cellar.coming_bytes.load(Ordering::Relaxed), 0, "there was a reclaim");
        assert_eq!(cellar.kept_bytes(), 0);
    }
}

#[test]
fn idle_leaves_a_busy_stack_alone() {
    let cellar = Cellar::with(1000 * MIB);
    let mut idle = Idle::new(AFTER);
    let mut now = Duration::ZERO;
    for _ in 0..100 {
        cellar.something_happens();
        now = look_until(&mut idle, &cellar, now, now + AFTER - Duration::from_millis(1));
    }
    assert_eq!((cellar.kept_bytes(), cellar.reclaims.load(Ordering::Relaxed)), (1000 * MIB, 0));
    assert!(cellar.due.load(Ordering::Relaxed) >= 400, "what is due goes all the same");
    // And stops giving back when it is busy again.
    idle.look(&cellar, now);
    let kept_bytes = cellar.kept_bytes();
    assert!((MIB..1000 * MIB).contains(&kept_bytes));
    cellar.something_happens();
    look_until(&mut idle, &cellar, now, now + AFTER - Duration::from_millis(1));
    assert_eq!(cellar.kept_bytes(), kept_bytes);
}

#[test]
fn idle_asks_both_sides_for_what_is_due() {
    let stack = Fallback::new(Cellar::with(MIB), Cellar::with(MIB));
    Idle::new(AFTER).look(&stack, Duration::ZERO);
    let due = |cellar: &Cellar| cellar.due.load(Ordering::Relaxed);
    assert_eq!((due(stack.primary()), due(stack.secondary())), (1, 1));
}

/// Waits until it is so; not for ever.
fn await_that(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn purger_gives_back_until_it_is_dropped() {
    let cellar = Shared::new(Cellar::with(100 * MIB));
    let purger = Purger::start(cellar.clone(), Duration::from_millis(20)).unwrap();
    await_that(|| cellar.kept_bytes() == 0);
    cellar.kept_bytes.store(MIB, Ordering::Relaxed);
    await_that(|| cellar.kept_bytes() == 0);
    drop(purger);
    let reports = cellar.reports.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(cellar.reports.load(Ordering::Relaxed), reports, "the thread has ended");
}

/// The thread is woken: were it not, this would take an hour.
#[test]
fn purger_ends_at_once() {
    let cellar = Shared::new(Cellar::with(MIB));
    let purger = Purger::start(cellar.clone(), Duration::from_secs(3600)).unwrap();
    await_that(|| cellar.reports.load(Ordering::Relaxed) > 0);
    drop(purger);
    assert_eq!(cellar.kept_bytes(), MIB);
}

/// The child has no such thread: it need not wait for it, and may start its own.
#[cfg(unix)]
#[test]
fn purger_is_not_in_the_child_of_a_fork() {
    let after = Duration::from_millis(5);
    let cellar = Shared::new(Cellar::with(MIB));
    let purger = Purger::start(cellar.clone(), after).unwrap();
    await_that(|| cellar.kept_bytes() == 0);
    for _ in 0..20 {
        // SAFETY: the child calls `System` (the C library's, which is fork-safe) and `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child if it waits for what never comes.
            unsafe { libc::alarm(30) };
            drop(purger);
            cellar.kept_bytes.store(MIB, Ordering::Relaxed);
            let own = Purger::start(cellar.clone(), after);
            await_that(|| cellar.kept_bytes() == 0);
            drop(own);
            // SAFETY: no cleanup in a child of a threaded process.
            unsafe { libc::_exit(7) };
        }
        let mut status = 0;
        // SAFETY: `status` lives through the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status:#x}");
    }
    cellar.kept_bytes.store(MIB, Ordering::Relaxed);
    await_that(|| cellar.kept_bytes() == 0);
    drop(purger);
}
