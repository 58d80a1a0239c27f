//! Random programs beside a model of them: what roots lead to is alive, and after `collect` nothing else is; also where
//! memory is refused now and then.

#![cfg(not(loom))]

mod common;

use alloc_core::gc::Trace;
use alloc_core::{Failing, Schedule, Shared};
use common::{Census, One};
use proptest::prelude::*;
use rc_cycle::{Cc, Pace, Weak, collect, collect_some, set_pace};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    _one: One,
    number: usize,
    list: RefCell<Vec<Cc<Node>>>,
    cell: Cell<Option<Cc<Node>>>,
    boxed: RefCell<Option<Box<Row>>>,
}

type Row = Cc<[Cc<Node>]>;

#[derive(Clone, Debug)]
enum Op {
    New,
    /// From the node in the one root to that in the other.
    Link(usize, usize),
    Cell(usize, usize),
    Slice(usize, usize, usize),
    Unlink(usize),
    Forget(usize),
    CloneRoot(usize),
    DropRoot(usize),
    Exclusive(usize),
    Borrowed(usize),
    Upgrade(usize),
    Some(usize),
    All,
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0..64_usize;
    prop_oneof![
        4 => Just(Op::New),
        6 => (n(), n()).prop_map(|(a, b)| Op::Link(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Op::Cell(a, b)),
        1 => (n(), n(), n()).prop_map(|(a, b, c)| Op::Slice(a, b, c)),
        2 => n().prop_map(Op::Unlink),
        1 => n().prop_map(Op::Forget),
        2 => n().prop_map(Op::CloneRoot),
        5 => n().prop_map(Op::DropRoot),
        1 => n().prop_map(Op::Exclusive),
        1 => prop_oneof![9 => n().prop_map(Op::DropRoot), 1 => n().prop_map(Op::Borrowed)],
        1 => n().prop_map(Op::Upgrade),
        2 => n().prop_map(Op::Some),
        1 => Just(Op::All),
    ]
}

#[derive(Default)]
struct World {
    census: Census,
    roots: Vec<Cc<Node>>,
    weak: Vec<Weak<Node>>,
    /// Where the model says that each node's pointers lead: list, cell, slice.
    to: Vec<(Vec<usize>, Option<usize>, Vec<usize>)>,
}

impl World {
    fn root(&self, n: usize) -> Option<Cc<Node>> {
        (!self.roots.is_empty()).then(|| self.roots[n % self.roots.len()].clone())
    }

    fn reached(&self) -> HashSet<usize> {
        let mut reached = HashSet::new();
        let mut grey: Vec<usize> = self.roots.iter().map(|root| root.number).collect();
        while let Some(number) = grey.pop() {
            if reached.insert(number) {
                let (list, cell, slice) = &self.to[number];
                grey.extend(list.iter().chain(cell).chain(slice));
            }
        }
        reached
    }

    fn check(&self, collected: bool) {
        let reached = self.reached();
        for (number, weak) in self.weak.iter().enumerate() {
            // Not by `upgrade`: what is dropped again is a candidate anew, whatever was overlooked before.
            let lives = weak.strong_count() > 0;
            if collected {
                assert_eq!(lives, reached.contains(&number), "{number}");
            } else {
                assert!(lives || !reached.contains(&number), "{number} is reached, and gone");
            }
        }
        if collected {
            assert_eq!(self.census.count(), reached.len().cast_signed());
        }
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::New => {
                let (one, number) = (self.census.one(), self.weak.len());
                let node = Node {
                    _one: one,
                    number,
                    list: RefCell::default(),
                    cell: Cell::default(),
                    boxed: RefCell::default(),
                };
                let node = Cc::new(node);
                self.weak.push(Cc::downgrade(&node));
                self.to.push(Default::default());
                self.roots.push(node);
            }
            Op::Link(a, b) => {
                if let (Some(a), Some(b)) = (self.root(a), self.root(b)) {
                    self.to[a.number].0.push(b.number);
                    a.list.borrow_mut().push(b);
                }
            }
            Op::Cell(a, b) => {
                if let (Some(a), Some(b)) = (self.root(a), self.root(b)) {
                    self.to[a.number].1 = Some(b.number);
                    a.cell.set(Some(b));
                }
            }
            Op::Slice(a, b, c) => {
                if let (Some(a), Some(b), Some(c)) = (self.root(a), self.root(b), self.root(c)) {
                    self.to[a.number].2 = vec![b.number, c.number];
                    *a.boxed.borrow_mut() = Some(Box::new(Cc::from([b, c])));
                }
            }
            Op::Unlink(a) => {
                if let Some(a) = self.root(a) {
                    self.to[a.number].0.pop();
                    a.list.borrow_mut().pop();
                }
            }
            Op::Forget(a) => {
                if let Some(a) = self.root(a) {
                    self.to[a.number] = Default::default();
                    a.list.borrow_mut().clear();
                    a.cell.set(None);
                    *a.boxed.borrow_mut() = None;
                }
            }
            Op::CloneRoot(a) => self.roots.extend(self.root(a)),
            Op::DropRoot(a) => {
                if !self.roots.is_empty() {
                    let at = a % self.roots.len();
                    drop(self.roots.swap_remove(at));
                }
            }
            Op::Exclusive(a) => {
                // Weak pointers are in the way: a value of its own that leads to this one.
                let mut own = Cc::new(RefCell::new(Vec::from_iter(self.root(a))));
                drop(own.clone());
                Cc::get_mut(&mut own).unwrap().get_mut().clear();
            }
            Op::Borrowed(a) => {
                if let Some(a) = self.root(a) {
                    let _borrow = a.list.borrow_mut();
                    collect();
                }
            }
            Op::Upgrade(a) => {
                if !self.weak.is_empty() {
                    // What nobody reaches may come back, as long as it was not found dead.
                    let at = a % self.weak.len();
                    self.roots.extend(self.weak[at].upgrade());
                }
            }
            Op::Some(budget) => _ = collect_some(budget),
            Op::All => _ = collect(),
        }
        self.check(false);
    }
}

fn run(ops: &[Op], eager: bool) {
    // Steps at every chance, and so short that a round takes many.
    let eager_pace = Pace { least_bytes: 1, budget_objects: 3, ..Pace::default() };
    let pace = if eager { eager_pace } else { Pace::default() };
    set_pace(pace);
    let mut world = World::default();
    ops.iter().for_each(|op| world.run(op));
    let borrows = ops.iter().any(|op| matches!(op, Op::Borrowed(_)));
    let everybody_comes_by = |world: &World| {
        // What was borrowed when it was a candidate may be none now.
        if borrows {
            world.weak.iter().for_each(|weak| drop(weak.upgrade()));
        }
    };
    everybody_comes_by(&world);
    collect();
    world.check(true);
    world.roots.clear();
    everybody_comes_by(&world);
    collect();
    assert_eq!(world.census.count(), 0);
    set_pace(Pace::default());
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(1000), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_programs(ops in prop::collection::vec(op(), 0..120), eager in any::<bool>()) {
        run(&ops, eager);
    }
}

/// A box that is refused is an error, and leaves nothing.
#[test]
fn refusals_leave_nothing() {
    type Memory = Shared<Failing<common::Memory>>;
    #[derive(Trace)]
    struct Chain(RefCell<Option<Cc<Chain, Memory>>>, #[trace(skip)] One);
    let census = Census::default();
    for nth in 1..20 {
        let (below, counting) = common::Counting::layer();
        let memory: Memory = Shared::new(Failing::new(Schedule::Every(nth), below));
        let (mut made, mut refused) = (Vec::<Cc<Chain, Memory>>::new(), 0);
        for _ in 0..50 {
            let chain = Chain(RefCell::new(made.last().cloned()), census.one());
            let _ = &chain.1;
            match Cc::try_new_in(chain, memory.clone()) {
                Ok(chain) => made.push(chain),
                Err(_) => refused += 1,
            }
            if Cc::<[u8], Memory>::try_from_iter_in([1, 2, 3], memory.clone()).is_err() {
                refused += 1;
            }
        }
        assert!(refused > 0);
        if let (Some(first), Some(last)) = (made.first(), made.last()) {
            *first.0.borrow_mut() = Some(last.clone());
        }
        drop(made);
        collect();
        assert_eq!(census.count(), 0);
        assert_eq!(counting.bytes(), 0);
    }
}
