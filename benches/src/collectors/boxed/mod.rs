//! Malloc and free: the programs as somebody writes them who frees by hand, on the process's allocator.
//!
//! Above: `contestants`. Below: `Box`, and in `cache` and `graph` raw pointers from it.

mod cache;
mod graph;

pub(super) use cache::cache;
pub(super) use graph::graph;

use super::text::weight;
use super::{Forest, Nodes, TextStep, Texts};

/// A node; `T` is what it holds besides.
#[derive(Default)]
struct Tree<T> {
    left: Option<Box<Tree<T>>>,
    right: Option<Box<Tree<T>>>,
    /// Space, as in the other systems.
    _holds: T,
}

#[derive(Default)]
struct Trees<T> {
    tree: Option<Box<Tree<T>>>,
    numbers: Vec<f64>,
}

pub(super) fn forest(nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<()>::default()),
        Nodes::Numbered => Box::new(Trees::<(i64, i64)>::default()),
    }
}

fn grow<T: Default>(depth: u32) -> Box<Tree<T>> {
    let child = || (depth > 0).then(|| grow(depth - 1));
    Box::new(Tree { left: child(), right: child(), _holds: T::default() })
}

fn populate<T: Default>(node: &mut Tree<T>, depth: u32) {
    if depth > 0 {
        populate(node.left.insert(Box::default()), depth - 1);
        populate(node.right.insert(Box::default()), depth - 1);
    }
}

fn count<T>(tree: &Tree<T>) -> u64 {
    1 + tree.left.as_deref().map_or(0, count) + tree.right.as_deref().map_or(0, count)
}

impl<T: Default> Forest for Trees<T> {
    fn grow(&mut self, depth: u32) -> u64 {
        count(&*grow::<T>(depth))
    }

    fn populate(&mut self, depth: u32) -> u64 {
        let mut tree = Box::<Tree<T>>::default();
        populate(&mut tree, depth);
        count(&tree)
    }

    fn keep(&mut self, depth: u32, down: bool, numbers: usize) {
        let tree = if down {
            let mut tree = Box::default();
            populate(&mut tree, depth);
            tree
        } else {
            grow(depth)
        };
        self.tree = Some(tree);
        self.numbers = (0..numbers).map(|n| 1.0 / (n + 1) as f64).collect();
    }

    fn count_kept(&mut self) -> (u64, u64) {
        let numbers = self.numbers.iter().filter(|&&number| number != 0.0).count();
        (self.tree.as_deref().map_or(0, count), numbers as u64)
    }
}

struct Table(Vec<Box<str>>);

pub(super) fn texts(count: usize) -> Box<dyn Texts> {
    Box::new(Table(vec![Box::default(); count]))
}

impl Texts for Table {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        for step in steps {
            step.build(|n| &self.0[n], scratch);
            self.0[step.to()] = scratch.as_str().into();
        }
    }

    fn sum(&mut self) -> u64 {
        self.0.iter().map(|text| weight(text)).fold(0, u64::wrapping_add)
    }
}
