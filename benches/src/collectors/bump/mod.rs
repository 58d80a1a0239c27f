//! bumpalo: the programs on a bump allocator that frees nothing, or all at once: what no collector goes below.
//!
//! Above: `contestants`. Below: bumpalo, on the process's allocator.
//!
//! A tree that dies young has a bump of its own, which goes with it, as in the benchmarks game's fastest
//! program in Rust. All else is in a bump that lives until the process ends, so that nothing in it is ever
//! freed, and plain references lead to it.

mod cache;
mod graph;

pub(super) use cache::cache;
pub(super) use graph::graph;

use super::text::weight;
use super::{Forest, Nodes, TextStep, Texts};
use bumpalo::Bump;
use std::cell::Cell;

/// A bump that lives as long as the process.
fn lasting() -> &'static Bump {
    Box::leak(Box::default())
}

type Link<'b, T> = Cell<Option<&'b Tree<'b, T>>>;

/// A node; `T` is what it holds besides.
#[derive(Default)]
struct Tree<'b, T> {
    left: Link<'b, T>,
    right: Link<'b, T>,
    /// Space, as in the other systems.
    _holds: T,
}

#[derive(Default)]
struct Trees<T: 'static> {
    tree: Option<&'static Tree<'static, T>>,
    numbers: &'static [f64],
}

pub(super) fn forest(nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<()>::default()),
        Nodes::Numbered => Box::new(Trees::<(i64, i64)>::default()),
    }
}

fn grow<T: Default>(bump: &Bump, depth: u32) -> &Tree<'_, T> {
    let child = || Cell::new((depth > 0).then(|| grow(bump, depth - 1)));
    bump.alloc(Tree { left: child(), right: child(), _holds: T::default() })
}

fn populate<'b, T: Default>(bump: &'b Bump, node: &'b Tree<'b, T>, depth: u32) {
    if depth > 0 {
        let (left, right) = (bump.alloc(Tree::default()), bump.alloc(Tree::default()));
        node.left.set(Some(left));
        node.right.set(Some(right));
        populate(bump, left, depth - 1);
        populate(bump, right, depth - 1);
    }
}

fn populated<T: Default>(bump: &Bump, depth: u32) -> &Tree<'_, T> {
    let tree = bump.alloc(Tree::default());
    populate(bump, tree, depth);
    tree
}

fn count<T>(tree: &Tree<'_, T>) -> u64 {
    1 + tree.left.get().map_or(0, count) + tree.right.get().map_or(0, count)
}

impl<T: Default> Forest for Trees<T> {
    fn grow(&mut self, depth: u32) -> u64 {
        count(grow::<T>(&Bump::new(), depth))
    }

    fn populate(&mut self, depth: u32) -> u64 {
        count(populated::<T>(&Bump::new(), depth))
    }

    fn keep(&mut self, depth: u32, down: bool, numbers: usize) {
        let bump = lasting();
        self.tree = Some(if down { populated(bump, depth) } else { grow(bump, depth) });
        self.numbers = bump.alloc_slice_fill_with(numbers, |n| 1.0 / (n + 1) as f64);
    }

    fn count_kept(&mut self) -> (u64, u64) {
        let numbers = self.numbers.iter().filter(|&&number| number != 0.0).count();
        (self.tree.map_or(0, count), numbers as u64)
    }
}

struct Table {
    bump: &'static Bump,
    texts: Vec<&'static str>,
}

pub(super) fn texts(count: usize) -> Box<dyn Texts> {
    Box::new(Table { bump: lasting(), texts: vec![""; count] })
}

impl Texts for Table {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        for step in steps {
            step.build(|n| self.texts[n], scratch);
            self.texts[step.to()] = self.bump.alloc_str(scratch);
        }
    }

    fn sum(&mut self) -> u64 {
        self.texts.iter().map(|text| weight(text)).fold(0, u64::wrapping_add)
    }
}
