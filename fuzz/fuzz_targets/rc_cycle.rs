//! Counted pointers beside a model of the graph that they make: what a root leads to is alive after each step, and
//! after a collection nothing else is.
#![no_main]

use alloc_core::gc::Trace;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rc_cycle::{Cc, Pace, Weak, collect, collect_some, set_pace};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use strata_fuzz::count::{Census, One};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    New,
    Link(u8, u8),
    SetCell(u8, u8),
    Slice(u8, u8, u8),
    Unlink(u8),
    Forget(u8),
    CloneRoot(u8),
    DropRoot(u8),
    /// A root becomes what a root's list leads to.
    Follow(u8),
    Upgrade(u16),
    /// A value that only a box of its own leads to, and that leads to a root, is taken out of its box.
    TakeOut(u8),
    CollectSome(u8),
    Collect,
}

#[derive(Arbitrary, Debug)]
struct Input {
    eager: bool,
    ops: Vec<Op>,
}

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    one: One,
    list: RefCell<Vec<Cc<Node>>>,
    cell: Cell<Option<Cc<Node>>>,
    slice: RefCell<Option<Cc<[Cc<Node>]>>>,
}

#[derive(Clone, Default)]
struct Edges {
    list: Vec<usize>,
    cell: Option<usize>,
    slice: Vec<usize>,
}

impl Node {
    fn number(&self) -> usize {
        self.one.number() as usize
    }
}

#[derive(Default)]
struct Model {
    census: Census,
    roots: Vec<Cc<Node>>,
    weak: Vec<Weak<Node>>,
    edges: Vec<Edges>,
}

/// How many nodes a program makes: each is looked at after each step.
const MOST_NODES: usize = 200;

impl Model {
    fn root(&self, which: u8) -> Option<&Cc<Node>> {
        usize::from(which).checked_rem(self.roots.len()).map(|at| &self.roots[at])
    }

    fn reached(&self) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut grey: Vec<usize> = self.roots.iter().map(|root| root.number()).collect();
        while let Some(number) = grey.pop() {
            if reached.insert(number) {
                let Edges { list, cell, slice } = &self.edges[number];
                grey.extend(list.iter().chain(cell).chain(slice));
            }
        }
        reached
    }

    /// What is reached is there; where everything was collected, nothing else is.
    fn check(&self, collected: bool) {
        let reached = self.reached();
        for (number, weak) in self.weak.iter().enumerate() {
            let (lives, is_reached) = (weak.strong_count() > 0, reached.contains(&number));
            assert!(lives || !is_reached, "{number} is reached, and gone");
            assert!(is_reached || !lives || !collected, "{number} is not reached, and there");
        }
        if collected {
            assert_eq!(self.census.living(), reached.len());
        }
    }

    fn new_node(&mut self) {
        let number = self.weak.len();
        if number == MOST_NODES {
            return;
        }
        let one = self.census.one(number as u32);
        let (list, cell, slice) = (RefCell::default(), Cell::default(), RefCell::default());
        let node = Cc::new(Node { one, list, cell, slice });
        self.weak.push(Cc::downgrade(&node));
        self.edges.push(Edges::default());
        self.roots.push(node);
    }

    /// Changes two nodes' pointers, as the model does.
    fn link(&mut self, op: Op) -> Option<()> {
        match op {
            Op::Link(a, b) => {
                let (a, b) = (self.root(a)?.clone(), self.root(b)?.clone());
                self.edges[a.number()].list.push(b.number());
                a.list.borrow_mut().push(b);
            }
            Op::SetCell(a, b) => {
                let (a, b) = (self.root(a)?.clone(), self.root(b)?.clone());
                self.edges[a.number()].cell = Some(b.number());
                a.cell.set(Some(b));
            }
            Op::Slice(a, b, c) => {
                let (a, b, c) =
                    (self.root(a)?.clone(), self.root(b)?.clone(), self.root(c)?.clone());
                self.edges[a.number()].slice = vec![b.number(), c.number()];
                // What was there goes outside of the borrow: a step may visit this node.
                let old = a.slice.replace(Some(Cc::from([b, c])));
                drop(old);
            }
            Op::Unlink(a) => {
                let a = self.root(a)?.clone();
                self.edges[a.number()].list.pop();
                let gone = a.list.borrow_mut().pop();
                drop(gone);
            }
            Op::Forget(a) => {
                let a = self.root(a)?.clone();
                self.edges[a.number()] = Edges::default();
                let gone = (a.list.take(), a.cell.take(), a.slice.take());
                drop(gone);
            }
            _ => {}
        }
        Some(())
    }

    /// Changes what the roots are.
    fn root_op(&mut self, op: Op) -> Option<()> {
        match op {
            Op::CloneRoot(which) => self.roots.push(self.root(which)?.clone()),
            Op::DropRoot(which) => {
                let at = usize::from(which).checked_rem(self.roots.len())?;
                self.roots.swap_remove(at);
            }
            Op::Follow(which) => {
                let next = self.root(which)?.list.borrow().first().cloned()?;
                self.roots.push(next);
            }
            Op::Upgrade(which) => {
                let at = usize::from(which).checked_rem(self.weak.len())?;
                if let Some(node) = self.weak[at].upgrade() {
                    assert_eq!(node.number(), at);
                    self.roots.push(node);
                }
            }
            Op::TakeOut(which) => {
                let own = Cc::new(RefCell::new(vec![self.root(which)?.clone()]));
                drop(own.clone());
                let mut list = Cc::try_unwrap(own).ok().expect("nobody else has it").into_inner();
                self.roots.push(list.pop().expect("what was put there"));
            }
            _ => {}
        }
        Some(())
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::New => self.new_node(),
            Op::CollectSome(budget) => _ = collect_some(budget.into()),
            Op::Collect => _ = collect(),
            Op::Link(..) | Op::SetCell(..) | Op::Slice(..) | Op::Unlink(_) | Op::Forget(_) => {
                self.link(op);
            }
            _ => _ = self.root_op(op),
        }
        self.check(matches!(op, Op::Collect));
    }
}

fuzz_target!(|input: Input| {
    // Steps at every chance, so short that a round takes many of them.
    let eager = Pace { least_bytes: 1, budget_objects: 3, ..Pace::default() };
    set_pace(if input.eager { eager } else { Pace::default() });
    let mut model = Model::default();
    input.ops.iter().for_each(|op| model.step(*op));
    collect();
    model.check(true);
    model.roots.clear();
    collect();
    assert_eq!(model.census.living(), 0, "a cycle leaks");
});
