//! What happens in one turn of a random program: a look at what is there, and changes of it.

use crate::model::LINKS;
use crate::objects::{A16, A64, Any, Edge, Flat, Guard, Link, Node, OfFlat, Root, Tag, finalise};
use crate::program::Program;
use crate::{MUTATION, Mc, NO_IDENTITY, expect};
use alloc_core::gc::{Ephemeron, Gc, Lock, PinnedGc, RefLock};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long the slice is that makes most of a nursery survive.
const TABLE: usize = 400;
/// How many weak pointers and how many ephemerons a root has.
const MOST_WEAK: usize = 50;

pub struct Turn<'t, 'gc> {
    pub mc: &'t Mc<'gc>,
    pub root: &'t mut Root<'gc>,
    pub program: &'t mut Program,
    pub number: usize,
}

impl<'gc> Turn<'_, 'gc> {
    pub fn run(mut self, changes: usize, walks: bool) {
        self.compare_links();
        if walks {
            self.compare_graph();
        }
        self.look_at_saved();
        self.look_at_stash();
        if self.number % 16 < 8 && self.one_in(2) {
            self.fill_table();
        }
        for _ in 0..changes {
            self.change(changes < 100);
        }
        if self.program.options.panics && self.one_in(30) {
            panic!("{MUTATION}");
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.program.random.below(end)
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.program.random.one_in(times)
    }

    fn compare_links(&self) {
        assert_eq!(self.root.links.map(|link| link.map(Any::number)), self.program.model.links);
    }

    fn compare_graph(&self) {
        let mut seen = HashSet::new();
        let mut grey: Vec<Any<'gc>> = self.root.links.iter().flatten().copied().collect();
        while let Some(from) = grey.pop() {
            let number = from.number();
            if !seen.insert(number) {
                continue;
            }
            let expected = self.program.model.edges_of(number);
            let mut found = 0;
            for (edge, to) in from.edges().into_iter().enumerate() {
                let Some(to) = to else { continue };
                assert_eq!(expected.get(&edge), Some(&to.number()), "edge {edge} of {number}");
                found += 1;
                grey.push(to);
            }
            assert_eq!(found, expected.len(), "edges of {number}");
        }
    }

    fn look_at_saved(&mut self) {
        self.root.saved.borrow().iter().for_each(|object| object.look());
        if self.one_in(10) {
            self.root.saved.borrow_mut(self.mc).clear();
        }
    }

    fn look_at_stash(&mut self) {
        for (number, handle) in &self.program.stash {
            assert_eq!(self.mc.fetch(handle).number(), *number);
        }
        if self.one_in(10) {
            self.program.stash.clear();
        }
    }

    fn change(&mut self, huge: bool) {
        let at = self.below(LINKS);
        match self.below(16) {
            0..=4 => self.make(at, huge),
            5..=9 => self.connect_somewhere(at),
            10 => self.follow(at),
            11 => self.put(at, None),
            12 => self.refer_to(at),
            13 => self.upgrade(at),
            14 => self.take_pair(at),
            _ => self.identify(at),
        }
    }

    /// Changes one of the root's links.
    fn put(&mut self, at: usize, link: Link<'gc>) {
        self.root.links[at] = link;
        self.program.model.links[at] = link.map(Any::number);
    }

    /// Changes an edge.
    fn connect(&mut self, from: Any<'gc>, edge: usize, to: Link<'gc>, element: bool) {
        from.set(self.mc, edge, to, element);
        self.program.model.set(from.number(), edge, to.map(Any::number));
    }

    fn some_edge(&mut self, of: Any<'gc>) -> Option<usize> {
        let len = self.program.model.len_of(of.number());
        (len > 0).then(|| self.below(len))
    }

    /// A slice that is full of new objects: most of the nursery survives.
    fn fill_table(&mut self) {
        let at = self.below(LINKS);
        let number = self.program.model.number();
        let Some(table) = self.slice(number, TABLE) else { return };
        self.program.model.add(number, TABLE - 1);
        self.put(at, Some(table));
        for edge in 0..TABLE - 1 {
            if let Some(object) = self.object(false) {
                self.connect(table, edge, Some(object), edge % 3 == 0);
            }
        }
    }

    /// A new object takes a link's place, and perhaps leads to what was there.
    fn make(&mut self, at: usize, huge: bool) {
        let Some(object) = self.object(huge) else { return };
        if self.one_in(2)
            && let Some(old) = self.root.links[at]
            && let Some(edge) = self.some_edge(object)
        {
            self.connect(object, edge, Some(old), true);
        }
        self.put(at, Some(object));
    }

    /// What lies a few steps behind a link leads to what another link leads to.
    fn connect_somewhere(&mut self, at: usize) {
        let other = self.below(LINKS);
        let to = self.root.links[other];
        let steps = self.below(4);
        let Some(mut from) = self.root.links[at] else { return };
        for _ in 0..steps {
            if let Some(edge) = self.some_edge(from) {
                from = from.edge(edge).unwrap_or(from);
            }
        }
        if let Some(edge) = self.some_edge(from) {
            let element = !self.one_in(4);
            self.connect(from, edge, to, element);
        }
    }

    /// A link leads to what lies behind another.
    fn follow(&mut self, at: usize) {
        if let Some(from) = self.root.links[at]
            && let Some(edge) = self.some_edge(from)
        {
            let to = self.below(LINKS);
            self.put(to, from.edge(edge));
        }
    }

    /// A weak pointer, an ephemeron, a handle outside of the heap.
    fn refer_to(&mut self, at: usize) {
        let Some(Any::Flat(flat)) = self.root.links[at] else { return };
        let number = flat.number();
        if let Ok(weak) = flat.try_downgrade(self.mc)
            && self.root.weak.len() < MOST_WEAK
        {
            self.root.weak.push((number, weak));
        }
        let other = self.below(LINKS);
        if let Some(Any::Flat(value)) = self.root.links[other]
            && self.root.pairs.len() < MOST_WEAK
            && let Ok(pair) = Ephemeron::try_new(self.mc, flat, value)
        {
            self.root.pairs.push((number, value.number(), pair));
        }
        if self.one_in(4) {
            self.program.stash.push((number, self.mc.stash::<OfFlat>(flat)));
        }
    }

    /// A weak pointer leads to what it led to, or that is gone.
    fn upgrade(&mut self, at: usize) {
        if self.root.weak.is_empty() {
            return;
        }
        let index = self.below(self.root.weak.len());
        let (number, weak) = self.root.weak[index];
        if let Some(flat) = weak.upgrade(self.mc) {
            assert_eq!(flat.number(), number);
            self.put(at, Some(Any::Flat(flat)));
        } else {
            assert!(!self.program.model.reaches(number), "a weak pointer lost its target");
            self.root.weak.swap_remove(index);
        }
    }

    /// An ephemeron has its key and its value, or the key is gone. It gets another value, or gives its own.
    fn take_pair(&mut self, at: usize) {
        if self.root.pairs.is_empty() {
            return;
        }
        let index = self.below(self.root.pairs.len());
        let (key, value, pair) = self.root.pairs[index];
        let Some((key_there, value_there)) = pair.get(self.mc) else {
            assert!(!self.program.model.reaches(key), "an ephemeron lost its key");
            self.root.pairs.swap_remove(index);
            return;
        };
        assert_eq!((key_there.number(), value_there.number()), (key, value));
        if let Some(Any::Flat(other)) = self.root.links[at]
            && self.one_in(2)
        {
            pair.set(self.mc, other);
            self.root.pairs[index].1 = other.number();
        } else {
            self.put(at, Some(Any::Flat(value_there)));
        }
    }

    /// An identity stays. There may be no memory for it.
    fn identify(&mut self, at: usize) {
        if !self.one_in(3) || (self.program.options.fails && !self.number.is_multiple_of(4)) {
            return;
        }
        let Some(object) = self.root.links[at] else { return };
        let id = catch_unwind(AssertUnwindSafe(|| object.id(self.mc)));
        if let Some(id) = expect(id, &[NO_IDENTITY]) {
            self.program.model.identify(object.number(), id);
        }
    }

    /// A new object of any kind, unless memory is refused.
    fn object(&mut self, huge: bool) -> Link<'gc> {
        let mc = self.mc;
        let number = self.program.model.number();
        let kind = self.below(if huge { 40 } else { 36 });
        let edge = Lock::new(None);
        let (object, len) = match kind {
            0..=9 => self.node(number)?,
            10..=19 => (Any::Flat(Gc::try_new(mc, Flat::new(number)).ok()?), 1),
            20..=22 => {
                let guard = self.one_in(2).then(|| Guard::new(number));
                let object = A64 { tag: Tag::new(number), edge, guard };
                (Any::A64(Gc::try_new(mc, object).ok()?), 1)
            }
            23..=26 => {
                let object = A16 { tag: Tag::new(number), edge };
                (Any::A16(Gc::try_new(mc, object).ok()?), 1)
            }
            27..=30 => {
                let len = self.below(40);
                let tail = Gc::try_with_tail(mc, Tag::new(number), len, |_| Edge::new(None));
                (Any::Tail(tail.ok()?), len)
            }
            31 => (Any::Pinned(PinnedGc::try_new(mc, Flat::new(number)).ok()?), 1),
            _ => {
                let is_huge = kind >= 36 && self.one_in(4);
                let len = if is_huge { 6000 + self.below(40_000) } else { 1 + self.below(700) };
                (self.slice(number, len)?, len - 1)
            }
        };
        self.program.model.add(number, len);
        Some(object)
    }

    /// Some of them have a finaliser.
    fn node(&mut self, number: u64) -> Option<(Any<'gc>, usize)> {
        let len = 1 + self.below(4);
        let edges = RefLock::new(vec![None; len]);
        let node = Node { guard: Guard::new(number), edges, saved: self.root.saved };
        let node = Gc::try_new(self.mc, node).ok()?;
        if self.one_in(8) {
            _ = node.finalise_with(self.mc, |mc, node| finalise(mc, node));
        }
        Some((Any::Node(node), len))
    }

    fn slice(&self, number: u64, len: usize) -> Link<'gc> {
        let first = Gc::try_new(self.mc, Flat::new(number)).ok()?;
        let edge = |index| Lock::new((index == 0).then_some(Any::Flat(first)));
        Some(Any::Slice(Gc::try_slice(self.mc, len, edge).ok()?))
    }
}
