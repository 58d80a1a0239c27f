//! Trees in the `gc` crate's heap.
//!
//! Above: `collectors::trees`, through [`Forest`]. Below: the `gc` crate.
//!
//! Two kinds of node, as a cell is written only where something changes: binary-trees makes its trees
//! from their leaves up and never writes to them; GCBench does both.

use super::super::{Forest, Nodes};
use gc::{Finalize, Gc, GcCell, Trace};

/// A tree that can be made and counted.
trait Tree: Trace + Sized + 'static {
    fn new(left: Option<Gc<Self>>, right: Option<Gc<Self>>) -> Self;
    /// Makes a tree from its root down, where nodes can be written to; else as `grow`.
    fn populated(depth: u32) -> Gc<Self>;
    fn count(&self) -> u64;
}

#[derive(Trace, Finalize)]
struct Fixed {
    left: Option<Gc<Fixed>>,
    right: Option<Gc<Fixed>>,
}

#[derive(Trace, Finalize)]
struct Numbered {
    left: GcCell<Option<Gc<Numbered>>>,
    right: GcCell<Option<Gc<Numbered>>>,
    /// Space, as in the other systems.
    _holds: (i64, i64),
}

fn grow<T: Tree>(depth: u32) -> Gc<T> {
    let child = || (depth > 0).then(|| grow(depth - 1));
    Gc::new(T::new(child(), child()))
}

impl Tree for Fixed {
    fn new(left: Option<Gc<Self>>, right: Option<Gc<Self>>) -> Self {
        Self { left, right }
    }

    fn populated(depth: u32) -> Gc<Self> {
        grow(depth)
    }

    fn count(&self) -> u64 {
        let of = |child: &Option<Gc<Self>>| child.as_ref().map_or(0, |child| child.count());
        1 + of(&self.left) + of(&self.right)
    }
}

impl Numbered {
    fn populate(&self, depth: u32) {
        if depth > 0 {
            let (left, right) = (grow::<Self>(0), grow::<Self>(0));
            *self.left.borrow_mut() = Some(left.clone());
            *self.right.borrow_mut() = Some(right.clone());
            left.populate(depth - 1);
            right.populate(depth - 1);
        }
    }
}

impl Tree for Numbered {
    fn new(left: Option<Gc<Self>>, right: Option<Gc<Self>>) -> Self {
        Self { left: GcCell::new(left), right: GcCell::new(right), _holds: (0, 0) }
    }

    fn populated(depth: u32) -> Gc<Self> {
        let tree = grow::<Self>(0);
        tree.populate(depth);
        tree
    }

    fn count(&self) -> u64 {
        let of = |child: &Option<Gc<Self>>| child.as_ref().map_or(0, |child| child.count());
        1 + of(&self.left.borrow()) + of(&self.right.borrow())
    }
}

struct Trees<T: Tree> {
    tree: Option<Gc<T>>,
    numbers: Vec<f64>,
}

pub fn forest(nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<Fixed> { tree: None, numbers: Vec::new() }),
        Nodes::Numbered => Box::new(Trees::<Numbered> { tree: None, numbers: Vec::new() }),
    }
}

impl<T: Tree> Forest for Trees<T> {
    fn grow(&mut self, depth: u32) -> u64 {
        grow::<T>(depth).count()
    }

    fn populate(&mut self, depth: u32) -> u64 {
        T::populated(depth).count()
    }

    fn keep(&mut self, depth: u32, down: bool, numbers: usize) {
        self.tree = Some(if down { T::populated(depth) } else { grow(depth) });
        self.numbers = (0..numbers).map(|n| 1.0 / (n + 1) as f64).collect();
    }

    fn count_kept(&mut self) -> (u64, u64) {
        let numbers = self.numbers.iter().filter(|&&number| number != 0.0).count();
        (self.tree.as_ref().map_or(0, |tree| tree.count()), numbers as u64)
    }
}
