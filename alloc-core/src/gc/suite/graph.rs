//! Random changes of a graph, beside a model of it: what can be reached has the model's shape, and
//! exactly the rest is dropped.

use super::drops::{Log, Token};
use crate::gc::{Collector, Gc, GcWeak, Heap, Lock, Mutation, RefLock, Trace};
use crate::{Rootable, field};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

const EDGES: usize = 3;
const ENTRIES: usize = 16;

type Weak<'gc> = (usize, GcWeak<'gc, Node<'gc>>);
type Link<'gc> = Option<Gc<'gc, Node<'gc>>>;

#[derive(Trace)]
struct Node<'gc> {
    token: Token,
    edges: [Lock<Link<'gc>>; EDGES],
    more: RefLock<Vec<Gc<'gc, Node<'gc>>>>,
}

#[derive(Trace)]
struct Graph<'gc> {
    entries: Gc<'gc, RefLock<Vec<Link<'gc>>>>,
    weak: Gc<'gc, RefLock<Vec<Weak<'gc>>>>,
}

Rootable!(type Root<'gc> = Graph<'gc>);

/// The same graph, by numbers.
#[derive(Default)]
struct Model {
    entries: Vec<Option<usize>>,
    /// Of each node that was ever made.
    edges: Vec<([Option<usize>; EDGES], Vec<usize>)>,
}

impl Model {
    /// Whether the entries lead to it, by number.
    fn reachable(&self) -> Vec<bool> {
        let mut seen = alloc::vec![false; self.edges.len()];
        let mut grey: Vec<usize> = self.entries.iter().flatten().copied().collect();
        while let Some(number) = grey.pop() {
            if !core::mem::replace(&mut seen[number], true) {
                let (edges, more) = &self.edges[number];
                grey.extend(edges.iter().flatten());
                grey.extend(more);
            }
        }
        seen
    }
}

/// A small random generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }
}

pub(super) fn run<C: Collector>(collector: C, seed: u64, steps: usize) {
    let log = Log::default();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut model = Model { entries: alloc::vec![None; ENTRIES], ..Model::default() };
    let mut heap = Heap::<C, Root>::new(collector, |mc| Graph {
        entries: Gc::new(mc, RefLock::new(alloc::vec![None; ENTRIES])),
        weak: Gc::new(mc, RefLock::default()),
    });
    for step in 0..steps {
        heap.mutate(|mc, graph| {
            for _ in 0..1 + random.below(8) {
                change(mc, graph, &mut model, &mut random, &log);
            }
        });
        match random.below(20) {
            0 => {
                heap.collect();
                heap.collect();
                let reachable = model.reachable();
                let dead = (0..reachable.len()).filter(|number| !reachable[*number]);
                assert_eq!(log.sorted(), dead.collect::<Vec<_>>(), "at step {step}");
            }
            1..5 => heap.collect_some(random.below(4096)),
            _ => {}
        }
        if random.below(10) == 0 {
            heap.mutate(|mc, graph| compare(mc, graph, &model, &log));
        }
    }
    drop(heap);
    assert_eq!(log.sorted(), (0..model.edges.len()).collect::<Vec<_>>());
}

fn change<'gc, C: Collector>(
    mc: &Mutation<'gc, C>,
    graph: &Graph<'gc>,
    model: &mut Model,
    random: &mut Random,
    log: &Log,
) {
    let (to, from, edge) = (random.below(ENTRIES), random.below(ENTRIES), random.below(EDGES));
    let load = |entry: usize| graph.entries.borrow()[entry];
    match random.below(11) {
        0..3 => {
            let number = model.edges.len();
            let edges = core::array::from_fn(|_| Lock::new(load(from)));
            let node = Node { token: log.token(number), edges, more: RefLock::default() };
            model.edges.push(([model.entries[from]; EDGES], Vec::new()));
            model.entries[to] = Some(number);
            let node = Gc::new(mc, node);
            graph.entries.borrow_mut(mc)[to] = Some(node);
        }
        3..6 => {
            let (Some(node), Some(number)) = (load(to), model.entries[to]) else { return };
            field!(node.write(mc), Node, edges).as_slice()[edge].set(load(from));
            model.edges[number].0[edge] = model.entries[from];
        }
        6..8 => {
            let Some(node) = load(from) else { return };
            let number = model.entries[from].expect("the same");
            graph.entries.borrow_mut(mc)[to] = node.edges[edge].get();
            model.entries[to] = model.edges[number].0[edge];
        }
        8 => {
            let (Some(node), Some(added)) = (load(to), load(from)) else { return };
            let mut more = field!(node.write(mc), Node, more).borrow_mut();
            let number = model.entries[to].expect("the same");
            let ours = &mut model.edges[number].1;
            if more.len() > 4 {
                more.clear();
                ours.clear();
            }
            more.push(added);
            ours.push(model.entries[from].expect("the same"));
        }
        9 => {
            graph.entries.borrow_mut(mc)[to] = None;
            model.entries[to] = None;
        }
        _ => through_weak(mc, graph, model, random, log),
    }
}

/// Makes a weak pointer, or takes one up: an object that nothing else may lead to any more.
fn through_weak<'gc, C: Collector>(
    mc: &Mutation<'gc, C>,
    graph: &Graph<'gc>,
    model: &mut Model,
    random: &mut Random,
    log: &Log,
) {
    let entry = random.below(ENTRIES);
    if let Some(node) = graph.entries.borrow()[entry]
        && random.below(3) == 0
    {
        graph.weak.borrow_mut(mc).push((node.token.number, node.downgrade(mc)));
        return;
    }
    let count = graph.weak.borrow().len();
    if count == 0 {
        return;
    }
    let (number, weak) = graph.weak.borrow()[random.below(count)];
    let node = weak.upgrade(mc);
    match node {
        Some(node) => {
            assert_eq!(node.token.number, number);
            assert!(!log.numbers().contains(&number), "a weak pointer leads to what was dropped");
            graph.entries.borrow_mut(mc)[entry] = Some(node);
            model.entries[entry] = Some(number);
        }
        None => assert!(!model.reachable()[number], "a weak pointer gave up too early"),
    }
}

fn compare<'gc, C: Collector>(mc: &Mutation<'gc, C>, graph: &Graph<'gc>, model: &Model, log: &Log) {
    let mut seen = alloc::vec![false; model.edges.len()];
    let numbers = |link: Link<'gc>| link.map(|node| node.token.number);
    let entries = graph.entries.borrow();
    assert!(entries.iter().map(|link| numbers(*link)).eq(model.entries.iter().copied()));
    let mut grey: Vec<Gc<'gc, Node<'gc>>> = entries.iter().flatten().copied().collect();
    let mut ids = BTreeSet::new();
    while let Some(node) = grey.pop() {
        if !core::mem::replace(&mut seen[node.token.number], true) {
            assert!(ids.insert(node.id(mc)), "two objects with one identity");
            let (edges, more) = &model.edges[node.token.number];
            assert!(node.edges.iter().map(|edge| numbers(edge.get())).eq(edges.iter().copied()));
            assert!(
                node.more.borrow().iter().map(|node| node.token.number).eq(more.iter().copied())
            );
            grey.extend(node.edges.iter().filter_map(Lock::get));
            grey.extend(node.more.borrow().iter());
        }
    }
    assert_eq!(seen, model.reachable());
    assert!(log.numbers().iter().all(|number| !seen[*number]));
}
