//! Keys with pointers in them could not be rewritten.

use alloc_core::gc::*;

use indexmap::{IndexMap, IndexSet};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

#[derive(Trace)]
struct Node<'gc> {
    map: HashMap<Gc<'gc, str>, u8>,
}

#[derive(Trace)]
struct Inside<'gc> {
    map: RefLock<Vec<BTreeMap<(u8, Option<Gc<'gc, str>>), Gc<'gc, u8>>>>,
}

#[derive(Trace)]
enum Ordered<'gc> {
    Set(u8, Box<BTreeSet<Gc<'gc, str>>>),
}

#[derive(Trace)]
struct Hashed<'gc>(HashSet<Node<'gc>>);

#[derive(Trace)]
struct Path<'gc>(hashbrown::HashMap<Gc<'gc, str>, u8, std::hash::RandomState>);

#[derive(Trace)]
struct Rows<'gc>(IndexMap<Gc<'gc, str>, u8>);

#[derive(Trace)]
struct Names<'gc>(IndexSet<Gc<'gc, str>>);

#[derive(Trace)]
struct Queue<'gc>(BinaryHeap<Gc<'gc, str>>);

fn main() {}
