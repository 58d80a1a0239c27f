//! Trees in a gc-arena.
//!
//! Above: `collectors::trees`, through [`Forest`]. Below: gc-arena.

use super::super::{Forest, Nodes};
use gc_arena::barrier::unlock;
use gc_arena::lock::Lock;
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};

type Link<'gc, T> = Lock<Option<Gc<'gc, Tree<'gc, T>>>>;
type Numbers = (i64, i64);

/// A node; `T` is what it holds besides.
#[derive(Collect)]
#[collect(no_drop, bound = "where T: 'static")]
struct Tree<'gc, T> {
    left: Link<'gc, T>,
    right: Link<'gc, T>,
    #[collect(require_static)]
    #[expect(dead_code, reason = "it is room")]
    holds: T,
}

#[derive(Collect)]
#[collect(no_drop, bound = "where T: 'static")]
struct Kept<'gc, T> {
    tree: Option<Gc<'gc, Tree<'gc, T>>>,
    numbers: Option<Gc<'gc, Vec<f64>>>,
}

/// A heap of trees of one kind.
type Root<T> = Rootable![Kept<'_, T>];

struct Trees<T: 'static>(Arena<Root<T>>);

pub fn forest(nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<()>::new()),
        Nodes::Numbered => Box::new(Trees::<Numbers>::new()),
    }
}

impl<T: Default> Trees<T> {
    fn new() -> Self {
        Self(Arena::new(|_| Kept { tree: None, numbers: None }))
    }
}

fn grow<'gc, T: Default + 'static>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Tree<'gc, T>> {
    let child = || Lock::new((depth > 0).then(|| grow(mc, depth - 1)));
    Gc::new(mc, Tree { left: child(), right: child(), holds: T::default() })
}

fn bare<'gc, T: Default + 'static>(mc: &Mutation<'gc>) -> Gc<'gc, Tree<'gc, T>> {
    Gc::new(mc, Tree { left: Lock::new(None), right: Lock::new(None), holds: T::default() })
}

fn populate<'gc, T: Default + 'static>(
    mc: &Mutation<'gc>,
    node: Gc<'gc, Tree<'gc, T>>,
    depth: u32,
) {
    if depth > 0 {
        let (left, right) = (bare(mc), bare(mc));
        let write = Gc::write(mc, node);
        unlock!(write, Tree, left).set(Some(left));
        unlock!(write, Tree, right).set(Some(right));
        populate(mc, left, depth - 1);
        populate(mc, right, depth - 1);
    }
}

fn count<T>(tree: Gc<'_, Tree<'_, T>>) -> u64 {
    1 + tree.left.get().map_or(0, count) + tree.right.get().map_or(0, count)
}

impl<T: Default + 'static> Forest for Trees<T> {
    fn grow(&mut self, depth: u32) -> u64 {
        let nodes = self.0.mutate(|mc, _| count(grow::<T>(mc, depth)));
        self.0.collect_debt();
        nodes
    }

    fn populate(&mut self, depth: u32) -> u64 {
        let nodes = self.0.mutate(|mc, _| {
            let tree = bare::<T>(mc);
            populate(mc, tree, depth);
            count(tree)
        });
        self.0.collect_debt();
        nodes
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
            let numbers = Gc::new(mc, (0..numbers).map(|n| 1.0 / (n + 1) as f64).collect());
            *kept = Kept { tree: Some(tree), numbers: Some(numbers) };
        });
    }

    fn count_kept(&mut self) -> (u64, u64) {
        self.0.mutate(|_, kept| {
            let numbers = kept.numbers.map_or(0, |n| n.iter().filter(|&&n| n != 0.0).count());
            (kept.tree.map_or(0, count), numbers as u64)
        })
    }
}
