//! Small buffers: what is free can be used, whatever was there before, though there may be no memory for a span of the
//! tenured space beside a nursery.
#![cfg(not(loom))]

use alloc_arena::{Arena, Fixed};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Lock, Trace};
use alloc_core::{Failing, Layer, Rootable, Schedule};
use gc_generational::{Config, Generational, Mode, Promotion, Torture};
use std::mem::MaybeUninit;

const KIB: usize = 1 << 10;
/// What spans are aligned to.
const SPAN_BYTES: usize = 64 * KIB;
/// Lengths of the slices that objects lead to.
const WORDS: [usize; 4] = [0, 3, 60, 900];

/// `D` is nothing, or has a destructor.
#[derive(Trace)]
struct Item<'gc, D> {
    number: usize,
    before: Lock<Option<Gc<'gc, Item<'gc, D>>>>,
    words: Option<Gc<'gc, [usize]>>,
    _drops: D,
}

#[derive(Trace)]
#[trace(leaf)]
struct Drops;

impl Drop for Drops {
    fn drop(&mut self) {}
}

Rootable!(type Last<'gc, D: 'static> = Option<Gc<'gc, Item<'gc, D>>>);

/// A heap whose root is the last of a list of items.
struct Program<A: Layer, D: for<'r> Trace<'r> + 'static> {
    heap: Heap<Generational<A>, Last<D>>,
    drops: fn() -> D,
    words: usize,
}

impl<A: Layer, D: for<'r> Trace<'r> + 'static> Program<A, D> {
    fn new(collector: Generational<A>, drops: fn() -> D, words: usize) -> Self {
        Self { heap: Heap::new(collector, |_| None), drops, words }
    }

    /// Makes up to `count` items in one mutation, which are kept, or not. Returns how many.
    fn make(&mut self, count: usize, keeps: bool) -> usize {
        let Self { heap, drops, words } = self;
        heap.mutate_root(|mc, last| {
            for made in 0..count {
                let number = last.map_or(0, |item| item.number + 1);
                let slice = (*words > 0).then(|| Gc::try_slice(mc, *words, |at| number + at));
                let Ok(words) = slice.transpose() else { return made };
                let before = Lock::new(*last);
                let Ok(item) = Gc::try_new(mc, Item { number, before, words, _drops: drops() })
                else {
                    return made;
                };
                if keeps {
                    *last = Some(item);
                }
            }
            count
        })
    }

    fn check(&mut self, count: usize) {
        self.heap.mutate(|_, last| {
            let mut next = *last;
            for number in (0..count).rev() {
                let item = next.expect("all are there");
                assert_eq!(item.number, number);
                let mut words = item.words.iter().flat_map(|words| words.iter());
                assert!(words.by_ref().copied().eq(number..number + self.words));
                next = item.before.get();
            }
            assert!(next.is_none());
        });
    }

    /// One item lives, and garbage is made again and again: how much.
    fn one_lives(mut self) -> Vec<usize> {
        if self.make(1, true) == 0 {
            return vec![0];
        }
        let round = |_| {
            let made = self.make(1000, false);
            self.heap.collect();
            self.check(1);
            made
        };
        (0..8).map(round).collect()
    }

    /// Again and again, items are kept until there is no memory for more, and then all but the first are garbage.
    fn many_live(mut self, at_once: usize) -> Vec<usize> {
        let round = |_| {
            while self.make(at_once, true) == at_once {}
            let count = self.heap.mutate(|_, last| last.map_or(0, |item| item.number + 1));
            self.check(count);
            self.heap.mutate_root(|_, last| {
                while let Some(before) = last.and_then(|item| item.before.get()) {
                    *last = Some(before);
                }
            });
            self.heap.collect();
            self.heap.collect();
            self.check(count.min(1));
            count
        };
        (0..8).map(round).collect()
    }
}

/// Buffers of 48 to 160 KiB, which begin at different places of a span.
fn each_buffer(mut each: impl FnMut(&Arena<Fixed<'_>>, &str)) {
    let mut memory = vec![MaybeUninit::uninit(); 160 * KIB + 2 * SPAN_BYTES];
    let start = memory.as_ptr().align_offset(SPAN_BYTES);
    // Where `COUNT` is set, as by lanes in which everything takes long, every fourth.
    let step = if std::env::var_os("COUNT").is_some() { 16 * KIB } else { 4 * KIB };
    for buffer_bytes in (48 * KIB..=160 * KIB).step_by(step) {
        for offset_bytes in (0..SPAN_BYTES).step_by(20 * KIB) {
            let begin = start + offset_bytes;
            let arena = Arena::new(Fixed::new(&mut memory[begin..begin + buffer_bytes]));
            each(&arena, &format!("{} KiB at {} KiB", buffer_bytes / KIB, offset_bytes / KIB));
            assert_eq!(arena.figures().used_bytes, 0);
        }
    }
}

fn configs() -> [Config; 3] {
    [
        Config::default(),
        Config::new(Mode::Incremental),
        Config { promotion: Promotion::First, ..Config::default() },
    ]
}

#[test]
fn garbage_beside_one_object_makes_room() {
    each_buffer(|arena, buffer| {
        for (config, words) in configs().into_iter().flat_map(|c| WORDS.map(|words| (c, words))) {
            let collector = || Generational::with_config(config, arena);
            for made in [
                Program::new(collector(), || (), words).one_lives(),
                Program::new(collector(), || Drops, words).one_lives(),
            ] {
                let least = made.iter().min().expect("rounds");
                assert!(
                    *least >= made[0] / 2 && (words > 60 || *least > 0),
                    "{buffer}, {words} words: {made:?}"
                );
            }
        }
    });
}

#[test]
fn a_heap_that_was_full_can_be_filled_again() {
    each_buffer(|arena, buffer| {
        for (at_once, words) in [1, 50].into_iter().flat_map(|a| WORDS.map(|words| (a, words))) {
            let collector = || Generational::new(arena);
            for made in [
                Program::new(collector(), || (), words).many_live(at_once),
                Program::new(collector(), || Drops, words).many_live(at_once),
            ] {
                let least = made.iter().min().expect("rounds");
                assert!(
                    *least >= made[0] / 8 && (words > 60 || *least > 1),
                    "{buffer}, {words} words, {at_once} at once: {made:?}"
                );
            }
        }
    });
}

/// Each block is given back when objects have left it, if another is to be had; and all is checked.
#[test]
fn in_torture() {
    each_buffer(|arena, buffer| {
        for (torture, words) in [(Torture::Steps, 0), (Torture::Steps, 60), (Torture::Cycles, 3)] {
            let config = Config { nursery_bytes: 16 * KIB, ..Config::new(Mode::Incremental) };
            let collector = || Generational::with_config(config.tortured(torture), arena);
            for made in [
                Program::new(collector(), || (), words).one_lives(),
                Program::new(collector(), || Drops, words).many_live(50),
            ] {
                let least = made.iter().min().expect("rounds");
                assert!(*least > 0, "{buffer}, {words} words: {made:?}");
            }
        }
    });
}

/// A census and a dump need no memory of the heap's; an identity may, and says so.
#[test]
fn a_full_heap_can_be_looked_at() {
    each_buffer(|arena, buffer| {
        let mut program = Program::new(Generational::new(arena), || (), 3);
        let mut count = 0;
        while program.make(1, true) == 1 {
            count += 1;
        }
        let census = program.heap.inspect(|view| view.census());
        assert_eq!(census.iter().map(|of| of.objects).sum::<usize>(), 2 * count, "{buffer}");
        let dumped = program.heap.inspect(|view| view.dump(Vec::new())).expect("a vector");
        assert_eq!(dumped.objects, 2 * count);
        let id = program.heap.mutate(|mc, last| last.map(|item| item.try_id(mc)));
        if let Some(Ok(id)) = id {
            let path = program.heap.inspect(|view| view.path_to(id)).expect("it is alive");
            assert_eq!((path.objects.len(), path.objects[0].id), (1, Some(id)), "{buffer}");
        }
        program.check(count);
    });
}

/// All that a long mutation has left is copied again, though the layer below has no memory for a reserve.
#[test]
fn survivors_of_a_long_mutation_stay_where_no_memory_is_left() {
    let counts = (1000..8000).step_by(400);
    for (promotion, count) in [Promotion::First, Promotion::Second]
        .into_iter()
        .flat_map(|p| counts.clone().map(move |c| (p, c)))
    {
        let layer = Failing::new(Schedule::Every(1), Global);
        layer.pause();
        let config = Config { nursery_bytes: 16 * KIB, promotion, ..Config::default() };
        let mut program = Program::new(Generational::with_config(config, &layer), || Drops, 3);
        program.heap.mutate_root(|mc, last| {
            for number in 0..count {
                let words = Some(Gc::slice(mc, 3, |at| number + at));
                let before = Lock::new(*last);
                *last = Some(Gc::new(mc, Item { number, before, words, _drops: Drops }));
            }
            layer.resume();
        });
        for _ in 0..4 {
            program.heap.collect_some(1);
            program.check(count);
        }
        layer.pause();
        program.heap.collect();
        assert_eq!(program.make(50, true), 50);
        program.check(count + 50);
    }
}
