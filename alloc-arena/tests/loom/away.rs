//! Rules P1 to P4 of `away.rs`, and D3 of `dedicated.rs`: what the source works on while nobody holds the
//! arena's lock.

use super::watched::{BUFFER_BYTES, PAGE, Watched};
use super::{PAGE as ONE_PAGE, Run};
use alloc_arena::Arena;
use alloc_core::{Allocator, Layer, Layout};
use loom::sync::Arc;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

type Shared = Arc<Arena<Watched>>;

/// Runs `body` for every interleaving, each time with an arena over the same buffer, all of whose memory is
/// handed out in runs of a page, in order of address.
fn model(
    make: impl Fn(Watched) -> Arena<Watched> + Sync + Send + 'static,
    body: impl Fn(Shared, Vec<NonNull<u8>>) + Sync + Send + 'static,
) {
    let layout = Layout::from_size_align(BUFFER_BYTES, PAGE).unwrap();
    // SAFETY: the layout has a size. The buffer is leaked.
    let buffer = NonNull::new(unsafe { std::alloc::alloc(layout) }).unwrap();
    let buffer = Run(buffer);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        // SAFETY: the buffer is this source's: the arena of the run before has been dropped.
        let arena = make(unsafe { Watched::new(buffer.address()) });
        let mut runs = Vec::new();
        while let Ok(run) = arena.allocate(ONE_PAGE) {
            arena.below().write(run.cast(), PAGE, 1);
            runs.push(run.cast());
        }
        runs.sort();
        assert!(runs.len() > 8);
        body(Arc::new(arena), runs);
    });
}

fn kept(source: Watched) -> Arena<Watched> {
    Arena::new(source).with_purge_delay(None).with_dedicated_bytes(usize::MAX)
}

fn free(arena: &Arena<Watched>, run: NonNull<u8>, pages: usize) {
    // SAFETY: the models free each run once, with its length.
    unsafe { arena.deallocate(run, pages_of(pages)) }
}

fn pages_of(pages: usize) -> Layout {
    Layout::from_size_align(pages * PAGE, PAGE).unwrap()
}

fn in_thread(
    arena: &Shared,
    work: impl FnOnce(&Arena<Watched>) + 'static,
) -> loom::thread::JoinHandle<()> {
    let arena = Arc::clone(arena);
    loom::thread::spawn(move || work(&arena))
}

/// Weakened: the stretch stays in its free run while it is decommitted; it arrives before.
#[test]
fn purge_p1_what_is_away_is_nobodys() {
    model(kept, |arena, runs| {
        free(&arena, runs[3], 1);
        free(&arena, runs[5], 1);
        arena.verify().unwrap();
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        let run = arena.allocate(ONE_PAGE).unwrap().cast();
        arena.below().write(run, PAGE, 7);
        arena.verify().unwrap();
        assert_eq!(arena.below().read(run, PAGE), 7);
        purging.join().unwrap();
        assert_eq!(arena.below().read(run, PAGE), 7);
        free(&arena, run, 1);
        arena.verify().unwrap();
    });
}

/// Weakened: what arrives is not joined to the runs beside it; the figures call it clean before it is.
#[test]
fn purge_p1_what_is_back_is_joined() {
    model(kept, |arena, runs| {
        free(&arena, runs[4], 1);
        arena.verify().unwrap();
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        free(&arena, runs[3], 1);
        free(&arena, runs[5], 1);
        let figures = arena.figures();
        // What is away counts as dirty until it is gone.
        assert_eq!(figures.dirty_bytes + figures.purged_bytes, 3 * PAGE);
        purging.join().unwrap();
        arena.verify().unwrap();
        let whole = arena.allocate(pages_of(3)).unwrap();
        assert_eq!(whole.cast(), runs[3]);
    });
}

/// Weakened: whoever found something does not look once more. What one thread has away cuts a run in pieces,
/// and the pieces are joined to a run that both have passed.
#[test]
fn purge_two_threads_leave_nothing_dirty() {
    model(kept, |arena, runs| {
        // One free run with four stretches of dirty pages.
        [0, 2, 4, 6].into_iter().for_each(|n| free(&arena, runs[n], 1));
        arena.reclaim(usize::MAX);
        [1, 3, 5, 7].into_iter().for_each(|n| free(&arena, runs[n], 1));
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        arena.reclaim(usize::MAX);
        purging.join().unwrap();
        assert_eq!(arena.figures().dirty_bytes, 0);
        arena.verify().unwrap();
    });
}

/// Weakened: `freeze` takes the lock at once.
#[test]
fn purge_p2_freeze_finds_everything_in_its_place() {
    model(kept, |arena, runs| {
        free(&arena, runs[3], 1);
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        arena.freeze();
        // Here the process could fork; the child has no thread that would bring anything back.
        assert_eq!(arena.below().busy.load(Relaxed), 0);
        // SAFETY: frozen above.
        unsafe { arena.thaw() };
        purging.join().unwrap();
        arena.verify().unwrap();
        assert_eq!(arena.figures().clean_bytes, PAGE);
    });
}

/// Weakened: a request that finds no memory is refused at once; it looks for what is away too late.
#[test]
fn purge_p2_a_request_waits_for_what_is_away() {
    model(kept, |arena, runs| {
        free(&arena, runs[3], 1);
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        let run = arena.allocate(ONE_PAGE).expect("there is memory for it");
        assert_eq!(run.cast(), runs[3]);
        purging.join().unwrap();
    });
}

/// Weakened: a stretch pays when it arrives; it leaves though the debt was paid meanwhile.
#[test]
fn purge_p3_a_debt_is_paid_once() {
    let aging = |source| {
        let delay = Some(Duration::from_millis(8));
        Arena::new(source).with_purge_delay(delay).with_dedicated_bytes(usize::MAX)
    };
    /// Counts as an operation, or as two: at one in 16 the clock is looked at.
    fn operate(arena: &Arena<Watched>) {
        free(arena, arena.allocate(ONE_PAGE).unwrap().cast(), 1);
    }
    model(aging, |arena, runs| {
        let source = arena.below();
        (0..8).for_each(|at| free(&arena, runs[at], 1));
        arena.verify().unwrap();
        let looks = source.looks.load(Relaxed);
        while source.looks.load(Relaxed) == looks {
            operate(&arena);
        }
        (0..11).for_each(|_| operate(&arena));
        // A tick goes by. Of eight pages one is owed then.
        source.now_ms.store(1, Relaxed);
        let purging = in_thread(&arena, |arena| (0..4).for_each(|_| operate(arena)));
        (0..18).for_each(|_| operate(&arena));
        purging.join().unwrap();
        assert!(source.looks.load(Relaxed) >= looks + 3);
        assert_eq!(source.gone_pages.load(Relaxed), 1);
        arena.verify().unwrap();
    });
}

/// Weakened: a wish is never taken back, so that nothing leaves any more. (That there is a wish at all is
/// tested in `away.rs`: without one the wait may be long, which no model can see.)
#[test]
fn purge_p4_waiting_ends_and_purging_goes_on() {
    model(kept, |arena, runs| {
        free(&arena, runs[3], 1);
        free(&arena, runs[5], 1);
        let purging = in_thread(&arena, |arena| {
            arena.reclaim(usize::MAX);
        });
        arena.freeze();
        // SAFETY: frozen above.
        unsafe { arena.thaw() };
        purging.join().unwrap();
        assert_eq!(arena.below().gone_pages.load(Relaxed), 2);
        assert_eq!(arena.figures().dirty_bytes, 0);
    });
}

fn dedicated(source: Watched) -> Arena<Watched> {
    Arena::new(source).with_purge_delay(None).with_dedicated_bytes(2 * PAGE)
}

/// Weakened: the entry stays in the table while its mapping is moved.
#[test]
fn long_d3_a_mapping_that_moves_is_nobodys() {
    model(dedicated, |arena, _| {
        let run = arena.allocate(pages_of(2)).unwrap().cast();
        arena.below().write(run, 2 * PAGE, 1);
        free(&arena, run, 2);
        assert_eq!(arena.figures().idle_bytes, 2 * PAGE);
        // Makes its run of the idle mapping, if that is there still.
        let taking = in_thread(&arena, |arena| {
            let run = arena.allocate(pages_of(3)).unwrap().cast();
            arena.below().write(run, 3 * PAGE, 5);
            loom::thread::yield_now();
            assert_eq!(arena.below().read(run, 3 * PAGE), 5);
        });
        arena.reclaim(usize::MAX);
        taking.join().unwrap();
        arena.verify().unwrap();
        let figures = arena.figures();
        assert_eq!((figures.dedicated_bytes, figures.idle_bytes), (3 * PAGE, 0));
        assert_eq!(arena.below().mappings(), 2, "the run, and the table of runs");
    });
}

/// Weakened: the place of a mapping that moves is not kept free in the table.
#[test]
fn long_d3_what_moves_has_its_place() {
    model(dedicated, |arena, _| {
        let table_bytes = arena.figures().metadata_bytes;
        let take = |pages| arena.allocate(pages_of(pages)).unwrap().cast::<u8>();
        let last = take(2);
        // As many as the table, of a page, has room for.
        for _ in 1..PAGE / 24 {
            take(2);
        }
        assert_eq!(arena.figures().metadata_bytes, table_bytes + PAGE);
        let last = Run(last);
        let growing = in_thread(&arena, move |arena| {
            // SAFETY: live with that layout.
            let grown = unsafe { arena.grow(last.address(), pages_of(2), pages_of(3)).unwrap() };
            arena.below().write(grown.cast(), 3 * PAGE, 5);
        });
        take(2);
        growing.join().unwrap();
        arena.verify().unwrap();
        assert_eq!(arena.figures().dedicated_runs, PAGE / 24 + 1);
        assert_eq!(arena.figures().metadata_bytes, table_bytes + 2 * PAGE);
    });
}
