//! Trees in a heap of one of our collectors.
//!
//! Above: `collectors::trees`, through [`Forest`]. Below: the handles of alloc-core.

use super::super::outcome::Own;
use super::super::{Forest, Nodes};
use super::Ours;
use alloc_core::gc::{Gc, Heap, Lock, Mutation, Trace};
use alloc_core::{Rootable, field};

type Link<'gc, T> = Lock<Option<Gc<'gc, Tree<'gc, T>>>>;
type Numbers = (i64, i64);

/// A node; `T` is what it holds besides.
#[derive(Trace)]
#[trace(bound = "T: 'static")]
struct Tree<'gc, T> {
    left: Link<'gc, T>,
    right: Link<'gc, T>,
    #[trace(skip)]
    holds: T,
}

#[derive(Trace)]
#[trace(bound = "T: 'static")]
struct Kept<'gc, T> {
    tree: Option<Gc<'gc, Tree<'gc, T>>>,
    numbers: Option<Gc<'gc, [f64]>>,
}

/// A heap of trees of one kind.
struct Trees<C: Ours, T: 'static>(Heap<C, Root<T>>);

Rootable!(type Root<'gc, T: 'static> = Kept<'gc, T>);

pub fn forest(collector: impl Ours, nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<_, ()>::new(collector)),
        Nodes::Numbered => Box::new(Trees::<_, Numbers>::new(collector)),
    }
}

impl<C: Ours, T: Default> Trees<C, T> {
    fn new(collector: C) -> Self {
        Self(Heap::new(collector, |_| Kept { tree: None, numbers: None }))
    }
}

fn grow<'gc, C: Ours, T: Default + 'static>(
    mc: &Mutation<'gc, C>,
    depth: u32,
) -> Gc<'gc, Tree<'gc, T>> {
    let child = || Lock::new((depth > 0).then(|| grow(mc, depth - 1)));
    Gc::new(mc, Tree { left: child(), right: child(), holds: T::default() })
}

fn bare<'gc, C: Ours, T: Default + 'static>(mc: &Mutation<'gc, C>) -> Gc<'gc, Tree<'gc, T>> {
    Gc::new(mc, Tree { left: Lock::new(None), right: Lock::new(None), holds: T::default() })
}

fn populate<'gc, C: Ours, T: Default + 'static>(
    mc: &Mutation<'gc, C>,
    node: Gc<'gc, Tree<'gc, T>>,
    depth: u32,
) {
    if depth > 0 {
        let (left, right) = (bare(mc), bare(mc));
        let write = node.write(mc);
        field!(write, Tree, left).set(Some(left));
        field!(write, Tree, right).set(Some(right));
        populate(mc, left, depth - 1);
        populate(mc, right, depth - 1);
    }
}

fn count<T>(tree: Gc<'_, Tree<'_, T>>) -> u64 {
    1 + tree.left.get().map_or(0, count) + tree.right.get().map_or(0, count)
}

impl<C: Ours, T: Default + 'static> Forest for Trees<C, T> {
    fn grow(&mut self, depth: u32) -> u64 {
        self.0.mutate(|mc, _| count(grow::<C, T>(mc, depth)))
    }

    fn populate(&mut self, depth: u32) -> u64 {
        self.0.mutate(|mc, _| {
            let tree = bare::<C, T>(mc);
            populate(mc, tree, depth);
            count(tree)
        })
    }

    fn keep(&mut self, depth: u32, down: bool, numbers: usize) {
        self.0.mutate_root(|mc, kept| {
            let tree = if down {
                let tree = bare(mc);
                populate(mc, tree, depth);
                tree
            } else {
                grow(mc, depth)
            };
            let numbers = Gc::slice(mc, numbers, |n| 1.0 / (n + 1) as f64);
            *kept = Kept { tree: Some(tree), numbers: Some(numbers) };
        });
    }

    fn count_kept(&mut self) -> (u64, u64) {
        self.0.mutate(|_, kept| {
            let numbers = kept.numbers.map_or(0, |n| n.iter().filter(|&&n| n != 0.0).count());
            (kept.tree.map_or(0, count), numbers as u64)
        })
    }

    fn own(&self) -> Option<Own> {
        self.0.collector().own()
    }
}
