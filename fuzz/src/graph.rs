//! A program on a collector: a graph of objects beside a model of it.
//!
//! Above: the targets of the collectors. Below: `Heap` and the handles of alloc-core, over any collector.
//! Between two mutations the collector does what the program says; in each mutation everything that the root leads to is
//! compared with the model. Not here: threads, which no input of a fuzzer could play again.

use alloc_core::gc::{
    Collector, DynamicRoot, Ephemeron, Gc, GcWeak, Heap, Lock, Mutation, RefLock, Trace,
};
use alloc_core::{Rootable, field};
use arbitrary::Arbitrary;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

const LINKS: usize = 8;
/// How many weak pointers, ephemerons and handles there are at a time, at most.
const MOST_WATCHED: usize = 20;
/// How many edges a program makes, at most: all are compared again and again.
const MOST_EDGES: usize = 4000;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Op {
    Flat {
        at: u8,
    },
    /// With a destructor.
    List {
        at: u8,
        len: u8,
    },
    Slice {
        at: u8,
        len: u16,
    },
    /// What a link leads to leads to what another one does.
    Connect {
        from: u8,
        edge: u16,
        to: u8,
    },
    Follow {
        from: u8,
        edge: u16,
        at: u8,
    },
    Clear {
        at: u8,
    },
    Weak {
        at: u8,
    },
    Upgrade {
        which: u8,
        at: u8,
    },
    Pair {
        key: u8,
        value: u8,
    },
    TakePair {
        which: u8,
        at: u8,
    },
    Stash {
        at: u8,
    },
    Fetch {
        which: u8,
        at: u8,
    },
}

/// What happens between two mutations.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Between {
    Nothing,
    Collect,
    Some {
        budget_bytes: u16,
    },
    Inspect,
    /// What this collector alone offers.
    Own(u8),
}

/// Mutations, and what comes behind each.
pub type Turns = Vec<(Vec<Op>, Between)>;

#[derive(Trace)]
#[trace(leaf)]
struct Tag(u64, u64);

impl Tag {
    fn new(number: usize) -> Self {
        Self(number as u64, !(number as u64))
    }

    fn number(&self) -> usize {
        assert_eq!(self.0, !self.1, "not an object any more");
        self.0 as usize
    }
}

/// One of those with a destructor.
#[derive(Trace)]
#[trace(leaf)]
struct Guard(Tag, Rc<Cell<usize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.number();
        self.1.set(self.1.get().checked_sub(1).expect("a destructor ran twice"));
    }
}

#[derive(Trace)]
struct Flat<'gc> {
    tag: Tag,
    edge: Lock<Link<'gc>>,
    filling: [u64; 3],
}

#[derive(Trace)]
struct List<'gc> {
    guard: Guard,
    edges: RefLock<Vec<Link<'gc>>>,
}

type Link<'gc> = Option<Any<'gc>>;

#[derive(Trace, Clone, Copy)]
enum Any<'gc> {
    Flat(Gc<'gc, Flat<'gc>>),
    List(Gc<'gc, List<'gc>>),
    /// Its first element leads to a `Flat` with its number.
    Slice(Gc<'gc, [Lock<Link<'gc>>]>),
}

impl<'gc> Any<'gc> {
    fn number(self) -> usize {
        match self {
            Self::Flat(of) => {
                let number = of.tag.number();
                assert_eq!(of.filling, [number as u64; 3], "contents were lost");
                number
            }
            Self::List(of) => of.guard.0.number(),
            Self::Slice(of) => of[0].get().expect("what has its number").number(),
        }
    }

    fn edges(self) -> Vec<Link<'gc>> {
        match self {
            Self::Flat(of) => vec![of.edge.get()],
            Self::List(of) => of.edges.borrow().clone(),
            Self::Slice(of) => of[1..].iter().map(Lock::get).collect(),
        }
    }

    fn set<C: Collector>(self, mc: &Mutation<'gc, C>, edge: usize, to: Link<'gc>) {
        match self {
            Self::Flat(of) => field!(of.write(mc), Flat, edge).set(to),
            Self::List(of) => field!(of.write(mc), List, edges).borrow_mut()[edge] = to,
            Self::Slice(of) if edge.is_multiple_of(2) => of.write_at(mc, 1 + edge).set(to),
            Self::Slice(of) => of.write(mc)[1 + edge].set(to),
        }
    }
}

#[derive(Trace)]
struct Root<'gc> {
    links: [Link<'gc>; LINKS],
    weak: Vec<(usize, GcWeak<'gc, Flat<'gc>>)>,
    pairs: Vec<(usize, usize, Ephemeron<'gc, Flat<'gc>, Flat<'gc>>)>,
}

Rootable!(type Roots<'gc> = Root<'gc>);
Rootable!(type OfFlat<'gc> = Flat<'gc>);

/// What should be in the heap, and what the program has outside of it.
#[derive(Default)]
struct Model {
    links: [Option<usize>; LINKS],
    edges: Vec<Vec<Option<usize>>>,
    /// Which are of those with a destructor.
    lists: BTreeSet<usize>,
    edge_count: usize,
    stash: Vec<(usize, DynamicRoot<OfFlat>)>,
    guards: Rc<Cell<usize>>,
}

impl Model {
    fn reached(&self) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let stashed = self.stash.iter().map(|(number, _)| *number);
        let mut grey: Vec<usize> = self.links.iter().flatten().copied().chain(stashed).collect();
        while let Some(number) = grey.pop() {
            if reached.insert(number) {
                grey.extend(self.edges[number].iter().flatten());
            }
        }
        reached
    }

    /// What is reached, with the values of ephemerons whose keys are.
    fn reached_with(&self, pairs: &[(usize, usize)]) -> BTreeSet<usize> {
        let mut reached = self.reached();
        loop {
            let is_new =
                |(key, value): &&(usize, usize)| reached.contains(key) && !reached.contains(value);
            let Some((_, value)) = pairs.iter().find(is_new) else { return reached };
            let mut grey = vec![*value];
            while let Some(number) = grey.pop() {
                if reached.insert(number) {
                    grey.extend(self.edges[number].iter().flatten());
                }
            }
        }
    }
}

struct Turn<'t, 'gc, C: Collector> {
    mc: &'gc Mutation<'gc, C>,
    root: &'t mut Root<'gc>,
    model: &'t mut Model,
}

impl<'gc, C: Collector> Turn<'_, 'gc, C> {
    /// Everything that the root leads to is what the model says.
    fn compare(&self) {
        let numbers = self.root.links.map(|link| link.map(Any::number));
        assert_eq!(numbers, self.model.links);
        let mut seen = BTreeSet::new();
        let mut grey: Vec<Any<'gc>> = self.root.links.iter().flatten().copied().collect();
        grey.extend(self.model.stash.iter().map(|(number, handle)| {
            let flat = Any::Flat(self.mc.fetch(handle));
            assert_eq!(flat.number(), *number);
            flat
        }));
        while let Some(from) = grey.pop() {
            if seen.insert(from.number()) {
                let edges = from.edges();
                let numbers: Vec<_> = edges.iter().map(|to| to.map(Any::number)).collect();
                assert_eq!(numbers, self.model.edges[from.number()]);
                grey.extend(edges.into_iter().flatten());
            }
        }
        let reached = self.reached();
        for (number, weak) in &self.root.weak {
            assert!(!weak.is_dead() || !reached.contains(number), "a weak pointer lost its target");
        }
    }

    /// What the model says is alive: what is reached, with the values of ephemerons whose keys are.
    fn reached(&self) -> BTreeSet<usize> {
        let pairs: Vec<_> = self.root.pairs.iter().map(|(key, value, _)| (*key, *value)).collect();
        self.model.reached_with(&pairs)
    }

    fn put(&mut self, at: u8, link: Link<'gc>) {
        let at = usize::from(at) % LINKS;
        self.root.links[at] = link;
        self.model.links[at] = link.map(Any::number);
    }

    fn link(&self, at: u8) -> Link<'gc> {
        self.root.links[usize::from(at) % LINKS]
    }

    fn flat(&self, at: u8) -> Option<Gc<'gc, Flat<'gc>>> {
        if let Some(Any::Flat(flat)) = self.link(at) { Some(flat) } else { None }
    }

    fn edge_of(&self, any: Any<'gc>, edge: u16) -> Option<usize> {
        usize::from(edge).checked_rem(self.model.edges[any.number()].len())
    }

    fn make(&mut self, op: Op) -> Option<()> {
        if self.model.edge_count > MOST_EDGES {
            return None;
        }
        let number = self.model.edges.len();
        let flat = |edge| {
            let flat =
                Flat { tag: Tag::new(number), edge: Lock::new(edge), filling: [number as u64; 3] };
            Gc::try_new(self.mc, flat).ok()
        };
        let (at, any, edges) = match op {
            Op::Flat { at } => {
                let before = self.link(at);
                (at, Any::Flat(flat(before)?), vec![before.map(Any::number)])
            }
            Op::List { at, len } => {
                let len = usize::from(len) % 9;
                self.model.guards.set(self.model.guards.get() + 1);
                let guard = Guard(Tag::new(number), self.model.guards.clone());
                let list = List { guard, edges: RefLock::new(vec![None; len]) };
                let any = Any::List(Gc::try_new(self.mc, list).ok()?);
                self.model.lists.insert(number);
                (at, any, vec![None; len])
            }
            Op::Slice { at, len } => {
                let len = 1 + usize::from(len) % 700;
                let first = flat(None)?;
                let edge = |index| Lock::new((index == 0).then_some(Any::Flat(first)));
                (at, Any::Slice(Gc::try_slice(self.mc, len, edge).ok()?), vec![None; len - 1])
            }
            _ => return None,
        };
        self.model.edge_count += edges.len() + 1;
        self.model.edges.push(edges);
        self.put(at, Some(any));
        Some(())
    }

    fn change(&mut self, op: Op) -> Option<()> {
        match op {
            Op::Connect { from, edge, to } => {
                let (from, to) = (self.link(from)?, self.link(to));
                let edge = self.edge_of(from, edge)?;
                from.set(self.mc, edge, to);
                self.model.edges[from.number()][edge] = to.map(Any::number);
            }
            Op::Follow { from, edge, at } => {
                let from = self.link(from)?;
                let to = from.edges()[self.edge_of(from, edge)?];
                self.put(at, to);
            }
            Op::Clear { at } => self.put(at, None),
            Op::Weak { at } if self.root.weak.len() < MOST_WATCHED => {
                let flat = self.flat(at)?;
                self.root.weak.push((flat.tag.number(), flat.try_downgrade(self.mc).ok()?));
            }
            Op::Upgrade { which, at } => {
                let which = usize::from(which).checked_rem(self.root.weak.len())?;
                let (number, weak) = self.root.weak[which];
                match weak.upgrade(self.mc) {
                    Some(flat) => {
                        assert_eq!(flat.tag.number(), number);
                        self.put(at, Some(Any::Flat(flat)));
                    }
                    None => _ = self.root.weak.swap_remove(which),
                }
            }
            Op::Pair { key, value } if self.root.pairs.len() < MOST_WATCHED => {
                let (key, value) = (self.flat(key)?, self.flat(value)?);
                let pair = Ephemeron::try_new(self.mc, key, value).ok()?;
                self.root.pairs.push((key.tag.number(), value.tag.number(), pair));
            }
            Op::TakePair { which, at } => {
                let which = usize::from(which).checked_rem(self.root.pairs.len())?;
                let (key, value, pair) = self.root.pairs[which];
                let Some((key_there, value_there)) = pair.get(self.mc) else {
                    assert!(!self.model.reached().contains(&key), "an ephemeron lost its key");
                    self.root.pairs.swap_remove(which);
                    return None;
                };
                assert_eq!((key_there.tag.number(), value_there.tag.number()), (key, value));
                self.put(at, Some(Any::Flat(value_there)));
            }
            Op::Stash { at } if self.model.stash.len() < MOST_WATCHED => {
                let flat = self.flat(at)?;
                self.model.stash.push((flat.tag.number(), self.mc.stash::<OfFlat>(flat)));
            }
            Op::Fetch { which, at } => {
                let which = usize::from(which).checked_rem(self.model.stash.len())?;
                let (_, handle) = self.model.stash.swap_remove(which);
                let flat = self.mc.fetch(&handle);
                self.put(at, Some(Any::Flat(flat)));
            }
            _ => {}
        }
        Some(())
    }
}

/// Plays turns on a collector. `own` does what this collector alone offers.
pub fn play<C: Collector>(collector: C, turns: &Turns, own: impl Fn(&C, u8)) {
    let mut model = Model::default();
    let guards = model.guards.clone();
    let mut heap = Heap::<C, Roots>::new(collector, |_| Root {
        links: [None; LINKS],
        weak: Vec::new(),
        pairs: Vec::new(),
    });
    for (ops, between) in turns {
        heap.mutate_root(|mc, root| {
            let mut turn = Turn { mc, root, model: &mut model };
            turn.compare();
            for op in ops {
                if matches!(op, Op::Flat { .. } | Op::List { .. } | Op::Slice { .. }) {
                    turn.make(*op);
                } else {
                    turn.change(*op);
                }
            }
            turn.compare();
        });
        match *between {
            Between::Nothing => {}
            Between::Collect => heap.collect(),
            Between::Some { budget_bytes } => heap.collect_some(budget_bytes.into()),
            Between::Inspect => heap.inspect(|_| ()),
            Between::Own(what) => own(heap.collector(), what),
        }
    }
    // What is left in the end is what is reached, to the object: by weak pointers, and by destructors.
    heap.collect();
    heap.mutate_root(|mc, root| {
        let turn = Turn { mc, root, model: &mut model };
        turn.compare();
        let reached = turn.reached();
        for (number, weak) in &turn.root.weak {
            assert!(weak.is_dead() || reached.contains(number), "a dead object is there");
        }
        root.pairs.clear();
    });
    heap.collect();
    heap.inspect(|_| ());
    let reached = model.reached();
    assert_eq!(
        guards.get(),
        model.lists.intersection(&reached).count(),
        "a destructor did not run"
    );
    drop(model);
    drop(heap);
    assert_eq!(guards.get(), 0, "a destructor did not run");
}
