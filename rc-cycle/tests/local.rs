//! `Cc` for one thread: cycles, steps, destructors.

mod common;

use alloc_core::gc::Trace;
use alloc_core::report::Tree;
use common::{Census, Counting, Memory, Node, One, link, node};
use rc_cycle::{Cc, Weak, collect, collect_some, figures};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

#[test]
fn what_happened_is_reported() {
    let census = Census::default();
    let before = Tree::from_fn(rc_cycle::report);
    let nodes: Vec<_> = (0..3).map(|_| node(&census)).collect();
    nodes.iter().for_each(|a| link(a, a));
    let of = |tree: &Tree, name| tree.figure("Cc", name).expect("a figure");
    let alive = Tree::from_fn(rc_cycle::report);
    assert_eq!(of(&alive, "live objects"), of(&before, "live objects") + 3);
    drop(nodes);
    assert_eq!(collect(), 3);
    let (after, figures) = (Tree::from_fn(rc_cycle::report), figures());
    assert_eq!(of(&after, "freed objects"), figures.freed_objects as u64);
    assert_eq!(of(&after, "freed objects"), of(&alive, "freed objects") + 3);
    assert_eq!(after.figure("steps", "number"), Some(figures.steps.count() as u64));
    let freed = format!("{} freed by", figures.freed_objects);
    assert!(figures.to_string().contains(&freed), "{figures}");
}
