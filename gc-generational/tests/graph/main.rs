//! Any changes of a graph, beside a model of it: every kind of object and of pointer, in every mode.
#![cfg(not(loom))]

mod changes;

use alloc_core::api2::alloc::Global;
use alloc_core::gc::{
    DynamicRoot, Ephemeron, Gc, GcWeak, Heap, Id, Lock, Mutation, PinnedGc, RefLock, Trace,
    WithTail,
};
use alloc_core::{Rootable, field};
use changes::{change, compare};
use gc_generational::{Config, Generational, Mode, Promotion, Torture};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::rc::Rc;

type Collector = Generational<Global>;
type Mc<'gc> = Mutation<'gc, Collector>;

const EDGES: usize = 2;
const ENTRIES: usize = 12;
const TABLE: usize = 20_000;

/// Notes its number when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
struct Token {
    number: usize,
    log: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.log.borrow_mut().push(self.number);
    }
}

type Edges<'gc> = [Lock<Link<'gc>>; EDGES];
type Link<'gc> = Option<Any<'gc>>;
type Saved<'gc> = Gc<'gc, RefLock<Vec<Gc<'gc, Node<'gc>>>>>;

#[derive(Trace)]
struct Node<'gc> {
    token: Token,
    edges: Edges<'gc>,
    more: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
    /// Where it goes when its finaliser runs.
    saved: Saved<'gc>,
}

/// Without a destructor.
#[derive(Trace)]
struct Plain<'gc> {
    number: usize,
    edges: Edges<'gc>,
}

#[derive(Trace)]
#[repr(align(16))]
struct A16<'gc> {
    token: Token,
    edges: Edges<'gc>,
}

#[derive(Trace)]
#[repr(align(64))]
struct A64<'gc> {
    number: usize,
    edges: Edges<'gc>,
}

type Tail<'gc> = WithTail<Token, [Lock<Link<'gc>>]>;

#[derive(Clone, Copy, Trace)]
enum Any<'gc> {
    Node(Gc<'gc, Node<'gc>>),
    Plain(Gc<'gc, Plain<'gc>>),
    A16(Gc<'gc, A16<'gc>>),
    A64(Gc<'gc, A64<'gc>>),
    Tail(Gc<'gc, Tail<'gc>>),
    Pinned(PinnedGc<'gc, Node<'gc>>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Node,
    Plain,
    A16,
    A64,
    Tail,
    Pinned,
}

impl Kind {
    fn drops(self) -> bool {
        !matches!(self, Self::Plain | Self::A64)
    }
}

impl<'gc> Any<'gc> {
    fn new(mc: &Mc<'gc>, kind: Kind, token: Token, to: Link<'gc>, saved: Saved<'gc>) -> Self {
        let number = token.number;
        let edges = core::array::from_fn(|_| Lock::new(to));
        match kind {
            Kind::Plain => Self::Plain(Gc::new(mc, Plain { number, edges })),
            Kind::A16 => Self::A16(Gc::new(mc, A16 { token, edges })),
            Kind::A64 => Self::A64(Gc::new(mc, A64 { number, edges })),
            Kind::Tail => Self::Tail(Gc::with_tail(mc, token, EDGES, |_| Lock::new(to))),
            Kind::Node => {
                Self::Node(Gc::new(mc, Node { token, edges, more: RefLock::default(), saved }))
            }
            Kind::Pinned => {
                let node = Node { token, edges, more: RefLock::default(), saved };
                Self::Pinned(PinnedGc::new(mc, node))
            }
        }
    }

    fn number(self) -> usize {
        match self {
            Self::Node(of) => of.token.number,
            Self::Plain(of) => of.number,
            Self::A16(of) => of.token.number,
            Self::A64(of) => of.number,
            Self::Tail(of) => of.head.number,
            Self::Pinned(of) => of.token.number,
        }
    }

    fn edges(self) -> &'gc [Lock<Link<'gc>>] {
        match self {
            Self::Node(of) => &of.as_ref().edges,
            Self::Plain(of) => &of.as_ref().edges,
            Self::A16(of) => &of.as_ref().edges,
            Self::A64(of) => &of.as_ref().edges,
            Self::Tail(of) => &of.as_ref().tail,
            Self::Pinned(of) => &of.as_gc().as_ref().edges,
        }
    }

    fn set(self, mc: &Mc<'gc>, edge: usize, to: Link<'gc>) {
        match self {
            Self::Node(of) => field!(of.write(mc), Node, edges).as_slice()[edge].set(to),
            Self::Plain(of) => field!(of.write(mc), Plain, edges).as_slice()[edge].set(to),
            Self::A16(of) => field!(of.write(mc), A16, edges).as_slice()[edge].set(to),
            Self::A64(of) => field!(of.write(mc), A64, edges).as_slice()[edge].set(to),
            Self::Tail(of) => field!(of.write(mc), WithTail, tail)[edge].set(to),
            Self::Pinned(of) => field!(of.as_gc().write(mc), Node, edges).as_slice()[edge].set(to),
        }
    }

    fn node(self) -> Option<Gc<'gc, Node<'gc>>> {
        match self {
            Self::Node(of) => Some(of),
            Self::Pinned(of) => Some(of.as_gc()),
            _ => None,
        }
    }

    fn id(self, mc: &Mc<'gc>) -> Id {
        match self {
            Self::Node(of) => of.id(mc),
            Self::Plain(of) => of.id(mc),
            Self::A16(of) => of.id(mc),
            Self::A64(of) => of.id(mc),
            Self::Tail(of) => of.id(mc),
            Self::Pinned(of) => of.as_gc().id(mc),
        }
    }

    /// It lies as its type wants it. Returns its address, if it has to keep it.
    fn pinned_at(self) -> Option<usize> {
        let aligned = |address: usize, align: usize| assert!(address.is_multiple_of(align));
        match self {
            Self::A16(of) => aligned(of.as_ptr().addr(), 16),
            Self::A64(of) => aligned(of.as_ptr().addr(), 64),
            Self::Pinned(of) => return Some(of.as_ptr().addr()),
            _ => {}
        }
        None
    }
}

#[derive(Trace)]
struct Graph<'gc> {
    entries: Gc<'gc, RefLock<Vec<Link<'gc>>>>,
    table: Gc<'gc, [Lock<Link<'gc>>]>,
    weak: Gc<'gc, RefLock<Vec<GcWeak<'gc, Node<'gc>>>>>,
    pairs: Gc<'gc, RefLock<Vec<Ephemeron<'gc, Node<'gc>, Plain<'gc>>>>>,
    saved: Saved<'gc>,
}

Rootable!(type Root<'gc> = Graph<'gc>);
Rootable!(type OneNode<'gc> = Node<'gc>);

/// What is done in mutations, and between them.
#[derive(Clone, Debug)]
enum Op {
    New { kind: Kind, to: usize, from: usize },
    Link { to: usize, edge: usize, from: usize },
    Follow { to: usize, from: usize, edge: usize },
    More { to: usize, from: usize },
    Clear { to: usize },
    TableAt { index: usize, from: usize },
    TableAll { start: usize, step: usize, from: usize },
    TableGet { index: usize, to: usize },
    Weak { from: usize },
    Upgrade { which: usize, to: usize },
    Pair { key: usize, value: usize },
    SetPair { which: usize, value: usize },
    GetPair { which: usize, to: usize },
    Finalise { from: usize },
    DropSaved,
    Stash { from: usize },
    Unstash { which: usize },
    Identify { from: usize },
    Garbage { count: usize },
    End,
    Some { budget_bytes: usize },
    Collect,
}

impl Op {
    fn ends_mutation(&self) -> bool {
        matches!(self, Self::End | Self::Some { .. } | Self::Collect)
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Node),
        2 => Just(Kind::Plain),
        1 => Just(Kind::A16),
        1 => Just(Kind::A64),
        1 => Just(Kind::Tail),
        1 => Just(Kind::Pinned),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let entry = || 0..ENTRIES;
    let index = || prop_oneof![0..40_usize, 0..TABLE];
    let edge = || 0..EDGES;
    let changes = prop_oneof![
        8 => (kind(), entry(), entry()).prop_map(|(kind, to, from)| Op::New { kind, to, from }),
        6 => (entry(), edge(), entry()).prop_map(|(to, edge, from)| Op::Link { to, edge, from }),
        3 => (entry(), entry(), edge()).prop_map(|(to, from, edge)| Op::Follow { to, from, edge }),
        3 => (entry(), entry()).prop_map(|(to, from)| Op::More { to, from }),
        3 => entry().prop_map(|to| Op::Clear { to }),
        3 => (index(), entry()).prop_map(|(index, from)| Op::TableAt { index, from }),
        1 => (index(), 1000..9000_usize, entry())
            .prop_map(|(start, step, from)| Op::TableAll { start, step, from }),
        2 => (index(), entry()).prop_map(|(index, to)| Op::TableGet { index, to }),
        2 => (0..20_000_usize).prop_map(|count| Op::Garbage { count: count * count / 400_000 }),
    ];
    let which = any::<usize>;
    let handles = prop_oneof![
        2 => entry().prop_map(|from| Op::Weak { from }),
        2 => (which(), entry()).prop_map(|(which, to)| Op::Upgrade { which, to }),
        2 => (entry(), entry()).prop_map(|(key, value)| Op::Pair { key, value }),
        2 => (which(), entry()).prop_map(|(which, value)| Op::SetPair { which, value }),
        2 => (which(), entry()).prop_map(|(which, to)| Op::GetPair { which, to }),
        2 => entry().prop_map(|from| Op::Finalise { from }),
        1 => Just(Op::DropSaved),
        1 => entry().prop_map(|from| Op::Stash { from }),
        2 => which().prop_map(|which| Op::Unstash { which }),
        2 => entry().prop_map(|from| Op::Identify { from }),
    ];
    let ends = prop_oneof![
        6 => Just(Op::End),
        2 => (1..20_000_usize).prop_map(|budget_bytes| Op::Some { budget_bytes }),
        1 => Just(Op::Collect),
    ];
    prop_oneof![6 => changes, 3 => handles, 2 => ends]
}

/// An object, by numbers.
struct Shape {
    edges: [Option<usize>; EDGES],
    more: Vec<usize>,
    kind: Kind,
}

/// The same graph, by numbers; and what is remembered outside the heap.
#[derive(Default)]
struct Model {
    shapes: BTreeMap<usize, Shape>,
    entries: [Option<usize>; ENTRIES],
    table: BTreeMap<usize, usize>,
    weak: Vec<usize>,
    pairs: Vec<(usize, usize)>,
    saved: Vec<usize>,
    /// Nodes whose finalisers have not run.
    pending: BTreeSet<usize>,
    stash: Vec<(usize, DynamicRoot<OneNode>)>,
    ids: BTreeMap<usize, Id>,
    places: BTreeMap<usize, usize>,
    log: Rc<RefCell<Vec<usize>>>,
    made: usize,
}

impl Model {
    fn token(&mut self) -> Token {
        self.made += 1;
        Token { number: self.made - 1, log: self.log.clone() }
    }

    fn reachable(&self) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut grey: Vec<usize> = self.entries.iter().flatten().copied().collect();
        grey.extend(self.table.values());
        grey.extend(&self.saved);
        grey.extend(self.stash.iter().map(|(number, _)| number));
        loop {
            while let Some(number) = grey.pop() {
                if seen.insert(number) {
                    let shape = &self.shapes[&number];
                    grey.extend(shape.edges.iter().flatten());
                    grey.extend(&shape.more);
                }
            }
            let values = self
                .pairs
                .iter()
                .filter(|(key, value)| seen.contains(key) && !seen.contains(value));
            grey.extend(values.map(|(_, value)| value));
            if grey.is_empty() {
                return seen;
            }
        }
    }

    /// Finalisers that have run since the last mutation: of nodes that nothing led to.
    fn take_saved(&mut self, graph: &Graph<'_>) {
        let saved: Vec<_> = graph.saved.borrow().iter().map(|node| node.token.number).collect();
        let new = &saved[self.saved.len()..];
        if !new.is_empty() {
            let reachable = self.reachable();
            for number in new {
                assert!(self.pending.remove(number), "it had a finaliser, which ran once");
                assert!(!reachable.contains(number), "a finaliser ran too early");
            }
        }
        self.saved = saved;
        let log = self.log.borrow();
        assert!(!log.iter().any(|number| self.pending.contains(number)), "no finaliser ran");
    }

    /// Exactly what nothing leads to was dropped.
    fn settled(&self) {
        let reachable = self.reachable();
        assert!(self.pending.iter().all(|number| reachable.contains(number)), "not finalised");
        let mut dropped = self.log.borrow().clone();
        dropped.sort_unstable();
        // Without a destructor, the token was dropped as the object was made.
        let dead = (0..self.made)
            .filter(|number| !self.shapes[number].kind.drops() || !reachable.contains(number));
        assert!(dropped.into_iter().eq(dead));
    }
}

fn run(collector: Collector, ops: &[Op]) {
    let mut model = Model::default();
    let heap = Heap::<_, Root>::new(collector, |mc| Graph {
        entries: Gc::new(mc, RefLock::new(vec![None; ENTRIES])),
        table: Gc::slice(mc, TABLE, |_| Lock::new(None)),
        weak: Gc::new(mc, RefLock::default()),
        pairs: Gc::new(mc, RefLock::default()),
        saved: Gc::new(mc, RefLock::default()),
    });
    // A heap that is not what it should be is not dropped either.
    let mut heap = ManuallyDrop::new(heap);
    for ops in ops.split_inclusive(Op::ends_mutation) {
        heap.mutate(|mc, graph| {
            model.take_saved(graph);
            ops.iter().filter(|op| !op.ends_mutation()).for_each(|op| {
                change(mc, graph, &mut model, op);
            });
            compare(mc, graph, &mut model);
        });
        match ops.last() {
            Some(Op::Some { budget_bytes }) => heap.collect_some(*budget_bytes),
            Some(Op::Collect) => {
                (0..3).for_each(|_| heap.collect());
                heap.mutate(|mc, graph| {
                    model.take_saved(graph);
                    compare(mc, graph, &mut model);
                });
                model.settled();
            }
            _ => {}
        }
    }
    drop(ManuallyDrop::into_inner(heap));
    assert_eq!(model.log.borrow().len(), model.made);
}

fn config(mode: Mode) -> impl Strategy<Value = Config> {
    let promotion =
        prop_oneof![Just(Promotion::First), Just(Promotion::Second), Just(Promotion::Adaptive)];
    let kib = prop_oneof![Just(16_usize), Just(24), Just(64)];
    (promotion, kib, any::<bool>()).prop_map(move |(promotion, kib, rests)| {
        let mut config = Config { nursery_bytes: kib << 10, promotion, rests, ..Config::new(mode) };
        config.nursery_max_bytes = 64 << 10;
        config.tenured.pace.growth_percent = 20;
        config.tenured.pace.min_growth_bytes = 32 << 10;
        config
    })
}

/// Long runs, and many of them, where a turn is cheap; fewer in torture, where each one looks at everything.
fn check(mode: Mode, torture: Torture, cases: u32) {
    let ops = prop::collection::vec(op(), 1..400);
    let settings = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(config in config(mode), ops in ops)| {
        let config = if torture == Torture::Off { config } else { config.tortured(torture) };
        run(match mode {
            Mode::Background => Generational::background(config, Global).expect("a thread"),
            _ => Generational::with_config(config, Global),
        }, &ops);
    });
}

#[test]
fn stop_the_world() {
    check(Mode::StopTheWorld, Torture::Off, 300);
}

#[test]
fn incremental() {
    check(Mode::Incremental, Torture::Off, 300);
}

#[test]
fn background() {
    check(Mode::Background, Torture::Off, 300);
}

#[test]
fn stop_the_world_tortured() {
    check(Mode::StopTheWorld, Torture::Steps, 100);
}

#[test]
fn incremental_tortured() {
    check(Mode::Incremental, Torture::Steps, 100);
}

#[test]
fn background_tortured() {
    check(Mode::Background, Torture::Steps, 100);
}
