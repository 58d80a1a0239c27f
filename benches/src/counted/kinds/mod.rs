//! What counts pointers: std, rc-cycle and their peers, behind one trait.
//!
//! Above: the programs, each written once. In `values`: the macro that makes the values' types, once for each kind, as
//! each has a derive macro of its own. In the other files: a kind each.

#[macro_use]
mod values;
mod arc;
mod bacon_rajan;
mod dumpster_sync;
mod dumpster_unsync;
mod local;
mod rc;
mod rust_cc;
mod shared;

pub(super) use arc::Arc;
pub(super) use bacon_rajan::BaconRajan;
pub(super) use dumpster_sync::DumpsterSync;
pub(super) use dumpster_unsync::DumpsterUnsync;
pub(super) use local::Local;
pub(super) use rc::Rc;
pub(super) use rust_cc::RustCc;
pub(super) use shared::Shared;

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

/// A kind's values, and its pointers to them.
pub(super) trait Values: 'static {
    /// To a number, which cannot be part of a cycle.
    type Leaf: Clone;
    /// To a node with two children or none, which do not change.
    type Tree;
    /// To an element of a doubly linked list.
    type Link: Clone;
    /// To a number, with two pointers that change.
    type Node: Clone;

    fn leaf(number: u64) -> Self::Leaf;
    fn read(leaf: &Self::Leaf) -> u64;

    fn tree(children: Option<[Self::Tree; 2]>) -> Self::Tree;
    fn children(tree: &Self::Tree) -> Option<&[Self::Tree; 2]>;

    /// An element that points back at `before`.
    fn link(number: u64, before: Option<&Self::Link>) -> Self::Link;
    fn follow(link: &Self::Link, next: Self::Link);
    fn number(link: &Self::Link) -> u64;
    fn next(link: &Self::Link) -> Option<Self::Link>;
    fn before(link: &Self::Link) -> Option<Self::Link>;

    fn node(number: u64, to: [Option<Self::Node>; 2]) -> Self::Node;
    fn value(node: &Self::Node) -> u64;
    fn edge(node: &Self::Node, at: usize) -> Option<Self::Node>;
    fn rewire(node: &Self::Node, at: usize, to: Option<Self::Node>);
}

/// How a kind frees cycles, apart from what it does by itself.
pub(super) trait Counted: Values {
    /// What its user has to call from time to time.
    fn tend() {}
    /// Frees all that can be freed now.
    fn collect();
}

/// A pointer that leads back: weak, where cycles would leak.
trait Back<P>: Default {
    fn to(pointer: &P) -> Self;
    fn get(&self) -> Option<P>;
}

impl<P: Clone> Back<P> for Option<P> {
    fn to(pointer: &P) -> Self {
        Some(pointer.clone())
    }
    fn get(&self) -> Option<P> {
        self.clone()
    }
}

/// What can be changed behind a shared pointer.
trait Room<T> {
    fn open<R>(&self, act: impl FnOnce(&mut T) -> R) -> R;
}

impl<T> Room<T> for RefCell<T> {
    #[inline]
    fn open<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.borrow_mut())
    }
}

impl<T> Room<T> for Mutex<T> {
    #[inline]
    fn open<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
