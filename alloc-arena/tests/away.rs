//! What the source works on while nobody holds the arena's lock: threads beside it, failures of it, forks
//! in the midst of it. (The interleavings one by one are in `loom/away.rs`.)

use alloc_arena::source::{Contents, Reserved};
use alloc_arena::{Arena, Call, Failures, Os, Scheduled, Source};
use alloc_core::{AllocError, Allocator, Layer, Layout};
use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const PAGE: usize = 4 * KIB;
const DEDICATED: usize = 256 * KIB;

/// `Os`, but whenever it decommits or moves pages it asks the arena to verify itself, which would wait for
/// ever if the lock were held, and lets other threads run. Refuses now and then, if told so.
struct Slow {
    arena: OnceLock<&'static Arena<Slow>>,
    calls: AtomicUsize,
    /// Each call whose number this divides fails; 0: none does.
    refused: usize,
}

impl Slow {
    fn arena(refused: usize, delay: Option<Duration>) -> &'static Arena<Self> {
        let source = Self { arena: OnceLock::new(), calls: AtomicUsize::new(0), refused };
        let arena = Arena::new(source)
            .with_dedicated_bytes(DEDICATED)
            .with_reservation_bytes(MIB)
            .with_purge_delay(delay);
        let arena = Box::leak(Box::new(arena));
        assert!(arena.below().arena.set(arena).is_ok());
        arena
    }

    fn work(&self) -> Result<(), AllocError> {
        self.arena.get().unwrap().verify().unwrap();
        self.wait()
    }

    fn wait(&self) -> Result<(), AllocError> {
        thread::yield_now();
        let call = self.calls.fetch_add(1, Relaxed) + 1;
        if self.refused > 0 && call.is_multiple_of(self.refused) { Err(AllocError) } else { Ok(()) }
    }
}

// SAFETY: S1 to S6: a call goes to `Os`, which keeps the rules, or fails without effect.
unsafe impl Source for Slow {
    fn page_bytes(&self) -> usize {
        Os::new().page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        Os::new().reserve(bytes, align_bytes)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.wait()?; // the lock may be held: the table of long runs may have moved
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { Os::new().unreserve(base, bytes) }
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        self.work()?;
        // SAFETY: as above.
        unsafe { Os::new().decommit(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        Os::new().map(bytes, align_bytes)
    }
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        self.work()?;
        // SAFETY: as above.
        unsafe { Os::new().remap(base, old_bytes, new_bytes, align_bytes) }
    }
    fn now_ms(&self) -> Option<u64> {
        Os::new().now_ms()
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, PAGE).unwrap()
}

/// A run full of a stamp.
struct Live<'a, S: Source> {
    arena: &'a Arena<S>,
    run: NonNull<u8>,
    bytes: usize,
    stamp: u8,
}

impl<'a, S: Source> Live<'a, S> {
    fn new(arena: &'a Arena<S>, bytes: usize, stamp: u8) -> Self {
        let run = arena.allocate(layout(bytes)).unwrap().cast();
        Live { arena, run, bytes, stamp }.stamped()
    }

    fn places(&self) -> impl Iterator<Item = NonNull<u8>> + use<'a, S> {
        let run = self.run;
        // SAFETY: within the live run.
        (0..self.bytes).step_by(PAGE / 2).map(move |at| unsafe { run.add(at) })
    }

    fn stamped(self) -> Self {
        // SAFETY: live, and this value's alone.
        self.places().for_each(|place| unsafe { place.write(self.stamp) });
        self
    }

    fn check(&self) {
        // SAFETY: as above; all of the places were written.
        assert!(self.places().all(|place| unsafe { place.read() } == self.stamp));
    }

    fn resize(mut self, bytes: usize) -> Self {
        self.check();
        let (old, new) = (layout(self.bytes), layout(bytes));
        // SAFETY: live with that layout; the new size is on the right side of it.
        let result = unsafe {
            if bytes < self.bytes {
                self.arena.shrink(self.run, old, new)
            } else {
                self.arena.grow(self.run, old, new)
            }
        };
        self.run = result.unwrap().cast();
        self.bytes = self.bytes.min(bytes);
        self.check();
        self.bytes = bytes;
        self.stamped()
    }

    fn free(self) {
        self.check();
        // SAFETY: live with that layout.
        unsafe { self.arena.deallocate(self.run, layout(self.bytes)) };
    }
}

/// Allocates, resizes and frees at random: short runs, and a few with a mapping of their own.
fn churn(arena: &'static Arena<Slow>, seed: u64, steps: usize) {
    let mut live = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1);
    for step in 0..steps {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let long = random & 15 == 0;
        let pages = (random >> 16) as usize % if long { 200 } else { 24 } + 1;
        let at = (random >> 8) as usize % (live.len() + 1);
        if at == live.len() || (live.len() < 40 && random & 32 == 0) {
            live.push(Live::new(arena, pages * PAGE, step as u8));
        } else if random & 7 < 3 {
            let one: Live<'_, Slow> = live.swap_remove(at);
            live.push(one.resize(pages * PAGE));
        } else {
            live.swap_remove(at).free();
        }
    }
    live.into_iter().for_each(Live::free);
}

#[test]
fn away_threads_beside_a_slow_source() {
    for (refused, delay) in [(0, Some(0)), (7, Some(0)), (5, Some(1)), (3, None)] {
        let arena = Slow::arena(refused, delay.map(Duration::from_millis));
        let working = AtomicUsize::new(3);
        thread::scope(|scope| {
            for seed in 0..3 {
                let working = &working;
                scope.spawn(move || {
                    churn(arena, seed, 1500);
                    working.fetch_sub(1, Relaxed);
                });
            }
            scope.spawn(|| {
                while working.load(Relaxed) > 0 {
                    arena.reclaim(usize::MAX);
                    arena.verify().unwrap();
                    arena.pages(&mut |_| {});
                }
            });
            scope.spawn(|| {
                while working.load(Relaxed) > 0 {
                    arena.freeze();
                    // SAFETY: frozen above.
                    unsafe { arena.thaw() };
                    thread::yield_now();
                }
            });
        });
        arena.verify().unwrap();
        // A refusal or two on the way.
        for _ in 0..9 {
            arena.reclaim(usize::MAX);
        }
        let figures = arena.figures();
        let held = (figures.used_bytes, figures.dedicated_bytes, figures.idle_bytes);
        assert_eq!(held, (0, 0, 0), "every {refused}, {delay:?}");
        assert!(figures.dirty_bytes == 0 || refused > 0);
        assert!(arena.below().calls.load(Relaxed) > 100);
    }
}

/// A child has no thread that would bring back what was away; so nothing is, when `freeze` has returned.
#[test]
fn away_a_fork_finds_everything_in_its_place() {
    let arena = Slow::arena(0, Some(Duration::ZERO));
    let going = AtomicBool::new(true);
    thread::scope(|scope| {
        for seed in 0..2 {
            let going = &going;
            scope.spawn(move || {
                while going.load(Relaxed) {
                    churn(arena, seed, 50);
                }
            });
        }
        for _ in 0..25 {
            arena.freeze();
            // SAFETY: the child calls the arena and `_exit` alone.
            let child = unsafe { libc::fork() };
            // SAFETY: frozen above, here or in the thread that this one is the copy of.
            unsafe { arena.thaw() };
            if child == 0 {
                let fine = std::panic::catch_unwind(AssertUnwindSafe(|| in_child(arena))).is_ok();
                // SAFETY: no cleanup in a child of a threaded process.
                unsafe { libc::_exit(if fine { 7 } else { 1 }) };
            }
            let mut status = 0;
            // SAFETY: `status` lives through the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status:#x}");
        }
        going.store(false, Relaxed);
    });
    arena.verify().unwrap();
}

fn in_child(arena: &'static Arena<Slow>) {
    // SAFETY: ends the child if it waits for what never comes.
    unsafe { libc::alarm(20) };
    arena.verify().unwrap();
    let before = arena.figures();
    Live::new(arena, 64 * KIB, 1).resize(300 * KIB).resize(600 * KIB).resize(20 * KIB).free();
    Live::new(arena, 300 * KIB, 2).free();
    arena.reclaim(usize::MAX);
    arena.freeze();
    // SAFETY: frozen above.
    unsafe { arena.thaw() };
    arena.verify().unwrap();
    let figures = arena.figures();
    assert_eq!(
        (figures.used_bytes, figures.dedicated_bytes),
        (before.used_bytes, before.dedicated_bytes)
    );
    assert_eq!((figures.dirty_bytes, figures.idle_bytes), (0, 0));
}

fn scheduled() -> Arena<Scheduled<Os>> {
    Arena::new(Scheduled::new(Os::new())).with_dedicated_bytes(DEDICATED).with_purge_delay(None)
}

#[test]
fn away_a_refused_stretch_stays_dirty_and_the_next_one_goes() {
    let arena = scheduled();
    let runs: Vec<_> = (1..8).map(|pages| Live::new(&arena, pages * PAGE, 1)).collect();
    let kept: Vec<_> = runs
        .into_iter()
        .filter_map(|live| {
            if live.bytes % (2 * PAGE) > 0 {
                return Some(live);
            }
            live.free();
            None
        })
        .collect();
    let decommits = |failures| arena.below().fail(Call::Decommit, failures);
    assert_eq!(arena.figures().dirty_bytes, (2 + 4 + 6) * PAGE);
    decommits(Failures::From(1));
    assert_eq!(arena.reclaim(usize::MAX), 0);
    assert_eq!(arena.below().calls(Call::Decommit), 3, "each run once");
    assert_eq!(arena.figures().dirty_bytes, (2 + 4 + 6) * PAGE);
    arena.verify().unwrap();
    decommits(Failures::Nth(1));
    // The first is refused, the others go, and it is asked for once more.
    assert_eq!(arena.reclaim(usize::MAX), (2 + 4 + 6) * PAGE);
    let and_the_records = 1;
    assert_eq!(arena.below().calls(Call::Decommit), 4 + and_the_records);
    assert_eq!(
        (arena.figures().dirty_bytes, arena.figures().purged_bytes),
        (0, (2 + 4 + 6) * PAGE)
    );
    kept.into_iter().for_each(Live::free);
    arena.verify().unwrap();
}

#[test]
fn away_a_refused_move_leaves_the_run_as_it_was() {
    let arena = scheduled();
    arena.below().fail(Call::Remap, Failures::From(1));
    // It is copied, and its old mapping lies idle.
    let live = Live::new(&arena, DEDICATED, 3).resize(2 * DEDICATED);
    assert_eq!(
        (arena.figures().dedicated_bytes, arena.figures().idle_bytes),
        (2 * DEDICATED, DEDICATED)
    );
    // The idle one cannot be made into a longer one: a new one is mapped.
    let other = Live::new(&arena, 3 * DEDICATED, 4);
    assert_eq!(arena.below().calls(Call::Remap), 2);
    assert_eq!((arena.figures().dedicated_runs, arena.figures().idle_bytes), (2, DEDICATED));
    arena.verify().unwrap();
    arena.below().fail(Call::Remap, Failures::Never);
    let live = live.resize(4 * DEDICATED);
    other.free();
    live.free();
    arena.verify().unwrap();
    arena.reclaim(usize::MAX);
    let figures = arena.figures();
    assert_eq!((figures.dedicated_bytes, figures.idle_bytes), (0, 0));
}

#[test]
fn away_the_records_of_free_pages_go_too() {
    let arena = scheduled();
    for _ in 0..3 {
        let runs: Vec<_> = (0..2000).map(|_| Live::new(&arena, PAGE, 1)).collect();
        runs.into_iter().for_each(Live::free);
        let calls = arena.below().calls(Call::Decommit);
        assert_eq!(arena.reclaim(usize::MAX), 2000 * PAGE);
        // One for the pages, one for what was known of each.
        assert_eq!(arena.below().calls(Call::Decommit), calls + 2);
        arena.verify().unwrap();
        let kept: Vec<_> = (1..40).map(|pages| Live::new(&arena, pages * PAGE, 2)).collect();
        arena.verify().unwrap();
        kept.into_iter().for_each(Live::free);
    }
}
