//! Reserve that cannot be had, and rests that begin in a look or in a turn that unwinds.
#![cfg(not(loom))]
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Lock, RefLock, Trace};
use alloc_core::{Failing, Rootable, Schedule};
use gc_generational::{Config, Generational, Mode, Promotion};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    words: [u64; 6],
}
impl<'gc> Node<'gc> {
    fn new(n: u64) -> Self {
        Node { next: Lock::new(None), words: [n; 6] }
    }
}
Rootable!(type Nodes<'gc> = Vec<Gc<'gc, Node<'gc>>>);

fn small(promotion: Promotion, mode: Mode) -> Config {
    Config { nursery_bytes: 64 << 10, nursery_max_bytes: 64 << 10, promotion, ..Config::new(mode) }
}
type Ground = Failing<Global>;
fn ground() -> Ground {
    let ground = Failing::new(Schedule::Every(1), Global);
    ground.pause();
    ground
}

/// `flip` cannot provide the reserve for another nursery: what was emptied is the reserve, and no more is made than
/// that has room for.
#[test]
fn reserve() {
    let config = Config { rests: false, ..small(Promotion::Second, Mode::StopTheWorld) };
    let mut heap =
        Heap::<_, Nodes>::new(Generational::with_config(config, ground()), |_| Vec::new());
    heap.mutate_root(|mc, root| {
        for n in 0..900 {
            root.push(Gc::new(mc, Node::new(n)));
        }
        mc.collector().below().resume();
    });
    assert_eq!(heap.collector().figures().minors, 1);
    let made = heap
        .mutate(|mc, _| (0..2000).take_while(|_| Gc::try_new(mc, Node::new(0)).is_ok()).count());
    assert!(made < 900, "{made}");
    heap.collector().below().pause();
    heap.collect();
    heap.mutate(|_, root| {
        for (n, node) in root.iter().enumerate() {
            assert_eq!(node.words, [n as u64; 6]);
        }
    });
}

Rootable!(type Holder<'gc> = RefLock<Vec<Gc<'gc, RefLock<Option<Gc<'gc, Node<'gc>>>>>>>);
struct World<'gc> {
    nodes: Vec<Gc<'gc, Node<'gc>>>,
    holder: Option<Gc<'gc, Lock<Option<Gc<'gc, Node<'gc>>>>>>,
    drops: Vec<Gc<'gc, PanicsOnce>>,
}
// SAFETY: all fields are visited.
unsafe impl<'gc> Trace<'gc> for World<'gc> {
    fn trace<V: alloc_core::gc::Visitor + ?Sized>(&self, v: &mut V) {
        self.nodes.trace(v);
        self.holder.trace(v);
        self.drops.trace(v);
    }
    fn trace_mut<V: alloc_core::gc::VisitorMut + ?Sized>(&mut self, v: &mut V) {
        self.nodes.trace_mut(v);
        self.holder.trace_mut(v);
        self.drops.trace_mut(v);
    }
}
Rootable!(type Worlds<'gc> = World<'gc>);
fn world<'gc>() -> World<'gc> {
    World { nodes: Vec::new(), holder: None, drops: Vec::new() }
}

std::thread_local! { static ARMED: Cell<bool> = const { Cell::new(false) }; }
struct PanicsOnce(#[expect(dead_code, reason = "so that it has a slot of its own")] u64);
// SAFETY: no pointers.
unsafe impl<'gc> Trace<'gc> for PanicsOnce {
    const NEEDS_TRACE: bool = false;
    fn trace<V: alloc_core::gc::Visitor + ?Sized>(&self, _: &mut V) {}
    fn trace_mut<V: alloc_core::gc::VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}
impl Drop for PanicsOnce {
    fn drop(&mut self) {
        if ARMED.replace(false) {
            panic!("a destructor");
        }
    }
}

fn after_rest(heap: &mut Heap<Generational<Global>, Worlds>) {
    heap.mutate_root(|mc, root| {
        // In the tenured space: the nursery rests. Its header has no tag, and nobody remembers it.
        root.holder = Some(Gc::new(mc, Lock::new(None)));
    });
    let rests = heap.collector().figures().rests;
    heap.collect(); // one cycle: enough rest
    heap.collect(); // wakes
    heap.collect();
    assert_eq!(heap.collector().figures().rests, rests);
    heap.mutate_root(|mc, root| {
        let holder = root.holder.unwrap();
        let young = Gc::new(mc, Node::new(4711));
        holder.write(mc).set(Some(young));
    });
    heap.collect();
    heap.mutate_root(|mc, _| {
        for _ in 0..500 {
            _ = Gc::new(mc, Node::new(0xBAD));
        }
    });
    heap.mutate(|_, root| assert_eq!(root.holder.unwrap().get().unwrap().words, [4711; 6]));
}

/// The nursery begins to rest in `prepare_to_show`, which does not set the barrier.
#[test]
fn inspect_begins_rest() {
    let config = small(Promotion::First, Mode::StopTheWorld);
    let mut heap = Heap::<_, Worlds>::new(Generational::with_config(config, Global), |_| world());
    while heap.collector().figures().rests == 0 {
        let size = heap.collector().figures().nursery_size_bytes;
        heap.mutate_root(|mc, root| {
            for n in 0..size as u64 / 64 * 6 / 10 {
                root.nodes.push(Gc::new(mc, Node::new(n)));
            }
        });
        heap.inspect(|_| ());
        assert!(heap.collector().figures().minors < 100);
    }
    after_rest(&mut heap);
}

/// A destructor of a tenured object panics in the turn in which the nursery begins to rest.
#[test]
fn panic_as_rest_begins() {
    let config = small(Promotion::First, Mode::StopTheWorld);
    let mut heap = Heap::<_, Worlds>::new(Generational::with_config(config, Global), |_| world());
    heap.mutate_root(|mc, root| root.drops.push(Gc::new(mc, PanicsOnce(1))));
    heap.collect();
    heap.mutate_root(|_, root| root.drops.clear());
    while heap.collector().figures().rests == 0 {
        let size = heap.collector().figures().nursery_size_bytes;
        heap.mutate_root(|mc, root| {
            for n in 0..size as u64 / 64 * 6 / 10 {
                root.nodes.push(Gc::new(mc, Node::new(n)));
            }
        });
        if heap.collector().figures().minors < 3 {
            heap.inspect(|_| ()); // minor collections without a turn of the tenured space
        } else {
            ARMED.set(true);
            let done = catch_unwind(AssertUnwindSafe(|| heap.collect()));
            assert!(done.is_err(), "the destructor panics here");
        }
        assert!(heap.collector().figures().minors < 100);
    }
    after_rest(&mut heap);
}
