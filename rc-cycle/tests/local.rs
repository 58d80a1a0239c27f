//! `Cc` for one thread: std's API, and cycles.

mod common;

use alloc_core::gc::Trace;
use common::{Census, Counting, Memory, One};
use rc_cycle::{Cc, Weak, collect, collect_some, figures, target, unsize};
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    one: One,
    to: RefCell<Vec<Cc<Node>>>,
}

fn node(census: &Census) -> Cc<Node> {
    Cc::new(Node { one: census.one(), to: RefCell::default() })
}

fn link(from: &Cc<Node>, to: &Cc<Node>) {
    from.to.borrow_mut().push(to.clone());
}

#[test]
fn a_pointer_is_one_word_as_is_an_optional_one() {
    assert_eq!(size_of::<Cc<u64>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Cc<Node>>>(), size_of::<usize>());
    assert_eq!(size_of::<Cc<Node, Memory>>(), size_of::<usize>());
    assert_eq!(size_of::<Cc<str>>(), 2 * size_of::<usize>());
}

#[test]
fn it_counts_as_rc_does() {
    let mut first = Cc::new(5);
    assert_eq!((*first, Cc::strong_count(&first), Cc::weak_count(&first)), (5, 1, 0));
    *Cc::get_mut(&mut first).unwrap() += 1;
    let second = first.clone();
    assert!(Cc::ptr_eq(&first, &second) && Cc::get_mut(&mut first).is_none());
    assert_eq!(Cc::strong_count(&first), 2);
    let weak = Cc::downgrade(&first);
    assert_eq!((weak.strong_count(), weak.weak_count()), (2, 1));
    let first = Cc::try_unwrap(first).unwrap_err();
    drop(second);
    assert_eq!(weak.upgrade().as_deref(), Some(&6));
    assert_eq!(Cc::try_unwrap(first), Ok(6));
    assert!(weak.upgrade().is_none() && weak.strong_count() == 0 && weak.weak_count() == 0);
    assert!(Weak::<Node>::new().upgrade().is_none());
    assert!(Weak::<Node>::new().ptr_eq(&Weak::default()));
}

#[test]
fn make_mut_clones_or_moves() {
    let census = Census::default();
    let mut first = Cc::new((census.one(), 1).1);
    let other = first.clone();
    *Cc::make_mut(&mut first) = 2;
    assert_eq!((*first, *other), (2, 1));
    let weak = Cc::downgrade(&first);
    *Cc::make_mut(&mut first) = 3;
    assert!(weak.upgrade().is_none());
    assert_eq!(*first, 3);
    assert_eq!(Cc::unwrap_or_clone(first.clone()), 3);
    assert_eq!(Cc::into_inner(first), Some(3));
}

#[test]
fn raw_pointers_carry_the_count() {
    let first = Cc::new(String::from("text"));
    let raw = Cc::into_raw(first.clone());
    // SAFETY: `raw` carries a count; it is used up below.
    unsafe {
        Cc::<String>::increment_strong_count(raw);
        assert_eq!(Cc::strong_count(&first), 3);
        Cc::<String>::decrement_strong_count(raw);
        let back: Cc<String> = Cc::from_raw(raw);
        assert!(Cc::ptr_eq(&back, &first));
        let weak = Cc::downgrade(&back).into_raw();
        let weak: Weak<String> = Weak::from_raw(weak);
        assert!(weak.upgrade().is_some());
    }
    assert_eq!(Cc::strong_count(&first), 1);
}

#[test]
fn a_value_that_knows_itself() {
    #[derive(Trace)]
    struct Knows(Weak<Knows>, #[trace(skip)] One);
    let census = Census::default();
    let knows = Cc::new_cyclic(|me| {
        assert!(me.upgrade().is_none() && me.clone().upgrade().is_none());
        Knows(me.clone(), census.one())
    });
    assert!(Cc::ptr_eq(&knows, &knows.0.upgrade().unwrap()));
    drop(knows);
    assert_eq!(census.count(), 0);
    let (memory, counting) = Counting::layer();
    let panics = catch_unwind(AssertUnwindSafe(|| {
        Cc::<Knows, Memory>::new_cyclic_in(|_| panic!("on purpose"), memory)
    }));
    assert!(panics.is_err() && counting.bytes() == 0);
}

#[test]
fn slices_and_strings() {
    let (memory, counting) = Counting::layer();
    let census = Census::default();
    let text: Cc<str> = Cc::from("text");
    assert_eq!((&*text, text.len(), text.clone()), ("text", 4, Cc::from(String::from("text"))));
    let numbers: Cc<[u8]> = (0..10).collect();
    assert_eq!(numbers.iter().map(|n| u32::from(*n)).sum::<u32>(), 45);
    assert_eq!(Cc::<[u16]>::default().len() + Cc::<str>::default().len(), 0);
    let nodes = (0..3).map(|_| node(&census)).collect::<Vec<_>>();
    link(&nodes[0], &nodes[1]);
    let all = Cc::<[Cc<Node>], Memory>::from_iter_in(nodes, memory.clone());
    assert!(counting.bytes() > 0 && Cc::strong_count(&all) == 1 && census.count() == 3);
    drop(all);
    assert_eq!((counting.bytes(), census.count()), (0, 0));
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let items = (0..5).map(|n| if n == 3 { panic!("on purpose") } else { census.one() });
        Cc::<[Counted], Memory>::from_iter_in(items.map(Counted), memory)
    }));
    assert!(panics.is_err() && counting.bytes() == 0 && census.count() == 0);
}

#[derive(Trace)]
struct Counted(#[trace(skip)] One);

#[test]
fn a_cycle_through_a_slice() {
    #[derive(Trace)]
    struct Row(RefCell<Option<Cc<[Row]>>>, #[trace(skip)] One);
    let census = Census::default();
    let rows: Cc<[Row]> = (0..4).map(|_| Row(RefCell::default(), census.one())).collect();
    *rows[2].0.borrow_mut() = Some(rows.clone());
    let weak = Cc::downgrade(&rows);
    drop(rows);
    assert_eq!((census.count(), collect(), census.count()), (4, 1, 0));
    assert!(weak.upgrade().is_none());
}

trait Shape {
    fn corners(&self) -> usize;
    fn next(&self) -> Option<Cc<dyn Shape>> {
        None
    }
}
target!(dyn Shape);

#[derive(Trace)]
struct Point(#[trace(skip)] One);
impl Shape for Point {
    fn corners(&self) -> usize {
        1
    }
}

#[derive(Trace)]
struct Group(RefCell<Vec<Cc<dyn Shape>>>, #[trace(skip)] One);
impl Shape for Group {
    fn corners(&self) -> usize {
        self.0.borrow().len()
    }
    fn next(&self) -> Option<Cc<dyn Shape>> {
        self.0.borrow().first().cloned()
    }
}

#[test]
fn trait_objects_of_types_that_may_cycle_and_of_others() {
    let census = Census::default();
    let sized = Cc::new(Point(census.one()));
    let point: Cc<dyn Shape> = unsize!(sized.clone());
    let group = Cc::new(Group(RefCell::default(), census.one()));
    let shape: Cc<dyn Shape> = unsize!(group.clone());
    group.0.borrow_mut().extend([shape.clone(), point.clone()]);
    assert_eq!((shape.corners(), point.corners()), (2, 1));
    assert!(Cc::ptr_eq(&shape.next().unwrap(), &shape));
    let weak = Cc::downgrade(&shape);
    drop((group, shape));
    assert_eq!((collect(), census.count()), (1, 1));
    assert!(weak.upgrade().is_none());
    drop(weak);
    assert_eq!(Cc::strong_count(&sized), 2);
    drop(sized);
    let watch = Cc::downgrade(&point);
    drop(point);
    assert_eq!((census.count(), watch.strong_count()), (0, 0));
    assert_eq!(figures().candidates, 0);
}

#[test]
fn any_is_cast_back() {
    let any: Cc<dyn Any> = unsize!(Cc::new(7_u32));
    let any = any.downcast::<String>().unwrap_err();
    assert_eq!(any.downcast::<u32>().map(|n| *n).ok(), Some(7));
    let census = Census::default();
    let any: Cc<dyn Any> = unsize!(node(&census));
    let back = any.downcast::<Node>().ok().unwrap();
    link(&back, &back);
    drop(back);
    assert_eq!((collect(), census.count()), (1, 0));
}

#[test]
fn types_without_cycles_leave_no_candidates() {
    #[derive(Trace)]
    struct Leaf(String);
    #[derive(Trace)]
    struct Holder(Cc<Leaf>, Vec<Cc<str>>);
    let before = figures();
    let leaf = Cc::new(Leaf("leaf".into()));
    let holders: Vec<_> =
        (0..10).map(|_| Cc::new(Holder(leaf.clone(), vec!["a".into()]))).collect();
    drop(holders.clone());
    drop(holders);
    assert_eq!(figures(), before);
    assert_eq!(Cc::strong_count(&leaf), 1);
}

#[test]
fn cycles_of_all_kinds_are_freed() {
    let census = Census::default();
    for kind in 0..6 {
        let nodes: Vec<_> = (0..20).map(|_| node(&census)).collect();
        let weak: Vec<_> = nodes.iter().map(Cc::downgrade).collect();
        match kind {
            0 => nodes.iter().for_each(|n| link(n, n)),
            1 => (0..20).for_each(|n| link(&nodes[n], &nodes[(n + 1) % 20])),
            2 => (0..19).for_each(|n| {
                link(&nodes[n], &nodes[n + 1]);
                link(&nodes[n + 1], &nodes[n]);
            }),
            3 => nodes.iter().for_each(|a| nodes.iter().for_each(|b| link(a, b))),
            4 => (0..20).for_each(|n| {
                link(&nodes[n / 2], &nodes[n]);
                link(&nodes[n], &nodes[n / 3]);
            }),
            _ => (0..10).for_each(|n| {
                link(&nodes[2 * n], &nodes[2 * n + 1]);
                link(&nodes[2 * n + 1], &nodes[2 * n]);
                link(&nodes[0], &nodes[2 * n]);
            }),
        }
        assert_eq!(collect(), 0, "they are held");
        let kept = nodes[7].clone();
        drop(nodes);
        collect();
        assert!(weak[7].upgrade().is_some());
        kept.to
            .borrow()
            .iter()
            .for_each(|n| assert!(!Cc::ptr_eq(n, &kept) || kind != 1 && kind != 2));
        drop(kept);
        collect();
        assert_eq!(census.count(), 0, "kind {kind}");
        assert!(weak.iter().all(|weak| weak.upgrade().is_none() && weak.strong_count() == 0));
    }
}

#[test]
fn what_is_borrowed_is_held() {
    let census = Census::default();
    let a = node(&census);
    link(&a, &a);
    let raw = Cc::as_ptr(&a);
    // SAFETY: the cycle keeps the node, until a step frees it: not while it is borrowed.
    let borrow = unsafe { &*raw }.to.borrow_mut();
    drop(a);
    assert_eq!((collect(), census.count()), (0, 1));
    drop(borrow);
    // It is no candidate any more; somebody has to come by.
    // SAFETY: it is there.
    drop(unsafe { &*raw }.to.borrow()[0].clone());
    assert_eq!((collect(), census.count()), (1, 0));
}

#[test]
fn cells_of_all_kinds_are_seen() {
    #[derive(Trace)]
    struct Cells {
        cell: Cell<Option<Cc<Cells>>>,
        once: OnceCell<Cc<Cells>>,
        boxed: RefCell<Option<Box<Cc<Cells>>>>,
        map: RefCell<HashMap<u32, Cc<Cells>>>,
        #[trace(skip)]
        one: One,
    }
    let census = Census::default();
    for kind in 0..4 {
        let cells = Cc::new(Cells {
            cell: Cell::default(),
            once: OnceCell::new(),
            boxed: RefCell::default(),
            map: RefCell::default(),
            one: census.one(),
        });
        let me = cells.clone();
        match kind {
            0 => cells.cell.set(Some(me)),
            1 => _ = cells.once.set(me),
            2 => *cells.boxed.borrow_mut() = Some(Box::new(me)),
            _ => _ = cells.map.borrow_mut().insert(7, me),
        }
        let _ = &cells.one;
        drop(cells);
        assert_eq!((collect(), census.count()), (1, 0), "{kind}");
    }
}

/// Who has a value exclusively may be in the middle of changing it: no step begins there.
#[test]
fn a_candidate_that_is_had_exclusively_is_not_looked_at() {
    #[derive(Trace)]
    struct Table(HashMap<u32, Cc<Node>>, #[trace(skip)] One);
    let census = Census::default();
    let mut table = Cc::new(Table(HashMap::new(), census.one()));
    for round in 0..3 {
        drop(table.clone());
        let inner = Cc::get_mut(&mut table).unwrap();
        for n in 0..100 {
            let node = node(&census);
            link(&node, &node);
            inner.0.insert(n, node);
        }
        assert_eq!(figures().candidates, 1, "{round}");
        // Each of them becomes a candidate while the map is being cleared.
        rc_cycle::set_pace(rc_cycle::Pace { least_bytes: 1, ..Default::default() });
        inner.0.clear();
        rc_cycle::set_pace(rc_cycle::Pace::default());
        collect();
        assert_eq!(census.count(), 1);
    }
    // It is a candidate again when it was shared.
    drop(table.clone());
    assert_eq!(figures().candidates, 1);
}

#[test]
fn long_lists_and_deep_trees_do_not_recurse() {
    #[derive(Trace)]
    struct Link(Option<Cc<Link>>, #[trace(skip)] One);
    let census = Census::default();
    let many = if cfg!(debug_assertions) { 300_000 } else { 10_000_000 };
    let mut list = None;
    for _ in 0..many {
        list = Some(Cc::new(Link(list, census.one())));
    }
    drop(list);
    assert_eq!(census.count(), 0);
    let first = node(&census);
    let mut last = first.clone();
    for _ in 0..many / 10 {
        let next = node(&census);
        link(&last, &next);
        link(&next, &last);
        last = next;
    }
    link(&last, &first);
    drop((first, last));
    collect();
    assert_eq!(census.count(), 0);
}

/// Its destructor does what the test says.
struct Acts(RefCell<Option<Box<dyn FnOnce()>>>);
impl Drop for Acts {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

#[derive(Trace)]
struct Actor {
    #[trace(skip)]
    acts: Acts,
    #[trace(skip)]
    one: One,
    to: RefCell<Vec<Cc<Actor>>>,
}

fn actor(census: &Census) -> Cc<Actor> {
    Cc::new(Actor { acts: Acts(RefCell::default()), one: census.one(), to: RefCell::default() })
}

fn ring_of_actors(census: &Census, count: usize) -> Vec<Cc<Actor>> {
    let ring: Vec<_> = (0..count).map(|_| actor(census)).collect();
    for n in 0..count {
        ring[n].to.borrow_mut().push(ring[(n + 1) % count].clone());
    }
    ring
}

#[test]
fn destructors_of_a_dead_cycle_see_no_one_of_it() {
    let census = Census::default();
    let ring = ring_of_actors(&census, 5);
    let seen = std::rc::Rc::new(Cell::new(0));
    for n in 0..5 {
        let (weak, seen) = (ring.iter().map(Cc::downgrade).collect::<Vec<_>>(), seen.clone());
        let act = move || {
            assert!(weak.iter().all(|weak| weak.upgrade().is_none() && weak.strong_count() == 0));
            assert_eq!(collect(), 0, "a step is under way");
            let new = Cc::new(1);
            drop(new.clone());
            seen.set(seen.get() + 1);
        };
        *ring[n].acts.0.borrow_mut() = Some(Box::new(act));
        let _ = &ring[n].one;
    }
    drop(ring);
    assert_eq!((collect(), seen.get(), census.count()), (5, 5, 0));
}

#[test]
fn destructors_that_unwind_leave_nothing_behind() {
    let census = Census::default();
    let ring = ring_of_actors(&census, 6);
    let weak: Vec<_> = ring.iter().map(Cc::downgrade).collect();
    *ring[2].acts.0.borrow_mut() = Some(Box::new(|| panic!("on purpose")));
    drop(ring);
    assert!(catch_unwind(collect).is_err());
    assert_eq!(census.count(), 0);
    assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
    // Steps work as before; and without a cycle.
    drop(ring_of_actors(&census, 3));
    assert_eq!((collect(), census.count()), (3, 0));
    let one = actor(&census);
    *one.acts.0.borrow_mut() = Some(Box::new(|| panic!("on purpose")));
    let deep = (0..200).fold(one, |to, _| {
        let from = actor(&census);
        from.to.borrow_mut().push(to);
        from
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(deep))).is_err());
    assert_eq!(census.count(), 0);
    drop(ring_of_actors(&census, 3));
    assert_eq!((collect(), census.count()), (3, 0));
}

#[test]
fn steps_keep_to_their_budget() {
    let census = Census::default();
    for _ in 0..50 {
        drop(ring_of_actors(&census, 10));
    }
    let mut steps = 0;
    loop {
        let visits = figures().visits;
        let progress = collect_some(25);
        // Each value is visited twice, or thrice; the last closure may be undone.
        assert!(figures().visits - visits <= 4 * 35, "{}", figures().visits - visits);
        steps += 1;
        if !progress.more {
            break;
        }
    }
    assert!(steps >= 20, "{steps}");
    assert_eq!(census.count(), 0);
    // Too large for a step, and not for `collect`.
    drop(ring_of_actors(&census, 1000));
    while collect_some(100).more {}
    assert_eq!(census.count(), 1000);
    assert_eq!((collect(), census.count()), (1000, 0));
}

#[test]
fn steps_happen_by_themselves() {
    let census = Census::default();
    for _ in 0..100_000 {
        drop(ring_of_actors(&census, 3));
    }
    assert!(census.count() < 50_000, "{}", census.count());
    let figures = figures();
    assert!(figures.fruitful > 10 && figures.live_objects == census.count() as usize);
    collect();
    assert_eq!(census.count(), 0);
}

#[test]
fn a_large_cycle_is_found_by_itself_too() {
    let census = Census::default();
    drop(ring_of_actors(&census, 200_000));
    for _ in 0..60 {
        for _ in 0..2_000 {
            drop(ring_of_actors(&census, 3));
        }
    }
    assert!(census.count() < 100_000, "{}", census.count());
    collect();
    assert_eq!(census.count(), 0);
}

#[test]
fn a_thread_that_ends_frees_its_garbage() {
    let census = Census::default();
    let of_thread = census.clone();
    std::thread::spawn(move || drop(ring_of_actors(&of_thread, 10))).join().unwrap();
    assert_eq!(census.count(), 0);
}

#[test]
fn memory_of_any_layer_goes_back() {
    #[derive(Trace)]
    struct In(RefCell<Option<Cc<In, Memory>>>);
    let (memory, counting) = Counting::layer();
    let a = Cc::new_in(In(RefCell::default()), memory.clone());
    let b = Cc::new_in(In(RefCell::new(Some(a.clone()))), memory);
    *a.0.borrow_mut() = Some(b.clone());
    let weak = Cc::downgrade(&a);

    drop((a, b));
    assert_eq!(collect(), 2);
    assert!(counting.bytes() > 0, "the weak pointer keeps the box");
    drop(weak);
    assert_eq!(counting.bytes(), 0);
}

#[test]
fn what_is_found_can_be_drawn() {
    use std::sync::Mutex;
    static SEEN: Mutex<String> = Mutex::new(String::new());
    let census = Census::default();
    rc_cycle::set_trace(Some(|found| {
        assert_eq!(found.types().count(), found.objects());
        *SEEN.lock().unwrap() = found.to_string();
    }));
    let (a, b) = (node(&census), node(&census));
    link(&a, &b);
    link(&b, &a);
    drop((a, b));
    assert_eq!(collect(), 2);
    rc_cycle::set_trace(None);
    let seen = SEEN.lock().unwrap().clone();
    assert!(seen.starts_with("digraph") && seen.matches("->").count() == 2, "{seen}");
    assert!(seen.contains("Node") && seen.contains("1 pointers"), "{seen}");
}

#[test]
fn who_is_shown_a_dead_cycle_cannot_bring_it_back() {
    thread_local! {
        static WEAK: RefCell<Option<Weak<Node>>> = const { RefCell::new(None) };
    }
    let census = Census::default();
    rc_cycle::set_trace(Some(|_| {
        WEAK.with_borrow(|weak| assert!(weak.as_ref().unwrap().upgrade().is_none()));
        assert_eq!(collect(), 0);
        panic!("on purpose");
    }));
    let node = node(&census);
    link(&node, &node);
    WEAK.set(Some(Cc::downgrade(&node)));
    drop(node);
    assert!(catch_unwind(collect).is_err());
    rc_cycle::set_trace(None);
    assert_eq!(census.count(), 0);
}

/// An allocator whose end drops pointers: it does not come in the middle of a trial.
#[test]
fn an_allocator_that_holds_pointers() {
    use alloc_core::api2::alloc::{AllocError, Allocator, Global};
    use alloc_core::{Foreign, Layout};
    use std::ptr::NonNull;
    use std::rc::Rc;

    #[derive(Clone)]
    struct Holds(Rc<RefCell<Option<Cc<Node>>>>);
    // SAFETY: it is `Global`.
    unsafe impl Allocator for Holds {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            Global.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { Global.deallocate(ptr, layout) }
        }
    }
    let census = Census::default();
    let a = node(&census);
    link(&a, &a);
    let holds = Holds(Rc::default());
    let x =
        Cc::new_in(Node { one: census.one(), to: RefCell::default() }, Foreign::new(holds.clone()));
    let first = node(&census);
    drop((first.clone(), a.clone(), x.clone()));
    // The first is looked at; the others are ripe.
    collect_some(1);
    *holds.0.borrow_mut() = Some(a);
    drop(x);
    drop(holds);
    collect();
    drop(first);
    assert_eq!(census.count(), 0);
}
