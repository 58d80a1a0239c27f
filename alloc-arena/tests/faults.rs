//! What an arena does when its source fails: every call of every kind, one at a time, from some
//! point on, and now and then. Errors are reported as such, nothing that is live is hurt, the arena
//! stays consistent, nothing is lost, and service goes on when the source does.

mod common;
#[path = "common/watched_os.rs"]
mod watched_os;

use alloc_arena::{Arena, Call, Failures, Fixed, Os, Scheduled};
use alloc_core::{Allocator, Layer, Layout};
use common::TinyHuge;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use watched_os::WatchedOs;

const KIB: usize = 1 << 10;
const DEDICATED: usize = 256 * KIB;

struct Live {
    run: NonNull<u8>,
    layout: Layout,
    stamp: u8,
}

/// Plays a script that makes every kind of call, and checks all contents after each step.
struct Player<'a> {
    arena: &'a Arena<Scheduled<TinyHuge>>,
    live: Vec<Live>,
    refused: usize,
}

impl Player<'_> {
    fn allocate(&mut self, bytes: usize, align: usize, zeroed: bool) {
        let layout = Layout::from_size_align(bytes, align).unwrap();
        let stamp = self.live.len() as u8 + 1;
        let result =
            if zeroed { self.arena.allocate_zeroed(layout) } else { self.arena.allocate(layout) };
        let Ok(run) = result else {
            self.refused += 1;
            return self.check();
        };
        // SAFETY: live, and used through this slice alone.
        let bytes = unsafe { &mut *run.as_ptr() };
        assert!(!zeroed || bytes.iter().step_by(61).all(|&byte| byte == 0));
        bytes.fill(stamp);
        self.live.push(Live { run: run.cast(), layout, stamp });
        self.check();
    }

    fn deallocate(&mut self, which: usize) {
        if which < self.live.len() {
            let Live { run, layout, .. } = self.live.remove(which);
            // SAFETY: live with that layout.
            unsafe { self.arena.deallocate(run, layout) };
        }
        self.check();
    }

    fn resize(&mut self, which: usize, bytes: usize) {
        let Some(live) = self.live.get_mut(which) else { return };
        let old = live.layout;
        let new = Layout::from_size_align(bytes, old.align()).unwrap();
        // SAFETY: live with that layout; the new size is on the right side of the old one.
        let result = unsafe {
            if bytes < old.size() {
                self.arena.shrink(live.run, old, new)
            } else {
                self.arena.grow_zeroed(live.run, old, new)
            }
        };
        match result {
            Ok(run) => {
                // SAFETY: live, and used through this slice alone.
                let all = unsafe { &mut *run.as_ptr() };
                let kept = old.size().min(bytes);
                assert!(all[..kept].iter().step_by(61).all(|&byte| byte == live.stamp));
                assert!(
                    bytes < old.size() || all[kept..].iter().step_by(61).all(|&byte| byte == 0)
                );
                all.fill(live.stamp);
                *live = Live { run: run.cast(), layout: new, stamp: live.stamp };
            }
            Err(_) => self.refused += 1,
        }
        self.check();
    }

    fn check(&self) {
        self.arena.verify().unwrap();
        for &Live { run, layout, stamp } in &self.live {
            // SAFETY: live.
            let bytes = unsafe { core::slice::from_raw_parts(run.as_ptr(), layout.size()) };
            assert!(bytes.iter().step_by(509).all(|&byte| byte == stamp));
            assert!(self.arena.owns(run));
        }
        let live_bytes = self.live.iter().map(|live| self.arena.usable_size(live.layout));
        let figures = self.arena.figures();
        assert!(figures.used_bytes + figures.dedicated_bytes >= live_bytes.sum());
    }

    fn play(&mut self) {
        self.allocate(64 * KIB, 64 * KIB, false);
        self.allocate(5000, 1, true);
        self.allocate(300 * KIB, 64 * KIB, true); // its own mapping
        self.allocate(200 * KIB, 4 * KIB, false);
        self.resize(0, 80 * KIB);
        self.resize(2, 700 * KIB); // remap
        self.deallocate(1);
        self.allocate(3 << 20, 64 * KIB, false);
        self.resize(2, 310 * KIB); // the tail goes
        self.resize(2, 400 * KIB);
        for _ in 0..12 {
            self.allocate(150 * KIB, 8 * KIB, false); // further reservations
        }
        self.deallocate(2);
        self.deallocate(2);
        self.arena.reclaim(100 * KIB);
        self.check();
        self.resize(1, 8 * KIB);
        self.allocate(2 << 20, 1 << 20, true);
        self.deallocate(0);
        self.arena.reclaim(usize::MAX);
        self.check();
        self.allocate(300 * KIB, 64 * KIB, true);
        while !self.live.is_empty() {
            self.deallocate(self.live.len() / 2);
        }
    }
}

fn arena(delay: Option<Duration>) -> Arena<Scheduled<TinyHuge>> {
    Arena::new(Scheduled::new(TinyHuge::new(Os::new()).lenient()))
        .with_dedicated_bytes(DEDICATED)
        .with_reservation_bytes(1 << 20)
        .with_purge_delay(delay)
}

/// Plays with failures, then without: the second time nothing may be refused. Returns how many
/// calls of the kind the first round made.
fn play(call: Call, failures: Failures, delay: Option<Duration>) -> usize {
    let arena = arena(delay);
    arena.below().fail(call, failures);
    let mut player = Player { arena: &arena, live: Vec::new(), refused: 0 };
    player.play();
    let calls = arena.below().calls(call);
    arena.below().fail(call, Failures::Never);
    player.refused = 0;
    player.play();
    assert_eq!(player.refused, 0, "{call:?} {failures:?}: no service after the failures");
    arena.reclaim(usize::MAX);
    let figures = arena.figures();
    let held =
        (figures.used_bytes, figures.dedicated_bytes, figures.idle_bytes, figures.dirty_bytes);
    assert_eq!(held, (0, 0, 0, 0), "{call:?} {failures:?}: something is lost");
    calls
}

#[test]
fn faults_one_at_a_time() {
    for delay in [None, Some(Duration::ZERO)] {
        for call in Call::ALL {
            let calls = play(call, Failures::Never, delay);
            if matches!(call, Call::Guard | Call::GuardWithin) {
                continue; // arenas make no such call
            }
            assert!(calls > 0, "the script makes no {call:?}");
            for nth in 1..=calls {
                play(call, Failures::Nth(nth), delay);
            }
        }
    }
}

#[test]
fn faults_from_some_call_on() {
    for delay in [None, Some(Duration::ZERO)] {
        for call in Call::ALL {
            for first in 1..=play(call, Failures::Never, delay) {
                play(call, Failures::From(first), delay);
            }
        }
    }
}

#[test]
fn faults_now_and_then_of_all_kinds() {
    for every in 2..9 {
        let arena = arena(Some(Duration::ZERO));
        for call in Call::ALL {
            arena.below().fail(call, Failures::Every(every));
        }
        let mut player = Player { arena: &arena, live: Vec::new(), refused: 0 };
        for _ in 0..3 {
            player.play();
        }
    }
}

#[test]
fn faults_a_run_that_cannot_be_purged_stays_dirty() {
    let arena = arena(None);
    let layout = Layout::new::<[u8; 64 * KIB]>();
    let run = arena.allocate(layout).unwrap();
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout) };
    arena.below().fail(Call::Decommit, Failures::From(1));
    assert_eq!(arena.reclaim(usize::MAX), 0);
    assert_eq!(arena.figures().dirty_bytes, 64 * KIB);
    assert_eq!(arena.allocate(layout).unwrap(), run);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout) };
    arena.below().fail(Call::Decommit, Failures::Never);
    assert_eq!(arena.reclaim(usize::MAX), 64 * KIB);
}

#[test]
fn faults_a_buffer_runs_full_and_serves_again() {
    for (kib, page_bytes) in [(64, 4096), (16, 256), (1, 64)] {
        let mut buffer = vec![MaybeUninit::new(0xAA_u8); kib * KIB];
        let arena = Arena::new(Fixed::new(&mut buffer).with_page_bytes(page_bytes));
        let layout = Layout::from_size_align(page_bytes, page_bytes).unwrap();
        let full = || {
            let mut runs = Vec::new();
            while let Ok(run) = arena.allocate(layout) {
                runs.push(run);
            }
            arena.verify().unwrap();
            runs
        };
        let runs = full();
        let page_count = kib * KIB / page_bytes;
        // The ends of the buffer may lie askew, and the metadata take 20.25 bytes a page.
        let metadata_pages = (page_count * 21 + 300).div_ceil(page_bytes) + 1;
        assert!(runs.len() + metadata_pages >= page_count, "{} of {page_count}", runs.len());
        for run in runs.iter().rev() {
            // SAFETY: allocated above.
            unsafe { arena.deallocate(run.cast(), layout) };
        }
        assert_eq!(full().len(), runs.len());
    }
}

/// A mapping's metadata lie in a range of their own, which may be refused when the mapping has gone.
#[test]
fn faults_metadata_that_are_refused_go_back_later() {
    static OS: WatchedOs = WatchedOs {
        now_ms: AtomicU64::new(0),
        reserved_bytes: AtomicUsize::new(0),
        most_bytes: AtomicUsize::new(0),
    };
    let arena = Arena::new(Scheduled::new(&OS)).with_reservation_bytes(1 << 20);
    let layout = Layout::new::<[u8; 600 * KIB]>();
    let fill_and_free = || {
        let runs = [0; 4].map(|_| arena.allocate(layout).unwrap());
        for run in runs {
            // SAFETY: allocated just now.
            unsafe { arena.deallocate(run.cast(), layout) };
        }
    };
    let held_bytes = || OS.reserved_bytes.load(Relaxed);
    fill_and_free();
    arena.reclaim(usize::MAX);
    let one_bytes = held_bytes();
    fill_and_free();
    assert!(held_bytes() > 3 * one_bytes);
    // Each mapping takes two calls: the range, then its metadata.
    arena.below().fail(Call::Unreserve, Failures::Nth(2));
    arena.reclaim(usize::MAX);
    assert_eq!(arena.figures().mappings, 1);
    assert!(held_bytes() > one_bytes, "the call that was to fail did not");
    arena.verify().unwrap();
    arena.below().fail(Call::Unreserve, Failures::From(1));
    arena.reclaim(usize::MAX);
    assert!(held_bytes() > one_bytes);
    arena.below().fail(Call::Unreserve, Failures::Never);
    arena.reclaim(usize::MAX);
    assert_eq!(held_bytes(), one_bytes, "the metadata are lost");
    // The end of the arena is a chance, too.
    fill_and_free();
    arena.below().fail(Call::Unreserve, Failures::Nth(2));
    arena.reclaim(usize::MAX);
    drop(arena);
    assert_eq!(held_bytes(), 0);
}
