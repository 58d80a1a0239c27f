//! Exhaustion: what was kept is there, what was dropped makes room, destructors run once, and in the end the
//! layer below has everything back.
#![cfg(not(loom))]

use alloc_arena::{Arena, Fixed};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Lock, Mutation, RefLock, Trace};
use alloc_core::{AllocError, Failing, Layer, Limit, Rootable, Schedule, field};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::rc::Rc;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const PROMOTIONS: [Promotion; 3] = [Promotion::First, Promotion::Second, Promotion::Adaptive];

/// Counts its drops.
#[derive(Trace)]
#[trace(leaf)]
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// `D` is nothing, or has a destructor.
#[derive(Trace)]
struct Item<'gc, D> {
    number: usize,
    words: Gc<'gc, [usize]>,
    before: Lock<Option<Gc<'gc, [usize]>>>,
    _drops: D,
}

Rootable!(type Kept<'gc, D: 'static> = Vec<Gc<'gc, Item<'gc, D>>>);

/// Of a few sizes, one of which is larger than what the nursery takes.
fn words_of(number: usize) -> usize {
    match number % 97 {
        0 => 1500,
        small => [2, 8, 20][small % 3],
    }
}

fn item<'gc, A: Layer, D: for<'r> Trace<'r>>(
    mc: &Mutation<'gc, Generational<A>>,
    number: usize,
    before: Option<Gc<'gc, [usize]>>,
    drops: D,
) -> Result<Gc<'gc, Item<'gc, D>>, AllocError> {
    let words = Gc::try_slice(mc, words_of(number), |index| number + index)?;
    Gc::try_new(mc, Item { number, words, before: Lock::new(before), _drops: drops })
}

/// A program that keeps what it makes.
struct Program<A: Layer, D: for<'r> Trace<'r> + 'static> {
    heap: Heap<Generational<A>, Kept<D>>,
    make: fn(&Rc<Cell<usize>>) -> D,
    drops: Rc<Cell<usize>>,
    /// Values of `D` that were made.
    made: usize,
    kept: Vec<usize>,
}

impl<A: Layer, D: for<'r> Trace<'r> + 'static> Program<A, D> {
    fn new(collector: Generational<A>, make: fn(&Rc<Cell<usize>>) -> D) -> Self {
        let heap = Heap::new(collector, |_| Vec::new());
        Self { heap, make, drops: Rc::default(), made: 0, kept: Vec::new() }
    }

    /// Makes items in one mutation, at most `count`. Returns whether that many were made.
    fn add(&mut self, count: usize) -> bool {
        let Self { heap, make, drops, made, kept } = self;
        heap.mutate_root(|mc, items| {
            for _ in 0..count {
                let number = *made;
                *made += 1;
                let before = items.last().map(|item| item.words);
                let Ok(item) = item(mc, number, before, make(drops)) else { return false };
                items.push(item);
                kept.push(number);
            }
            true
        })
    }

    /// Makes items until there is no memory. Returns how many.
    fn fill(&mut self, at_once: usize) -> usize {
        let before = self.kept.len();
        while self.add(at_once) {}
        self.kept.len() - before
    }

    fn check(&mut self) {
        let kept = &self.kept;
        self.heap.mutate(|_, items| {
            assert!(items.iter().map(|item| item.number).eq(kept.iter().copied()));
            for item in items {
                assert_eq!(item.words.len(), words_of(item.number));
                assert!(item.words.iter().copied().eq(item.number..item.number + item.words.len()));
                let before = item.before.get();
                assert!(before.is_none_or(|words| words.len() == words_of(words[0])));
            }
        });
    }

    /// Forgets every second item. Returns how many are left.
    fn halve(&mut self) -> usize {
        let every_second = || {
            let mut numbers = 0..;
            move || numbers.next().is_some_and(|number: usize| number % 2 == 1)
        };
        let mut stays = every_second();
        self.kept.retain(|_| stays());
        let mut stays = every_second();
        self.heap.mutate_root(|_, items| {
            items.retain(|_| stays());
            for item in items.iter() {
                assert!(item.before.get().is_none_or(|words| words[0] <= item.number));
            }
        });
        self.kept.len()
    }

    fn cut(&mut self) {
        self.heap.mutate(|mc, items| {
            items.iter().for_each(|item| field!(item.write(mc), Item, before).set(None));
        });
    }

    /// Exactly what is not kept was dropped.
    fn settle(&mut self, has_drops: bool) {
        self.cut();
        self.heap.collect();
        self.heap.collect();
        if has_drops {
            assert_eq!(self.drops.get(), self.made - self.kept.len());
        }
        self.check();
    }

    fn run(mut self, has_drops: bool, least: usize) {
        for round in 0..3 {
            let mut made = self.fill([1, 20, 500][round]);
            self.check();
            self.settle(has_drops);
            made += self.fill(1);
            self.settle(has_drops);
            let all = self.kept.len();
            assert!(all >= least, "{all} of {least}");
            let left = self.halve();
            self.settle(has_drops);
            if least > 0 {
                assert!(self.add(1), "{made} made, then {left} of {all} kept");
            }
        }
        let (drops, made) = (self.drops.clone(), self.made);
        drop(self);
        assert!(!has_drops || drops.get() == made);
    }
}

fn counted(drops: &Rc<Cell<usize>>) -> Counted {
    Counted(drops.clone())
}

fn nothing(_: &Rc<Cell<usize>>) {}

fn programs<A: Layer>(make: impl Fn() -> Generational<A>, least: usize) {
    Program::new(make(), counted).run(true, least);
    Program::new(make(), nothing).run(false, least);
}

fn config(mode: Mode, promotion: Promotion, nursery_bytes: usize) -> Config {
    Config { nursery_bytes, promotion, ..Config::new(mode) }
}

/// Limits in steps that are not round, and how many items fit at least.
fn limits(end_bytes: usize) -> impl Iterator<Item = (usize, usize)> {
    std::iter::successors(Some(64 * KIB), |bytes| Some(bytes / 13 * 28 + 1016))
        .take_while(move |bytes| *bytes < end_bytes)
        .map(|bytes| (bytes, if bytes < 512 * KIB { 0 } else { bytes / 800 }))
}

#[test]
fn a_limit_below() {
    for (limit_bytes, least) in limits(8 * MIB) {
        for promotion in PROMOTIONS {
            let limit = Limit::new(limit_bytes, Global);
            let config = config(Mode::StopTheWorld, promotion, 64 * KIB);
            programs(|| Generational::with_config(config, &limit), least);
            assert_eq!(limit.live_bytes(), 0);
        }
    }
}

#[test]
fn a_limit_below_in_steps() {
    for (limit_bytes, least) in limits(3 * MIB) {
        let limit = Limit::new(limit_bytes, Global);
        let config = config(Mode::Incremental, Promotion::Second, 1 << 20);
        programs(|| Generational::with_config(config, &limit), least);
        assert_eq!(limit.live_bytes(), 0);
    }
}

#[test]
fn a_limit_below_beside_a_marker() {
    for (limit_bytes, least) in limits(2 * MIB) {
        let limit: &'static _ = Box::leak(Box::new(Limit::new(limit_bytes, Global)));
        let config = config(Mode::Background, Promotion::Second, 32 * KIB);
        programs(|| Generational::background(config, limit).expect("a thread"), least);
        assert_eq!(limit.live_bytes(), 0);
    }
}

#[test]
fn in_torture() {
    for (limit_bytes, least) in limits(900 * KIB) {
        for (promotion, torture) in
            [(Promotion::First, Torture::Steps), (Promotion::Second, Torture::Cycles)]
        {
            let limit = Limit::new(limit_bytes, Global);
            let config = config(Mode::Incremental, promotion, 16 * KIB).tortured(torture);
            programs(|| Generational::with_config(config, &limit), least / 2);
            assert_eq!(limit.live_bytes(), 0);
        }
    }
}

#[test]
fn the_pacers_limit() {
    for (limit_bytes, least) in limits(4 * MIB) {
        let limit = Limit::new(usize::MAX, Global);
        let mut config = config(Mode::Incremental, Promotion::Second, 64 * KIB);
        config.tenured.pace = Pace { limit_bytes, ..Pace::default() };
        programs(|| Generational::with_config(config, &limit), least);
        assert_eq!(limit.live_bytes(), 0);
        // The limit is that of the heap; queues are not counted.
        assert!(limit.peak_bytes() < limit_bytes + limit_bytes / 8 + 64 * KIB);
    }
}

#[test]
fn a_buffer() {
    for (buffer_bytes, least) in limits(3 * MIB) {
        let mut buffer = vec![MaybeUninit::uninit(); buffer_bytes];
        let arena = Arena::new(Fixed::new(&mut buffer));
        let config = config(Mode::StopTheWorld, Promotion::Second, 64 * KIB);
        programs(|| Generational::with_config(config, &arena), least / 2);
        assert_eq!(arena.figures().used_bytes, 0);
    }
}

/// What a minor collection has left in the nursery can be copied again, though the layer below has no memory
/// for a reserve meanwhile.
#[test]
fn survivors_stay_where_no_memory_is_left() {
    for promotion in [Promotion::First, Promotion::Second] {
        let layer = Failing::new(Schedule::Every(1), Global);
        layer.pause();
        let config = config(Mode::StopTheWorld, promotion, 16 * KIB);
        let mut program = Program::new(Generational::with_config(config, &layer), counted);
        assert!(program.add(50));
        layer.resume();
        for _ in 0..3 {
            program.heap.collect_some(1);
            program.check();
        }
        layer.pause();
        program.settle(true);
        assert!(program.add(50));
        program.check();
    }
}

/// A node of a graph that is changed while allocations fail.
#[derive(Trace)]
struct Node<'gc> {
    number: usize,
    _drops: Counted,
    edge: Lock<Option<Gc<'gc, Node<'gc>>>>,
    more: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(
    drops: &Rc<Cell<usize>>,
    number: usize,
    edge: Option<Gc<'gc, Node<'gc>>>,
) -> Node<'gc> {
    Node { number, _drops: counted(drops), edge: Lock::new(edge), more: RefLock::default() }
}

Rootable!(type Graph<'gc> = Vec<Option<Gc<'gc, Node<'gc>>>>);

const ENTRIES: usize = 12;

#[derive(Default)]
struct Model {
    entries: [Option<usize>; ENTRIES],
    edges: BTreeMap<usize, (Option<usize>, Vec<usize>)>,
    drops: Rc<Cell<usize>>,
    made: usize,
    failures: usize,
    random: u64,
}

impl Model {
    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as usize % end
    }

    fn reachable(&self) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut grey: Vec<usize> = self.entries.iter().flatten().copied().collect();
        while let Some(number) = grey.pop() {
            if seen.insert(number) {
                grey.extend(self.edges[&number].0);
                grey.extend(&self.edges[&number].1);
            }
        }
        seen
    }

    fn make<'gc, A: Layer>(
        &mut self,
        mc: &Mutation<'gc, Generational<A>>,
        graph: &mut [Option<Gc<'gc, Node<'gc>>>],
    ) {
        let (to, from) = (self.below(ENTRIES), self.below(ENTRIES));
        let number = self.made;
        self.made += 1;
        match Gc::try_new(mc, node(&self.drops, number, graph[from])) {
            Ok(node) => {
                self.edges.insert(number, (self.entries[from], Vec::new()));
                (graph[to], self.entries[to]) = (Some(node), Some(number));
            }
            Err(AllocError) => self.failures += 1,
        }
    }

    fn change<'gc, A: Layer>(
        &mut self,
        mc: &Mutation<'gc, Generational<A>>,
        graph: &mut [Option<Gc<'gc, Node<'gc>>>],
    ) {
        let (to, from) = (self.below(ENTRIES), self.below(ENTRIES));
        match self.below(8) {
            0..4 => self.make(mc, graph),
            4 => (graph[to], self.entries[to]) = (None, None),
            5 => {
                let (Some(node), Some(number)) = (graph[to], self.entries[to]) else { return };
                field!(node.write(mc), Node, edge).set(graph[from]);
                self.edges.get_mut(&number).expect("a node").0 = self.entries[from];
            }
            6 => {
                let (Some(node), Some(number)) = (graph[to], self.entries[to]) else { return };
                let (Some(added), Some(ours)) = (graph[from], self.entries[from]) else { return };
                field!(node.write(mc), Node, more).borrow_mut().push(added);
                self.edges.get_mut(&number).expect("a node").1.push(ours);
            }
            _ => {
                let length = self.below(600);
                self.failures += usize::from(Gc::try_slice(mc, length, |at| at).is_err());
            }
        }
    }

    fn check<'gc>(&self, graph: &[Option<Gc<'gc, Node<'gc>>>]) {
        let mut seen = BTreeSet::new();
        let mut grey: Vec<_> = graph.iter().flatten().copied().collect();
        assert!(graph.iter().map(|node| node.map(|node| node.number)).eq(self.entries));
        while let Some(node) = grey.pop() {
            if seen.insert(node.number) {
                let (edge, more) = &self.edges[&node.number];
                assert_eq!(node.edge.get().map(|node| node.number), *edge);
                assert!(node.more.borrow().iter().map(|node| &node.number).eq(more));
                grey.extend(node.edge.get());
                grey.extend(&*node.more.borrow());
            }
        }
        assert_eq!(seen, self.reachable());
    }
}

/// An old node leads to very many young ones, and each of those to it. Their promotion fails, until there is
/// memory again: the next collection, or the one after it, is as if it had been there all the time.
fn after_a_shortage(kept: bool) -> (usize, usize) {
    let layer = Failing::new(Schedule::Every(1), Global);
    layer.pause();
    let config = config(Mode::StopTheWorld, Promotion::First, 512 * KIB);
    let mut heap = Heap::<_, Graph>::new(Generational::with_config(config, &layer), |_| vec![None]);
    let drops = Rc::default();
    heap.mutate_root(|mc, graph| graph[0] = Some(Gc::new(mc, node(&drops, 0, None))));
    heap.collect();
    heap.mutate_root(|mc, graph| {
        let old = graph[0].expect("just set");
        let young = (1..=2000).map(|number| Gc::new(mc, node(&drops, number, Some(old))));
        field!(old.write(mc), Node, more).borrow_mut().extend(young);
        graph[0] = graph[0].filter(|_| kept);
    });
    layer.resume();
    heap.collect();
    let short = |heap: &Heap<Generational<_>, _>| heap.collector().figures().short_minors;
    assert_eq!(short(&heap), 1, "there was no memory for all of them");
    layer.pause();
    (0..3).for_each(|_| heap.collect());
    let short = short(&heap);
    (0..3).for_each(|_| heap.collect());
    let figures = heap.collector().figures();
    let is_short = usize::from(figures.short_minors > short);
    (drops.get(), is_short)
}

#[test]
fn what_was_short_is_promoted_when_there_is_memory_again() {
    assert_eq!(after_a_shortage(true), (0, 0));
}

#[test]
fn garbage_that_was_short_goes_when_there_is_memory_again() {
    assert_eq!(after_a_shortage(false), (2001, 0));
}

/// The place that was set out for an object (`Gc::id`) is nothing when the object is dead: nobody visits it,
/// though what is remembered has to be looked for.
#[test]
fn the_place_of_a_dead_object_is_not_visited() {
    let layer = Failing::new(Schedule::Every(1), Global);
    layer.pause();
    let mut config = config(Mode::StopTheWorld, Promotion::First, 512 * KIB);
    config.tenured.poison = Some(0xDD);
    let mut heap = Heap::<_, Graph>::new(Generational::with_config(config, &layer), |_| Vec::new());
    let drops = Rc::default();
    let add = |heap: &mut Heap<_, Graph>, numbers: std::ops::Range<usize>| {
        heap.mutate_root(|mc, graph| {
            graph.extend(numbers.map(|number| Some(Gc::new(mc, node(&drops, number, None)))));
        });
    };
    add(&mut heap, 0..2000);
    heap.collect();
    add(&mut heap, 2000..4000);
    // Old ones die, and there is no memory for all that are young.
    heap.mutate_root(|_, graph| graph.retain(|node| node.is_none_or(|node| node.number % 64 < 32)));
    layer.resume();
    heap.collect();
    layer.pause();
    assert_eq!(heap.collector().figures().short_minors, 1);
    heap.mutate(|mc, _| (0..200).for_each(|_| _ = Gc::new(mc, node(&drops, 0, None)).id(mc)));
    heap.collect();
    heap.mutate(|_, graph| {
        assert!(graph.iter().flatten().all(|node| node.more.borrow().is_empty()))
    });
}

fn while_every_nth_fails(config: Config, period: usize) -> usize {
    let layer = Failing::new(Schedule::Every(period), Limit::new(usize::MAX, Global));
    let collector = Generational::with_config(config, &layer);
    let mut heap = Heap::<_, Graph>::new(collector, |_| vec![None; ENTRIES]);
    let mut model = Model { random: period as u64 + 77, ..Model::default() };
    for step in 0..100 {
        let changes = model.below(120);
        heap.mutate_root(|mc, graph| (0..changes).for_each(|_| model.change(mc, graph)));
        heap.mutate_root(|_, graph| model.check(graph));
        match step % 20 {
            19 => {
                // Without memory, young garbage that old garbage leads to may stay.
                layer.pause();
                heap.collect();
                heap.collect();
                layer.resume();
                let alive = model.reachable().len();
                assert_eq!(model.drops.get(), model.made - alive, "{period} {step}");
            }
            7 | 13 => heap.collect_some(3000),
            _ => {}
        }
    }
    drop(heap);
    assert_eq!(model.drops.get(), model.made);
    assert_eq!(layer.below().live_bytes(), 0);
    model.failures
}

#[test]
fn every_nth_allocation_fails() {
    for promotion in PROMOTIONS {
        for mode in [Mode::StopTheWorld, Mode::Incremental] {
            let config = config(mode, promotion, 16 * KIB);
            let failures = (1..50).map(|period| while_every_nth_fails(config, period));
            assert!(failures.sum::<usize>() > 1000);
        }
    }
}

#[test]
fn every_nth_allocation_fails_in_torture() {
    for torture in [Torture::Steps, Torture::Cycles] {
        let config = config(Mode::Incremental, Promotion::Second, 16 * KIB).tortured(torture);
        let failures = (1..50).step_by(4).map(|period| while_every_nth_fails(config, period));
        assert!(failures.sum::<usize>() > 100);
    }
}
