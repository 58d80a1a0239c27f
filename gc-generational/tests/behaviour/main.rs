//! What a program sees of the collector: identities, destructors, long mutations, steps, pinned objects, figures,
//! cards, other threads, and looks at the heap.
#![cfg(not(loom))]

mod looks;
mod tables;

use alloc_core::Rootable;
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Id, Lock, Mutation, PinnedGc, RefLock, Static, Trace};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

type Collector = Generational<Global>;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const PROMOTIONS: [Promotion; 3] = [Promotion::First, Promotion::Second, Promotion::Adaptive];

/// A nursery that stays as long as it is, however long collections take.
fn config(promotion: Promotion) -> Config {
    Config {
        nursery_bytes: 64 * KIB,
        nursery_max_bytes: 64 * KIB,
        promotion,
        pause_micros: u32::MAX,
        ..Config::new(Mode::StopTheWorld)
    }
}

fn collectors() -> Vec<Collector> {
    let mut all = Vec::new();
    for promotion in PROMOTIONS {
        all.push(Generational::with_config(config(promotion), Global));
        all.push(Generational::with_config(config(promotion).tortured(Torture::Steps), Global));
        all.push(Generational::background(config(promotion), Global).expect("a thread"));
    }
    all
}

/// A minor collection, and as little else as can be.
fn minor<R>(heap: &mut Heap<Collector, R>)
where
    R: for<'gc> alloc_core::gc::Rootable<'gc>,
    for<'gc> alloc_core::gc::Root<'gc, R>: Trace<'gc>,
{
    heap.mutate(|mc, _| mc.collector().collect_nursery_soon());
}

// (a) identities

Rootable!(type Texts<'gc> = Vec<(usize, Gc<'gc, Vec<usize>>, Gc<'gc, [usize]>)>);

/// Makes some, of which most die at once; all have identities, and those that are alive at the same time
/// have different ones.
fn identities(
    heap: &mut Heap<Collector, Texts>,
    known: &mut BTreeMap<usize, [Id; 2]>,
    start: usize,
) {
    heap.mutate_root(|mc, texts| {
        let mut ids = BTreeSet::new();
        for (number, text, slice) in texts.iter() {
            assert_eq!([text.id(mc), slice.id(mc)], known[number]);
            assert!(known[number].iter().all(|id| ids.insert(*id)));
        }
        for number in start..start + 50 {
            let (text, slice) = (Gc::new(mc, vec![number; 3]), Gc::slice_of(mc, &[number; 5]));
            let all = [text.id(mc), slice.id(mc)];
            assert!(all.iter().all(|id| ids.insert(*id)), "handed out twice");
            assert_eq!(all, [text.id(mc), slice.id(mc)]);
            if number % 5 == 0 {
                known.insert(number, all);
                texts.push((number, text, slice));
            }
        }
        texts.retain(|(number, ..)| number % 3 > 0 || number + 200 > start);
        assert!(
            texts
                .iter()
                .all(|(number, text, slice)| **text == [*number; 3] && **slice == [*number; 5])
        );
    });
}

#[test]
fn identities_stay_and_differ() {
    for collector in collectors() {
        let mut heap = Heap::<_, Texts>::new(collector, |_| Vec::new());
        let mut known = BTreeMap::new();
        for round in 0..60 {
            identities(&mut heap, &mut known, round * 50);
            match round % 7 {
                0..3 => minor(&mut heap),
                3 => heap.collect(),
                _ => {}
            }
        }
    }
}

#[test]
fn an_identity_is_that_of_the_object_and_not_of_its_place() {
    let mut heap =
        Heap::<_, Texts>::new(Generational::with_config(config(Promotion::Second), Global), |mc| {
            vec![(0, Gc::new(mc, vec![1]), Gc::slice_of(mc, &[2]))]
        });
    let look = |heap: &mut Heap<Collector, Texts>| {
        heap.mutate(|mc, texts| (texts[0].1.id(mc), texts[0].1.as_ptr().addr()))
    };
    // Survives without an identity first.
    minor(&mut heap);
    let (id, young) = look(&mut heap);
    minor(&mut heap);
    let (same, old) = look(&mut heap);
    assert_eq!(id, same);
    assert_ne!(young, old);
    heap.collect();
    assert_eq!(look(&mut heap), (id, old));
}

// (b) destructors

#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<usize>>>);

impl Log {
    fn sorted(&self) -> Vec<usize> {
        let mut numbers = self.0.borrow().clone();
        numbers.sort_unstable();
        numbers
    }
}

#[derive(Trace)]
#[trace(leaf)]
struct Token {
    number: usize,
    panics: bool,
    log: Log,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.log.0.borrow_mut().push(self.number);
        assert!(!self.panics, "on purpose");
    }
}

Rootable!(type Tokens<'gc> = Vec<Gc<'gc, Token>>);

fn token(log: &Log, number: usize, panics: bool) -> Token {
    Token { number, panics, log: log.clone() }
}

#[test]
fn destructors_of_the_young_run_in_the_turn_after_their_death_and_once() {
    for promotion in PROMOTIONS {
        let log = Log::default();
        let collector = Generational::with_config(config(promotion), Global);
        let mut heap = Heap::<_, Tokens>::new(collector, |_| Vec::new());
        heap.mutate_root(|mc, tokens| {
            let all = (0..100).map(|number| Gc::new(mc, token(&log, number, false)));
            tokens.extend(all.filter(|token| token.number >= 50));
        });
        assert_eq!(log.sorted(), [0; 0]);
        minor(&mut heap);
        assert_eq!(log.sorted(), Vec::from_iter(0..50));
        heap.mutate_root(|_, tokens| tokens.clear());
        (0..3).for_each(|_| heap.collect());
        assert_eq!(log.sorted(), Vec::from_iter(0..100));
        drop(heap);
        assert_eq!(log.sorted(), Vec::from_iter(0..100));
    }
}

#[test]
fn survivors_that_wait_are_dropped_when_they_die() {
    let log = Log::default();
    let collector = Generational::with_config(config(Promotion::Second), Global);
    let mut heap = Heap::<_, Tokens>::new(collector, |mc| {
        (0..100).map(|number| Gc::new(mc, token(&log, number, false))).collect()
    });
    minor(&mut heap);
    heap.mutate_root(|_, tokens| tokens.retain(|token| token.number < 30));
    minor(&mut heap);
    assert_eq!(log.sorted(), Vec::from_iter(30..100));
    let figures = heap.collector().figures();
    assert!(figures.copied_bytes > 0 && figures.promoted_bytes > 0, "{figures:?}");
}

#[test]
fn when_a_destructor_panics_the_others_run_later() {
    for promotion in PROMOTIONS {
        let log = Log::default();
        let collector = Generational::with_config(config(promotion), Global);
        let mut heap = Heap::<_, Tokens>::new(collector, |_| Vec::new());
        heap.mutate_root(|mc, tokens| {
            let all = (0..50).map(|number| Gc::new(mc, token(&log, number, number % 10 == 5)));
            tokens.extend(all.filter(|token| token.number >= 40));
        });
        let panics =
            |heap: &mut Heap<_, _>| catch_unwind(AssertUnwindSafe(|| minor(heap))).is_err();
        assert_eq!((0..10).filter(|_| panics(&mut heap)).count(), 4);
        assert_eq!(log.sorted(), Vec::from_iter(0..40));
        // What is alive is intact, and the nursery is in use again.
        heap.mutate_root(|mc, tokens| {
            assert!(tokens.iter().map(|token| token.number).eq(40..50));
            tokens.truncate(5);
            (50..60).for_each(|number| _ = Gc::new(mc, token(&log, number, false)));
        });
        assert_eq!(
            (0..10).filter(|_| catch_unwind(AssertUnwindSafe(|| heap.collect())).is_err()).count(),
            1
        );
        assert_eq!(log.sorted(), Vec::from_iter((0..40).chain(45..60)));
    }
}

// (c) long mutations

#[derive(Trace)]
struct Link<'gc> {
    number: usize,
    before: Option<Gc<'gc, Link<'gc>>>,
    words: [usize; 5],
}

Rootable!(type List<'gc> = Lock<Option<Gc<'gc, Link<'gc>>>>);

#[test]
fn a_mutation_may_allocate_many_times_the_nursery() {
    for collector in collectors() {
        let mut heap = Heap::<_, List>::new(collector, |_| Lock::new(None));
        for round in 0..2 {
            heap.mutate_root(|mc, list| {
                let mut bytes = 0;
                let mut number = 0;
                *list = Lock::new(None);
                while bytes < 50 * MIB {
                    let link = Link { number, before: list.get(), words: [number + round; 5] };
                    let link = Gc::new(mc, link);
                    bytes += size_of_val(&*link) + size_of::<usize>();
                    if number % 50 == 0 {
                        *list = Lock::new(Some(link));
                    }
                    number += 1;
                }
            });
            heap.collect();
            heap.mutate(|_, list| {
                let mut count = 0;
                let mut next = list.get();
                while let Some(link) = next {
                    assert!(link.number % 50 == 0 && link.words == [link.number + round; 5]);
                    count += 1;
                    next = link.before;
                }
                assert_eq!(count, (50 * MIB / 64).div_ceil(50));
            });
        }
    }
}

// (d) steps

#[test]
fn a_long_computation_takes_turns_between_its_steps() {
    for collector in collectors() {
        let mut heap = Heap::<_, List>::new(collector, |_| Lock::new(None));
        let sum = heap.run(|mc, list| {
            let number = list.get().map_or(0, |link| link.number + 1);
            (0..20).for_each(|_| _ = Gc::slice_of(mc, &[number; 30]));
            let before = list.get();
            *list = Lock::new(Some(Gc::new(mc, Link { number, before, words: [number; 5] })));
            if number < 3000 {
                return ControlFlow::Continue(());
            }
            let links = std::iter::successors(list.get(), |link| link.before);
            ControlFlow::Break(links.map(|link| link.number + link.words[4]).sum::<usize>())
        });
        assert_eq!(sum, 3000 * 3001);
        assert!(heap.collector().figures().minors > 100);
    }
}

// (e) pinned

Rootable!(type Pins<'gc> = Vec<(PinnedGc<'gc, Lock<Option<Gc<'gc, str>>>>, Gc<'gc, u64>)>);

#[test]
fn pinned_objects_stay_where_they_are() {
    for collector in collectors() {
        let mut heap = Heap::<_, Pins>::new(collector, |mc| {
            let pin = |number: u64| {
                let text = Gc::str(mc, &number.to_string());
                (PinnedGc::new(mc, Lock::new(Some(text))), Gc::new(mc, number))
            };
            (0..100).map(pin).collect()
        });
        let places = |heap: &mut Heap<Collector, Pins>| -> Vec<_> {
            heap.mutate(|_, pins| pins.iter().map(|(pin, _)| pin.as_ptr().addr()).collect())
        };
        let before = places(&mut heap);
        for round in 1..5 {
            minor(&mut heap);
            heap.mutate(|mc, pins| {
                for (index, (pin, number)) in pins.iter().enumerate() {
                    assert_eq!(**number, index as u64);
                    let text = pin.get().expect("is set");
                    assert_eq!(text.parse(), Ok(index * round));
                    pin.as_gc().set(mc, Some(Gc::str(mc, &(index * (round + 1)).to_string())));
                }
            });
            assert_eq!(places(&mut heap), before);
            heap.collect();
        }
    }
}

// (f) figures

Rootable!(type Numbers<'gc> = Vec<Gc<'gc, [usize; 15]>>);

#[test]
fn figures_say_what_survived() {
    let collector = Generational::with_config(config(Promotion::First), Global);
    let mut heap = Heap::<_, Numbers>::new(collector, |_| Vec::new());
    assert_eq!(heap.collector().figures().minors, 0);
    heap.mutate_root(|mc, kept| {
        kept.extend((0..300).map(|number| Gc::new(mc, [number; 15])).filter(|of| of[0] % 4 == 0));
    });
    minor(&mut heap);
    let figures = heap.collector().figures();
    assert_eq!((figures.minors, figures.short_minors, figures.rests), (1, 0, 0));
    assert_eq!(figures.nursery_bytes, 300 * 128);
    assert_eq!((figures.promoted_bytes, figures.copied_bytes), (75 * 128, 0));
    assert!((figures.survival_percent() - 25.0).abs() < 0.001);
    assert_eq!(figures.nursery_size_bytes, 64 * KIB);
    assert!(figures.to_string().starts_with("1 minor collections, 25.0 % survived"));
}

Rootable!(type Cells<'gc> = Vec<Gc<'gc, Lock<Option<Gc<'gc, u64>>>>>);

#[test]
fn an_old_object_is_remembered_once_until_the_next_collection() {
    let collector = Generational::with_config(config(Promotion::First), Global);
    let mut heap = Heap::<_, Cells>::new(collector, |mc| {
        (0..10).map(|_| Gc::new(mc, Lock::new(None))).collect()
    });
    heap.collect();
    let remembered = |heap: &Heap<Collector, Cells>| heap.collector().figures().remembered_objects;
    assert_eq!(remembered(&heap), 0);
    for round in 1..4 {
        heap.mutate(|mc, cells| {
            for _ in 0..5 {
                cells[..3].iter().for_each(|cell| cell.set(mc, Some(Gc::new(mc, round))));
            }
        });
        minor(&mut heap);
        assert_eq!(remembered(&heap), 3 * round);
    }
    heap.mutate(|_, cells| {
        assert!(
            cells
                .iter()
                .map(|cell| cell.get().map(|of| *of))
                .eq([Some(3); 3].into_iter().chain([None; 7]))
        );
    });
}

fn grows(rests: bool) -> Heap<Collector, Numbers> {
    let mut config = Config { rests, ..config(Promotion::Adaptive) };
    config.tenured.pace =
        Pace { min_growth_bytes: 256 * KIB, growth_percent: 20, ..Pace::default() };
    let mut heap =
        Heap::<_, Numbers>::new(Generational::with_config(config, Global), |_| Vec::new());
    for round in 0..2000 {
        heap.mutate_root(|mc, kept| {
            kept.extend((0..10).map(|number| Gc::new(mc, [round * 10 + number; 15])));
        });
    }
    heap.mutate(|_, kept| assert!(kept.iter().map(|of| of[14]).eq(0..20_000)));
    heap
}

#[test]
fn the_nursery_rests_where_everything_survives() {
    let figures = grows(true).collector().figures();
    assert!(figures.rests > 0 && figures.tenured.cycles > 0, "{figures:?}");
    assert!(figures.promoted_bytes < 20_000 * 128, "what is made meanwhile is not copied");
    let figures = grows(false).collector().figures();
    assert!(figures.rests == 0 && figures.tenured.cycles > 0, "{figures:?}");
    assert!(figures.promoted_bytes > 19_000 * 128);
}

/// Cells that are made while the nursery rests, or as it begins to, and written to when it has woken up.
fn rests_then_wakes(rest: fn(&mut Heap<Collector, Cells>)) {
    let mut config = config(Promotion::First);
    config.tenured.pace = Pace { min_growth_bytes: 64 * MIB, ..Pace::default() };
    let mut heap = Heap::<_, Cells>::new(Generational::with_config(config, Global), |_| Vec::new());
    let fill = |heap: &mut Heap<Collector, Cells>| {
        heap.mutate_root(|mc, cells| cells.extend((0..2500).map(|_| Gc::new(mc, Lock::new(None)))));
    };
    (0..2).for_each(|_| {
        fill(&mut heap);
        minor(&mut heap);
    });
    fill(&mut heap);
    rest(&mut heap);
    assert_eq!(heap.collector().figures().rests, 1);
    fill(&mut heap);
    // A cycle of the tenured space, and a turn.
    (0..2).for_each(|_| heap.collect());
    heap.mutate(|mc, cells| {
        for (number, cell) in cells.iter().enumerate().step_by(7) {
            cell.set(mc, Some(Gc::new(mc, number as u64)));
        }
    });
    minor(&mut heap);
    heap.mutate(|mc, _| (0..3000).for_each(|_| _ = Gc::new(mc, u64::MAX)));
    heap.mutate(|_, cells| {
        for (number, cell) in cells.iter().enumerate() {
            let expected = (number % 7 == 0).then_some(number as u64);
            assert_eq!(cell.get().map(|of| *of), expected);
        }
    });
}

#[test]
fn what_is_made_during_a_rest_is_remembered_after_it() {
    rests_then_wakes(minor);
}

#[test]
fn what_is_made_after_a_look_that_begins_a_rest_is_remembered_after_it() {
    rests_then_wakes(|heap| heap.inspect(|_| ()));
}

// (g) cards
