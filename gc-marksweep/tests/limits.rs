//! A heap that may not grow: allocations fail, a cycle follows, and nothing is lost.

use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Trace};
use alloc_core::{Layer, Limit, Rootable};
use gc_marksweep::{Cause, Config, Cycle, MarkSweep, Mode, Pace};
use std::sync::Mutex;

const MIB: usize = 1 << 20;

Rootable!(type Kept<'gc> = Vec<Gc<'gc, [u8]>>);

/// Allocates until nothing more is granted. Returns how many bytes that were.
fn fill<A: Layer>(heap: &mut Heap<MarkSweep<A>, Kept>, keep: bool) -> usize {
    heap.mutate_root(|mc, kept| {
        let mut bytes = 0;
        while let Ok(slice) = Gc::try_slice(mc, 1000, |_| 7_u8) {
            bytes += slice.len();
            if keep {
                kept.push(slice);
            }
        }
        bytes
    })
}

fn at_its_limit<A: Layer>(mut heap: Heap<MarkSweep<A>, Kept>) {
    for _ in 0..3 {
        // What fails is followed by a cycle: there is room again.
        let bytes = fill(&mut heap, false);
        assert!((2 * MIB..8 * MIB).contains(&bytes), "{bytes}");
        assert_eq!(heap.collector().figures().last_cause, Some(Cause::Exhaustion));
        assert!(heap.collector().figures().live_bytes < MIB / 4);
    }
    let kept_bytes = fill(&mut heap, true);
    assert!(kept_bytes > 2 * MIB);
    // A cycle cannot help; nothing is lost.
    assert!(fill(&mut heap, false) < MIB);
    heap.mutate(|_, kept| assert!(kept.iter().all(|slice| slice.iter().all(|&byte| byte == 7))));
    heap.mutate_root(|_, kept| kept.clear());
    heap.collect();
    assert!(fill(&mut heap, false) > 2 * MIB);
}

#[test]
fn the_pacers_limit_and_the_layers() {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        let pace = Pace { limit_bytes: 8 * MIB, ..Pace::default() };
        let config = Config { pace, ..Config::new(mode) };
        at_its_limit(Heap::new(MarkSweep::with_config(config, Global), |_| Vec::new()));
        let limited = Limit::new(8 * MIB, Global);
        at_its_limit(Heap::new(MarkSweep::with_config(Config::new(mode), limited), |_| Vec::new()));
    }
    let pace = Pace { limit_bytes: 8 * MIB, ..Pace::default() };
    let background = MarkSweep::background(Config { pace, ..Config::default() }, Global).unwrap();
    at_its_limit(Heap::new(background, |_| Vec::new()));
}

#[test]
fn near_the_limit_cycles_come_more_often_and_nothing_fails() {
    let pace = Pace { limit_bytes: 12 * MIB, ..Pace::default() };
    let config = Config { pace, ..Config::default() };
    let mut heap = Heap::<_, Kept>::new(MarkSweep::with_config(config, Global), |_| Vec::new());
    heap.mutate_root(|mc, kept| kept.extend((0..8000).map(|_| Gc::slice(mc, 1000, |_| 1))));
    for _ in 0..100_000 {
        heap.mutate(|mc, _| assert!(Gc::try_slice(mc, 1000, |_| 2_u8).is_ok()));
    }
    let figures = heap.collector().figures();
    assert!(figures.cycles > 20 && figures.last_cause == Some(Cause::Growth), "{figures:?}");
}

/// The pacer does not know this limit: it learns of it while there is a reserve.
#[test]
fn a_limit_below_causes_a_cycle_before_an_allocation_fails() {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        let limited = Limit::new(8 * MIB, Global);
        let collector = MarkSweep::with_config(Config::new(mode), limited);
        let mut heap = Heap::<_, Kept>::new(collector, |_| Vec::new());
        heap.mutate_root(|mc, kept| kept.extend((0..5000).map(|_| Gc::slice(mc, 1000, |_| 1))));
        let cycles = heap.collector().figures().cycles;
        for _ in 0..20_000 {
            // Of several sizes, none of which may find nothing left.
            heap.mutate(|mc, _| {
                for length in [10, 100, 1000] {
                    assert!(Gc::try_slice(mc, length, |_| 2_u8).is_ok());
                }
            });
        }
        let figures = heap.collector().figures();
        assert!(figures.cycles > cycles + 5 && figures.last_cause == Some(Cause::Exhaustion));
    }
}

#[test]
fn who_reclaims_has_a_cycle_follow() {
    let mut heap = Heap::<_, Kept>::new(MarkSweep::new(Global), |_| Vec::new());
    heap.mutate(|mc, _| (0..2000).for_each(|_| _ = Gc::slice(mc, 1000, |_| 1_u8)));
    let reclaimer = heap.collector().reclaimer();
    assert_eq!(heap.collector().figures().cycles, 0);
    std::thread::spawn(move || reclaimer.clone().reclaim(usize::MAX)).join().unwrap();
    heap.mutate(|_, _| ());
    let figures = heap.collector().figures();
    assert_eq!((figures.cycles, figures.last_cause), (1, Some(Cause::Exhaustion)));
    heap.mutate(|_, _| ());
    assert_eq!(heap.collector().figures().cycles, 1);
}

#[test]
fn a_wish_is_granted_by_a_collection() {
    let mut heap = Heap::<_, Kept>::new(MarkSweep::new(Global), |mc| {
        mc.collector().collect_soon();
        Vec::new()
    });
    heap.collect();
    assert_eq!(heap.collector().figures().cycles, 1);
}

#[test]
fn a_heap_that_may_grow_without_end_is_never_collected() {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        let pace = Pace { min_growth_bytes: usize::MAX, ..Pace::default() };
        let collector = MarkSweep::with_config(Config { pace, ..Config::new(mode) }, Global);
        let mut heap = Heap::<_, Kept>::new(collector, |_| Vec::new());
        (0..1000).for_each(|_| heap.mutate(|mc, _| _ = Gc::slice(mc, 100, |_| 1_u8)));
        assert_eq!(heap.collector().figures().cycles, 0);
    }
}

static CYCLES: Mutex<Vec<Cycle>> = Mutex::new(Vec::new());

#[test]
fn each_cycle_is_shown_once() {
    let collector = MarkSweep::new(Global).with_trace(|cycle| CYCLES.lock().unwrap().push(*cycle));
    let mut heap = Heap::<_, Kept>::new(collector, |_| Vec::new());
    heap.collect();
    heap.mutate_root(|mc, kept| {
        kept.push(Gc::slice(mc, MIB, |_| 1));
        mc.collector().collect_soon();
    });
    let cycles = CYCLES.lock().unwrap();
    assert_eq!(cycles.iter().map(|cycle| cycle.number).collect::<Vec<_>>(), [1, 2]);
    assert!(cycles.iter().all(|cycle| cycle.cause == Cause::Asked && cycle.paused_nanos > 0));
    assert!(cycles[1].live_bytes >= MIB && cycles[1].run_bytes >= MIB);
    let line = cycles[1].to_string();
    assert!(line.starts_with("gc 2: Asked, ") && !line.contains('\n'), "{line}");
}

/// A step ends a cycle and another follows, or a whole collection comes while one marks: each is shown.
#[test]
fn cycles_that_end_in_one_turn_are_shown_each() {
    static NUMBERS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let shown = |cycle: &Cycle| NUMBERS.lock().unwrap().push(cycle.number);
    let incremental = MarkSweep::with_config(Config::new(Mode::Incremental), Global);
    let background = MarkSweep::background(Config::default(), Global).unwrap();
    for collector in [MarkSweep::new(Global), incremental, background] {
        NUMBERS.lock().unwrap().clear();
        let mut heap = Heap::<_, Kept>::new(collector.with_trace(shown), |_| Vec::new());
        for budget_bytes in [0, 1, 1000, 100 * MIB] {
            for _ in 0..10 {
                heap.mutate_root(|mc, kept| kept.push(Gc::slice(mc, 1000, |_| 1_u8)));
                heap.collect_some(budget_bytes);
                heap.collect();
                heap.mutate(|mc, _| mc.collector().collect_soon());
                heap.mutate(|mc, _| mc.collector().collect_soon());
                heap.collect_some(budget_bytes);
            }
        }
        let cycles = heap.collector().figures().cycles;
        assert!(cycles > 120, "{cycles}");
        assert!(NUMBERS.lock().unwrap().iter().copied().eq(1..=cycles));
    }
}

/// A list whose nodes have leaves: what is grey at once grows with its length.
#[derive(Trace)]
struct Link<'gc> {
    leaves: [Option<Gc<'gc, u64>>; 3],
    next: Option<Gc<'gc, Link<'gc>>>,
}

Rootable!(type List<'gc> = Option<Gc<'gc, Link<'gc>>>);

/// Spans take all the memory there is, so the queue has none but what was kept apart for it.
#[test]
fn marking_goes_on_where_no_memory_is_left() {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        let collector = MarkSweep::with_config(Config::new(mode), Limit::new(MIB, Global));
        let mut heap = Heap::<_, List>::new(collector, |_| None);
        let links = heap.mutate_root(|mc, list| {
            for count in 0_u64.. {
                let leaves = [0; 3].map(|_| Gc::try_new(mc, count).ok());
                if leaves.contains(&None) {
                    return count;
                }
                let Ok(link) = Gc::try_new(mc, Link { leaves, next: *list }) else { return count };
                *list = Some(link);
            }
            0
        });
        assert!(links > 8000, "{links}");
        heap.collect();
        let figures = heap.collector().figures();
        assert!(figures.searches > 0, "the queue was long enough: {figures:?}");
        let live_bytes = figures.live_bytes;
        assert!((links as usize * 88..MIB).contains(&live_bytes), "{live_bytes}");
        let (count, sum) = heap.mutate(|_, list| {
            let links = core::iter::successors(*list, |link| link.next);
            links.fold((0, 0), |(count, sum), link| (count + 1, sum + *link.leaves[2].unwrap()))
        });
        assert_eq!((count, sum), (links, links * (links - 1) / 2));
        heap.mutate_root(|_, list| *list = None);
        heap.collect();
        assert!(heap.collector().figures().live_bytes < MIB / 100);
    }
}
