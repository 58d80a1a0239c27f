//! Review: random programs against a model.
#![cfg(not(loom))]
#![allow(missing_docs, dead_code)]
use alloc_core::api2::alloc::Global;
use alloc_core::gc::*;
use alloc_core::{Failing, Rootable, Schedule, field};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

const MAGIC: u64 = 0x5bd1_e995_1234_5678;
std::thread_local! {
    static DROPPED: RefCell<HashSet<u64>> = RefCell::default();
    static CREATED: Cell<usize> = const { Cell::new(0) };
    static PANIC_AT: Cell<u64> = const { Cell::new(u64::MAX) };
    static FINALISED: RefCell<Vec<u64>> = RefCell::default();
}
struct Tag {
    id: u64,
    check: u64,
}
impl Tag {
    fn new(id: u64) -> Self {
        Tag { id, check: id ^ MAGIC }
    }
    fn get(&self) -> u64 {
        assert_eq!(self.check, self.id ^ MAGIC, "not an object any more");
        self.id
    }
}
struct Guard(Tag);
impl Guard {
    fn new(id: u64) -> Self {
        CREATED.set(CREATED.get() + 1);
        Guard(Tag::new(id))
    }
}
impl Drop for Guard {
    fn drop(&mut self) {
        let id = self.0.get();
        assert!(
            DROPPED.with_borrow_mut(|d| d.insert(id)) || std::thread::panicking(),
            "dropped twice"
        );
        if PANIC_AT.get() != u64::MAX && id % 16 == PANIC_AT.get() && !std::thread::panicking() {
            PANIC_AT.set(u64::MAX);
            panic!("a destructor");
        }
    }
}
macro_rules! leaf { ($($t:ty),*) => {$(
    // SAFETY: no pointers.
    unsafe impl<'gc> Trace<'gc> for $t {
        const NEEDS_TRACE: bool = false;
        const SENDS: bool = true;
        fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
        fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
    })*};
}
leaf!(Tag, Guard);

#[derive(Trace, Clone, Copy)]
enum P<'gc> {
    N(Gc<'gc, Node<'gc>>),
    F(Gc<'gc, Flat<'gc>>),
    W(Gc<'gc, Wide<'gc>>),
    M(Gc<'gc, Mid<'gc>>),
    S(Gc<'gc, [Lock<Option<P<'gc>>>]>),
    T(Gc<'gc, WithTail<Tag, [Lock<Option<P<'gc>>>]>>),
    Pin(PinnedGc<'gc, Flat<'gc>>),
}
type Slot<'gc> = Lock<Option<P<'gc>>>;
#[derive(Trace)]
struct Node<'gc> {
    guard: Guard,
    edges: RefLock<Vec<Option<P<'gc>>>>,
    saved: Gc<'gc, RefLock<Vec<P<'gc>>>>,
}
#[derive(Trace)]
struct Flat<'gc> {
    tag: Tag,
    a: Slot<'gc>,
    pad: [u64; 3],
}
#[derive(Trace)]
#[repr(align(64))]
struct Wide<'gc> {
    tag: Tag,
    a: Slot<'gc>,
    guard: Option<Guard>,
}
#[derive(Trace)]
#[repr(align(16))]
struct Mid<'gc> {
    tag: Tag,
    a: Slot<'gc>,
}
#[derive(Trace)]
struct Root<'gc> {
    slots: Vec<Option<P<'gc>>>,
    saved: Gc<'gc, RefLock<Vec<P<'gc>>>>,
    weak: Vec<(u64, GcWeak<'gc, Flat<'gc>>)>,
    pairs: Vec<(u64, u64, Ephemeron<'gc, Flat<'gc>, Flat<'gc>>)>,
}
Rootable!(type Roots<'gc> = Root<'gc>);
Rootable!(type OfFlat<'gc> = Flat<'gc>);

impl<'gc> P<'gc> {
    fn id(self) -> u64 {
        match self {
            P::N(o) => {
                let id = o.guard.0.get();
                assert!(!DROPPED.with_borrow(|d| d.contains(&id)), "dropped, and reachable");
                id
            }
            P::F(o) => o.tag.get(),
            P::W(o) => o.tag.get(),
            P::M(o) => o.tag.get(),
            P::S(o) => o[0].get().unwrap().id(),
            P::T(o) => o.head.get(),
            P::Pin(o) => o.tag.get(),
        }
    }
    fn number<C: Collector>(self, mc: &Mutation<'gc, C>) -> Id {
        match self {
            P::N(o) => o.id(mc),
            P::F(o) => o.id(mc),
            P::W(o) => o.id(mc),
            P::M(o) => o.id(mc),
            P::S(o) => o.id(mc),
            P::T(o) => o.id(mc),
            P::Pin(o) => o.as_gc().id(mc),
        }
    }
    fn edges(self) -> Vec<Option<P<'gc>>> {
        match self {
            P::N(o) => o.edges.borrow().clone(),
            P::F(o) => vec![o.a.get()],
            P::W(o) => vec![o.a.get()],
            P::M(o) => vec![o.a.get()],
            P::S(o) => o[1..].iter().map(Lock::get).collect(),
            P::T(o) => o.tail.iter().map(Lock::get).collect(),
            P::Pin(o) => vec![o.a.get()],
        }
    }
    fn edge(self, at: usize) -> Option<P<'gc>> {
        match self {
            P::S(o) => o[1 + at].get(),
            P::T(o) => o.tail[at].get(),
            _ => self.edges()[at],
        }
    }
    fn set<C: Collector>(self, mc: &Mutation<'gc, C>, at: usize, to: Option<P<'gc>>, part: bool) {
        match self {
            P::N(o) => field!(o.write(mc), Node, edges).borrow_mut()[at] = to,
            P::F(o) => field!(o.write(mc), Flat, a).set(to),
            P::W(o) => field!(o.write(mc), Wide, a).set(to),
            P::M(o) => field!(o.write(mc), Mid, a).set(to),
            P::S(o) if part => o.write_at(mc, 1 + at).set(to),
            P::S(o) => o.write(mc)[1 + at].set(to),
            P::T(o) => field!(o.write(mc), WithTail, tail)[at].set(to),
            P::Pin(o) => field!(o.as_gc().write(mc), Flat, a).set(to),
        }
    }
}
struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }
}
const SLOTS: usize = 24;
#[derive(Default)]
struct Model {
    edges: HashMap<u64, HashMap<usize, u64>>,
    len: HashMap<u64, usize>,
    roots: Vec<Option<u64>>,
    ids: HashMap<u64, Id>,
    next: u64,
}
fn make<'gc, C: Collector>(
    mc: &Mutation<'gc, C>,
    saved: Gc<'gc, RefLock<Vec<P<'gc>>>>,
    m: &mut Model,
    r: &mut Rng,
    huge: bool,
) -> Option<P<'gc>> {
    let id = m.next;
    m.next += 1;
    let none = || Lock::new(None);
    let kind = r.below(if huge { 40 } else { 36 });
    let (p, len) = match kind {
        0..=9 => {
            let len = 1 + r.below(4);
            let node = Node { guard: Guard::new(id), edges: RefLock::new(vec![None; len]), saved };
            let n = Gc::try_new(mc, node).ok()?;
            if r.below(8) == 0 {
                _ = n.finalise_with(mc, |mc, me| {
                    FINALISED.with_borrow_mut(|f| f.push(me.guard.0.get()));
                    for e in me.edges.borrow().iter().flatten() {
                        _ = e.id();
                    }
                    if me.guard.0.get() % 2 == 0 {
                        me.saved.borrow_mut(mc).push(P::N(me));
                        if me.guard.0.get() % 4 == 0 {
                            _ = me.finalise_with(mc, |_, me| _ = me.guard.0.get());
                        }
                    }
                });
            }
            (P::N(n), len)
        }
        10..=19 => {
            (P::F(Gc::try_new(mc, Flat { tag: Tag::new(id), a: none(), pad: [id; 3] }).ok()?), 1)
        }
        20..=22 => {
            let guard = (r.below(2) == 0).then(|| Guard::new(id));
            (P::W(Gc::try_new(mc, Wide { tag: Tag::new(id), a: none(), guard }).ok()?), 1)
        }
        23..=26 => (P::M(Gc::try_new(mc, Mid { tag: Tag::new(id), a: none() }).ok()?), 1),
        27..=30 => {
            let len = r.below(40);
            (P::T(Gc::try_with_tail(mc, Tag::new(id), len, |_| none()).ok()?), len)
        }
        31 => (
            P::Pin(
                PinnedGc::try_new(mc, Flat { tag: Tag::new(id), a: none(), pad: [id; 3] }).ok()?,
            ),
            1,
        ),
        _ => {
            let len = if kind >= 36 && r.below(4) == 0 {
                6000 + r.below(40_000)
            } else {
                1 + r.below(700)
            };
            let first =
                Gc::try_new(mc, Flat { tag: Tag::new(id), a: none(), pad: [id; 3] }).ok()?;
            let s = Gc::try_slice(mc, len, |n| Lock::new((n == 0).then_some(P::F(first)))).ok()?;
            (P::S(s), len - 1)
        }
    };
    m.len.insert(id, len);
    m.edges.insert(id, HashMap::new());
    Some(p)
}
fn walk<'gc>(from: &[Option<P<'gc>>], m: &Model, all: bool) {
    for (p, id) in from.iter().zip(&m.roots) {
        assert_eq!(p.map(P::id), *id);
    }
    if !all {
        return;
    }
    let mut seen = HashSet::new();
    let mut grey: Vec<P<'gc>> = from.iter().flatten().copied().collect();
    while let Some(p) = grey.pop() {
        let id = p.id();
        if !seen.insert(id) {
            continue;
        }
        let want = &m.edges[&id];
        let mut found = 0;
        for (at, e) in p.edges().iter().enumerate() {
            if let Some(e) = e {
                assert_eq!(want.get(&at), Some(&e.id()), "edge {at} of {id}");
                found += 1;
                grey.push(*e);
            }
        }
        assert_eq!(found, want.len(), "edges of {id}");
    }
}
fn reach(m: &Model) -> HashSet<u64> {
    let mut seen: HashSet<u64> = HashSet::new();
    let mut grey: Vec<u64> = m.roots.iter().flatten().copied().collect();
    while let Some(id) = grey.pop() {
        if seen.insert(id) {
            grey.extend(m.edges[&id].values());
        }
    }
    seen
}
type G = Failing<Global>;
struct Opts {
    panics: bool,
    fails: bool,
    ids: bool,
    steps: usize,
}
fn run(collector: Generational<G>, seed: u64, opts: &Opts) {
    DROPPED.with_borrow_mut(HashSet::clear);
    PANIC_AT.set(u64::MAX);
    CREATED.set(0);
    let mut r = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut m = Model { roots: vec![None; SLOTS], ..Model::default() };
    let mut heap = Heap::<_, Roots>::new(collector, |mc| Root {
        slots: vec![None; SLOTS],
        saved: Gc::new(mc, RefLock::default()),
        weak: Vec::new(),
        pairs: Vec::new(),
    });
    let mut stash: Vec<(u64, DynamicRoot<OfFlat>)> = Vec::new();
    for step in 0..opts.steps {
        let burst = if r.below(20) == 0 { 1500 } else { 20 + r.below(80) };
        let walks = r.below(8) == 0;
        if opts.fails {
            if r.below(6) == 0 {
                heap.collector().below().resume()
            } else {
                heap.collector().below().pause()
            }
        }
        if opts.panics && r.below(6) == 0 {
            PANIC_AT.set(r.below(16) as u64);
        }
        let done = catch_unwind(AssertUnwindSafe(|| {
            heap.mutate_root(|mc, root| {
                walk(&root.slots, &m, walks);
                for p in root.saved.borrow().iter() {
                    _ = p.id();
                    p.edges().iter().flatten().for_each(|e| _ = e.id());
                }
                if r.below(10) == 0 {
                    root.saved.borrow_mut(mc).clear();
                }
                for (id, handle) in &stash {
                    assert_eq!(mc.fetch(handle).tag.get(), *id);
                }
                if r.below(10) == 0 {
                    stash.clear();
                }
                let saved = root.saved;
                if step % 16 < 8 && r.below(2) == 0 {
                    // Most of the nursery survives.
                    let at = r.below(SLOTS);
                    let len = 400;
                    let id = m.next;
                    m.next += 1;
                    let first = Gc::try_new(
                        mc,
                        Flat { tag: Tag::new(id), a: Lock::new(None), pad: [id; 3] },
                    );
                    let slice = first.and_then(|f| {
                        Gc::try_slice(mc, len, |n| Lock::new((n == 0).then_some(P::F(f))))
                    });
                    if let Ok(s) = slice {
                        m.len.insert(id, len - 1);
                        m.edges.insert(id, HashMap::new());
                        root.slots[at] = Some(P::S(s));
                        m.roots[at] = Some(id);
                        for e in 0..len - 1 {
                            if let Some(p) = make(mc, saved, &mut m, &mut r, false) {
                                P::S(s).set(mc, e, Some(p), e % 3 == 0);
                                m.edges.get_mut(&id).unwrap().insert(e, p.id());
                            }
                        }
                    }
                }
                for _ in 0..burst {
                    let at = r.below(SLOTS);
                    match r.below(16) {
                        0..=4 => {
                            if let Some(p) = make(mc, saved, &mut m, &mut r, burst < 100) {
                                if r.below(2) == 0 {
                                    if let Some(old) = root.slots[at] {
                                        let len = m.len[&p.id()];
                                        if len > 0 {
                                            let e = r.below(len);
                                            p.set(mc, e, Some(old), true);
                                            m.edges.get_mut(&p.id()).unwrap().insert(e, old.id());
                                        }
                                    }
                                }
                                root.slots[at] = Some(p);
                                m.roots[at] = Some(p.id());
                            }
                        }
                        5..=9 => {
                            let to = root.slots[r.below(SLOTS)];
                            let mut p = root.slots[at];
                            for _ in 0..r.below(4) {
                                if let Some(q) = p {
                                    let len = m.len[&q.id()];
                                    if len > 0
                                        && let Some(n) = q.edge(r.below(len))
                                    {
                                        p = Some(n);
                                    }
                                }
                            }
                            if let Some(p) = p {
                                let len = m.len[&p.id()];
                                if len > 0 {
                                    let e = r.below(len);
                                    p.set(mc, e, to, r.below(4) > 0);
                                    let edges = m.edges.get_mut(&p.id()).unwrap();
                                    match to {
                                        Some(t) => edges.insert(e, t.id()),
                                        None => edges.remove(&e),
                                    };
                                }
                            }
                        }
                        10 => {
                            if let Some(p) = root.slots[at] {
                                let len = m.len[&p.id()];
                                if len > 0 {
                                    let q = p.edge(r.below(len));
                                    let to = r.below(SLOTS);
                                    root.slots[to] = q;
                                    m.roots[to] = q.map(P::id);
                                }
                            }
                        }
                        11 => {
                            root.slots[at] = None;
                            m.roots[at] = None;
                        }
                        12 => {
                            if let Some(P::F(f)) = root.slots[at] {
                                if let Ok(w) = f.try_downgrade(mc)
                                    && root.weak.len() < 50
                                {
                                    root.weak.push((f.tag.get(), w));
                                }
                                if let Some(P::F(v)) = root.slots[r.below(SLOTS)]
                                    && root.pairs.len() < 50
                                {
                                    if let Ok(e) = Ephemeron::try_new(mc, f, v) {
                                        root.pairs.push((f.tag.get(), v.tag.get(), e));
                                    }
                                }
                                if r.below(4) == 0 {
                                    stash.push((f.tag.get(), mc.stash::<OfFlat>(f)));
                                }
                            }
                        }
                        13 => {
                            if !root.weak.is_empty() {
                                let n = r.below(root.weak.len());
                                let (id, w) = root.weak[n];
                                match w.upgrade(mc) {
                                    Some(f) => {
                                        assert_eq!(f.tag.get(), id);
                                        root.slots[at] = Some(P::F(f));
                                        m.roots[at] = Some(id);
                                    }
                                    None => {
                                        assert!(
                                            !reach(&m).contains(&id),
                                            "a weak pointer lost its target"
                                        );
                                        root.weak.swap_remove(n);
                                    }
                                }
                            }
                        }
                        14 => {
                            if !root.pairs.is_empty() {
                                let n = r.below(root.pairs.len());
                                let (k, v, e) = root.pairs[n];
                                match e.get(mc) {
                                    Some((key, value)) => {
                                        assert_eq!((key.tag.get(), value.tag.get()), (k, v));
                                        if let Some(P::F(f)) = root.slots[at]
                                            && r.below(2) == 0
                                        {
                                            e.set(mc, f);
                                            root.pairs[n].1 = f.tag.get();
                                        } else {
                                            root.slots[at] = Some(P::F(value));
                                            m.roots[at] = Some(v);
                                        }
                                    }
                                    None => {
                                        assert!(
                                            !reach(&m).contains(&k),
                                            "an ephemeron lost its key"
                                        );
                                        root.pairs.swap_remove(n);
                                    }
                                }
                            }
                        }
                        _ => {
                            if opts.ids
                                && r.below(3) == 0
                                && let Some(p) = root.slots[at]
                                && (!opts.fails || step % 4 == 0)
                            {
                                if let Ok(number) = catch_unwind(AssertUnwindSafe(|| p.number(mc)))
                                {
                                    assert_eq!(
                                        *m.ids.entry(p.id()).or_insert(number),
                                        number,
                                        "identity"
                                    );
                                }
                            }
                        }
                    }
                }
                if opts.panics && r.below(30) == 0 {
                    panic!("a mutation");
                }
            });
        }));
        check(done);
        let done = catch_unwind(AssertUnwindSafe(|| match r.below(40) {
            0 => heap.collect(),
            1 => heap.collect_some(r.below(100_000)),
            2 => heap.inspect(|_| ()),
            3 => heap.collector().collect_soon(),
            _ => {}
        }));
        check(done);
    }
    let figures = heap.collector().figures();
    if std::env::var("SHOW").is_ok() {
        println!("{seed} {figures:?}");
    }
    heap.collector().below().pause();
    PANIC_AT.set(u64::MAX);
    let done = catch_unwind(AssertUnwindSafe(|| drop(heap)));
    check(done);
    assert_eq!(CREATED.get(), DROPPED.with_borrow(HashSet::len), "a destructor did not run");
}
fn check(done: Result<(), Box<dyn std::any::Any + Send>>) {
    if let Err(e) = done {
        let text = e
            .downcast_ref::<&str>()
            .map(|s| s.to_string())
            .or_else(|| e.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        if text != "a destructor" && text != "a mutation" {
            std::panic::resume_unwind(e);
        }
    }
}
fn config(mode: Mode, promotion: Promotion, seed: u64) -> Config {
    let mut c = Config {
        nursery_bytes: 16 << 10,
        nursery_max_bytes: 64 << 10,
        promotion,
        rests: seed % 3 > 0,
        ..Config::new(mode)
    };
    c.tenured.pace = Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
    c.tenured.poison = Some(0xDD);
    match seed % 4 {
        0 => c.tortured(Torture::Steps),
        1 if seed % 8 == 1 => c.tortured(Torture::Cycles),
        _ => c,
    }
}
fn all(opts: &Opts) {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("a destructor")
            && !text.contains("a mutation")
            && !text.contains("memory for an identity")
        {
            eprintln!("{text}");
        }
    }));
    let from: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let count: u64 = std::env::var("COUNT").ok().and_then(|s| s.parse().ok()).unwrap_or(40);
    for seed in from..from + count {
        let promotion =
            [Promotion::First, Promotion::Second, Promotion::Adaptive][seed as usize / 3 % 3];
        let g = || {
            let g = Failing::new(Schedule::Random { seed, permille: 300 }, Global);
            g.pause();
            g
        };
        let c = match seed % 5 {
            0 => Generational::with(config(Mode::StopTheWorld, promotion, seed), g()),
            1 | 2 => Generational::with(config(Mode::Incremental, promotion, seed), g()),
            3 => Generational::background(config(Mode::Background, promotion, seed), g()).unwrap(),
            _ => {
                Generational::parallel(2, config(Mode::StopTheWorld, promotion, seed), g()).unwrap()
            }
        };
        let ok = catch_unwind(AssertUnwindSafe(|| run(c, seed, opts)));
        if let Err(e) = ok {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(e);
        }
    }
}
#[test]
fn plain() {
    all(&Opts { panics: false, fails: false, ids: true, steps: 400 });
}
#[test]
fn panics() {
    all(&Opts { panics: true, fails: false, ids: true, steps: 400 });
}
#[test]
fn fails() {
    all(&Opts { panics: false, fails: true, ids: true, steps: 400 });
}
#[test]
fn fails_panics() {
    all(&Opts { panics: true, fails: true, ids: true, steps: 400 });
}
