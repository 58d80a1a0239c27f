//! What the programs make: objects of every kind, each with a number, some of which note that they were dropped.

use crate::model::LINKS;
use crate::{Collector, DESTRUCTOR, Mc};
use alloc_core::gc::{Ephemeron, Gc, GcWeak, Heap, Id, Lock, PinnedGc, RefLock, Trace, WithTail};
use alloc_core::{Rootable, field};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::thread::panicking;

const MAGIC: u64 = 0x5bd1_e995_1234_5678;

std::thread_local! {
    static CREATED: Cell<usize> = const { Cell::new(0) };
    static DROPPED: RefCell<HashSet<u64>> = RefCell::default();
    static PANIC_AT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Which numbers, modulo 16, have a destructor that panics. One of them does.
pub fn panic_at(rest: Option<u64>) {
    PANIC_AT.set(rest);
}

/// For a program that begins.
pub fn reset() {
    CREATED.set(0);
    DROPPED.with_borrow_mut(HashSet::clear);
    panic_at(None);
}

/// For a program that has ended.
pub fn assert_all_dropped() {
    assert_eq!(CREATED.get(), DROPPED.with_borrow(HashSet::len), "a destructor did not run");
}

/// A number, and whether it is one.
#[derive(Trace)]
#[trace(leaf)]
pub struct Tag {
    number: u64,
    check: u64,
}

impl Tag {
    pub fn new(number: u64) -> Self {
        Self { number, check: number ^ MAGIC }
    }

    pub fn number(&self) -> u64 {
        assert_eq!(self.check, self.number ^ MAGIC, "not an object any more");
        self.number
    }
}

/// Notes its number when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
pub struct Guard(Tag);

impl Guard {
    pub fn new(number: u64) -> Self {
        CREATED.set(CREATED.get() + 1);
        Self(Tag::new(number))
    }

    pub fn number(&self) -> u64 {
        let number = self.0.number();
        assert!(!DROPPED.with_borrow(|all| all.contains(&number)), "{number} is dropped, and used");
        number
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let number = self.0.number();
        let is_first = DROPPED.with_borrow_mut(|all| all.insert(number));
        assert!(is_first || panicking(), "{number} is dropped twice");
        if PANIC_AT.get() == Some(number % 16) && !panicking() {
            panic_at(None);
            panic!("{DESTRUCTOR}");
        }
    }
}

pub type Link<'gc> = Option<Any<'gc>>;
pub type Edge<'gc> = Lock<Link<'gc>>;
/// Where objects go when their finalisers run.
pub type Saved<'gc> = Gc<'gc, RefLock<Vec<Any<'gc>>>>;

#[derive(Trace)]
pub struct Node<'gc> {
    pub guard: Guard,
    pub edges: RefLock<Vec<Link<'gc>>>,
    pub saved: Saved<'gc>,
}

#[derive(Trace)]
pub struct Flat<'gc> {
    tag: Tag,
    edge: Edge<'gc>,
    filling: [u64; 3],
}

impl Flat<'_> {
    pub fn new(number: u64) -> Self {
        Self { tag: Tag::new(number), edge: Lock::new(None), filling: [number; 3] }
    }

    pub fn number(&self) -> u64 {
        let number = self.tag.number();
        assert_eq!(self.filling, [number; 3]);
        number
    }
}

#[derive(Trace)]
#[repr(align(16))]
pub struct A16<'gc> {
    pub tag: Tag,
    pub edge: Edge<'gc>,
}

#[derive(Trace)]
#[repr(align(64))]
pub struct A64<'gc> {
    pub tag: Tag,
    pub edge: Edge<'gc>,
    pub guard: Option<Guard>,
}

impl A64<'_> {
    fn number(&self) -> u64 {
        let number = self.tag.number();
        assert!(self.guard.as_ref().is_none_or(|guard| guard.number() == number));
        number
    }
}

#[derive(Trace, Clone, Copy)]
pub enum Any<'gc> {
    Node(Gc<'gc, Node<'gc>>),
    Flat(Gc<'gc, Flat<'gc>>),
    A16(Gc<'gc, A16<'gc>>),
    A64(Gc<'gc, A64<'gc>>),
    /// Its first element leads to a `Flat` with its number.
    Slice(Gc<'gc, [Edge<'gc>]>),
    Tail(Gc<'gc, WithTail<Tag, [Edge<'gc>]>>),
    Pinned(PinnedGc<'gc, Flat<'gc>>),
}

impl<'gc> Any<'gc> {
    pub fn number(self) -> u64 {
        match self {
            Self::Node(of) => of.guard.number(),
            Self::Flat(of) => of.number(),
            Self::A16(of) => of.tag.number(),
            Self::A64(of) => of.number(),
            Self::Slice(of) => of[0].get().expect("what has its number").number(),
            Self::Tail(of) => of.head.number(),
            Self::Pinned(of) => of.number(),
        }
    }

    pub fn id(self, mc: &Mc<'gc>) -> Id {
        match self {
            Self::Node(of) => of.id(mc),
            Self::Flat(of) => of.id(mc),
            Self::A16(of) => of.id(mc),
            Self::A64(of) => of.id(mc),
            Self::Slice(of) => of.id(mc),
            Self::Tail(of) => of.id(mc),
            Self::Pinned(of) => of.as_gc().id(mc),
        }
    }

    pub fn edges(self) -> Vec<Link<'gc>> {
        match self {
            Self::Node(of) => of.edges.borrow().clone(),
            Self::Flat(of) => vec![of.edge.get()],
            Self::A16(of) => vec![of.edge.get()],
            Self::A64(of) => vec![of.edge.get()],
            Self::Slice(of) => of[1..].iter().map(Lock::get).collect(),
            Self::Tail(of) => of.tail.iter().map(Lock::get).collect(),
            Self::Pinned(of) => vec![of.edge.get()],
        }
    }

    pub fn edge(self, edge: usize) -> Link<'gc> {
        match self {
            Self::Slice(of) => of[1 + edge].get(),
            Self::Tail(of) => of.tail[edge].get(),
            _ => self.edges()[edge],
        }
    }

    /// Changes an edge. Of a slice, either the element alone is written, or the whole is.
    pub fn set(self, mc: &Mc<'gc>, edge: usize, to: Link<'gc>, element: bool) {
        match self {
            Self::Node(of) => field!(of.write(mc), Node, edges).borrow_mut()[edge] = to,
            Self::Flat(of) => field!(of.write(mc), Flat, edge).set(to),
            Self::A16(of) => field!(of.write(mc), A16, edge).set(to),
            Self::A64(of) => field!(of.write(mc), A64, edge).set(to),
            Self::Slice(of) if element => of.write_at(mc, 1 + edge).set(to),
            Self::Slice(of) => of.write(mc)[1 + edge].set(to),
            Self::Tail(of) => field!(of.write(mc), WithTail, tail)[edge].set(to),
            Self::Pinned(of) => field!(of.as_gc().write(mc), Flat, edge).set(to),
        }
    }

    /// The object and what its edges lead to are there.
    pub fn look(self) {
        self.number();
        self.edges().into_iter().flatten().for_each(|to| _ = to.number());
    }
}

/// Finds all that its edges lead to. Half of them go where they are found again, a quarter to be finalised once more.
pub fn finalise<'gc>(mc: &Mc<'gc>, node: Gc<'gc, Node<'gc>>) {
    Any::Node(node).look();
    let number = node.guard.number();
    if number.is_multiple_of(2) {
        node.saved.borrow_mut(mc).push(Any::Node(node));
    }
    if number.is_multiple_of(4) {
        _ = node.finalise_with(mc, |_, node| _ = node.guard.number());
    }
}

#[derive(Trace)]
pub struct Root<'gc> {
    pub links: [Link<'gc>; LINKS],
    pub saved: Saved<'gc>,
    /// Beside the numbers of what they lead to.
    pub weak: Vec<(u64, GcWeak<'gc, Flat<'gc>>)>,
    pub pairs: Vec<(u64, u64, Ephemeron<'gc, Flat<'gc>, Flat<'gc>>)>,
}

Rootable!(pub type Roots<'gc> = Root<'gc>);
Rootable!(pub type OfFlat<'gc> = Flat<'gc>);

pub fn heap(collector: Collector) -> Heap<Collector, Roots> {
    Heap::new(collector, |mc| Root {
        links: [None; LINKS],
        saved: Gc::new(mc, RefLock::default()),
        weak: Vec::new(),
        pairs: Vec::new(),
    })
}
