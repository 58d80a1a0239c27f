//! bdwgc, the conservative collector for C: the programs with pointers of their own, and nobody who frees.
//!
//! Above: `contestants`. Below: `api.rs`, the library, which is loaded when it is there.
//!
//! The collector looks at the stacks of threads that it knows, and at what it gave out itself. So tables
//! lie in memory of its own that it never takes back, and lead to all else.

mod api;
mod cache;
mod graph;

pub(super) use api::{is_here, prepare};
pub(super) use cache::cache;
pub(super) use graph::graph;

use super::text::weight;
use super::{Forest, Nodes, TextStep, Texts};
use std::ptr;

struct Tree<T> {
    left: *mut Tree<T>,
    right: *mut Tree<T>,
    /// Space, as in the other systems.
    _holds: T,
}

/// What is kept: a table of two entries.
struct Trees<T> {
    kept: *mut *mut Tree<T>,
    numbers: *mut f64,
    length: usize,
}

pub(super) fn forest(nodes: Nodes) -> Box<dyn Forest> {
    match nodes {
        Nodes::Bare => Box::new(Trees::<()>::new()),
        Nodes::Numbered => Box::new(Trees::<(i64, i64)>::new()),
    }
}

fn bare<T: Default>() -> *mut Tree<T> {
    api::object(Tree { left: ptr::null_mut(), right: ptr::null_mut(), _holds: T::default() })
}

fn grow<T: Default>(depth: u32) -> *mut Tree<T> {
    let child = || if depth > 0 { grow(depth - 1) } else { ptr::null_mut() };
    api::object(Tree { left: child(), right: child(), _holds: T::default() })
}

/// # Safety
///
/// The node was made by `bare`, and is reachable.
unsafe fn populate<T: Default>(node: *mut Tree<T>, depth: u32) {
    if depth > 0 {
        // SAFETY: the caller's; the children are reachable from the node.
        unsafe {
            (*node).left = bare();
            (*node).right = bare();
            populate((*node).left, depth - 1);
            populate((*node).right, depth - 1);
        }
    }
}

/// # Safety
///
/// The tree was made here, and is reachable.
unsafe fn count<T>(tree: *const Tree<T>) -> u64 {
    if tree.is_null() {
        return 0;
    }
    // SAFETY: the caller's; children are reachable from the node.
    unsafe { 1 + count((*tree).left) + count((*tree).right) }
}

impl<T> Trees<T> {
    fn new() -> Self {
        Self { kept: api::table(2), numbers: ptr::null_mut(), length: 0 }
    }
}

impl<T: Default> Forest for Trees<T> {
    fn grow(&mut self, depth: u32) -> u64 {
        // SAFETY: made here, and on the stack.
        unsafe { count(grow::<T>(depth)) }
    }

    fn populate(&mut self, depth: u32) -> u64 {
        let tree = bare::<T>();
        // SAFETY: made here, and on the stack.
        unsafe {
            populate(tree, depth);
            count(tree)
        }
    }

    fn keep(&mut self, depth: u32, down: bool, numbers: usize) {
        // SAFETY: the table has two entries; what is made here is on the stack until it is in there.
        unsafe {
            if down {
                *self.kept = bare();
                populate(*self.kept, depth);
            } else {
                *self.kept = grow(depth);
            }
            self.numbers = api::bytes(numbers.max(1) * size_of::<f64>()).cast();
            *self.kept.add(1) = self.numbers.cast();
            (0..numbers).for_each(|n| self.numbers.add(n).write(1.0 / (n + 1) as f64));
        }
        self.length = numbers;
    }

    fn count_kept(&mut self) -> (u64, u64) {
        // SAFETY: `keep` made both, and the table leads to them.
        unsafe {
            let numbers = (0..self.length).filter(|&n| *self.numbers.add(n) != 0.0).count();
            (count(*self.kept), numbers as u64)
        }
    }
}

/// A string: its length, and the bytes behind it. Its memory is not looked at.
#[repr(C)]
struct Text {
    length: usize,
}

fn text(of: &str) -> *mut Text {
    let memory: *mut Text = api::bytes(size_of::<Text>() + of.len()).cast();
    // SAFETY: there is room for both.
    unsafe {
        memory.write(Text { length: of.len() });
        memory.add(1).cast::<u8>().copy_from_nonoverlapping(of.as_ptr(), of.len());
    }
    memory
}

/// # Safety
///
/// The text was made by `text`, and is reachable for as long.
unsafe fn read<'t>(text: *const Text) -> &'t str {
    // SAFETY: the caller's; the bytes were those of a string.
    unsafe {
        let bytes = std::slice::from_raw_parts(text.add(1).cast(), (*text).length);
        std::str::from_utf8_unchecked(bytes)
    }
}

struct Table {
    texts: *mut *mut Text,
    count: usize,
}

pub(super) fn texts(count: usize) -> Box<dyn Texts> {
    let (texts, empty) = (api::table::<Text>(count), text(""));
    // SAFETY: the table has so many entries.
    (0..count).for_each(|n| unsafe { texts.add(n).write(empty) });
    Box::new(Table { texts, count })
}

impl Texts for Table {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        for step in steps {
            // SAFETY: entries are below the count; the table leads to its strings, and `scratch` has a
            // copy when an entry changes.
            unsafe {
                step.build(|n| read(*self.texts.add(n)), scratch);
                *self.texts.add(step.to()) = text(scratch);
            }
        }
    }

    fn sum(&mut self) -> u64 {
        // SAFETY: as in `serve`.
        let of = |n| weight(unsafe { read(*self.texts.add(n)) });
        (0..self.count).map(of).fold(0, u64::wrapping_add)
    }
}
