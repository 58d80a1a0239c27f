//! Limits of many sizes; values of all alignments, slices of nothing, trait objects, in heaps that go from thread to
//! thread.
#![cfg(not(loom))]
use alloc_core::api2::alloc::Global;
use alloc_core::gc::*;
use alloc_core::{Failing, Rootable, Schedule, unsize};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    words: [u64; 6],
}
Rootable!(type Nodes<'gc> = Vec<Gc<'gc, Node<'gc>>>);

/// Without a failing layer: a program meets the limit that it was given, lets go of half, and goes on.
#[test]
fn limit() {
    for limit in (400..3000).step_by(200) {
        for promotion in [Promotion::First, Promotion::Second, Promotion::Adaptive] {
            let mut config = Config { nursery_bytes: 256 << 10, promotion, ..Config::default() };
            config.tenured.pace.limit_bytes = limit << 10;
            let mut heap =
                Heap::<_, Nodes>::new(Generational::with_config(config, Global), |_| Vec::new());
            let mut refused = 0;
            for step in 0..400_u64 {
                heap.mutate_root(|mc, root| {
                    for n in 0..200 {
                        match Gc::try_new(mc, Node { next: Lock::new(None), words: [n; 6] }) {
                            Ok(node) => root.push(node),
                            Err(_) => refused += 1,
                        }
                    }
                    if refused > 400 * (1 + step % 3) {
                        refused = 0;
                        let half = root.len() / 2;
                        root.truncate(half);
                    }
                });
            }
            heap.mutate(|_, root| {
                root.iter().for_each(|n| assert!(n.words == [n.words[0]; 6] && n.words[0] < 200))
            });
        }
    }
}

#[repr(align(4096))]
#[derive(Clone, Copy)]
struct Page([u8; 0]);
#[repr(align(512))]
#[derive(Clone, Copy)]
struct Sector<'gc>(Option<Gc<'gc, u64>>);
#[derive(Clone, Copy)]
struct Unit;
// SAFETY: none, one, none.
unsafe impl<'gc> Trace<'gc> for Page {
    const SENDS: bool = true;
    fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}
// SAFETY: it is visited.
unsafe impl<'gc> Trace<'gc> for Sector<'gc> {
    const SENDS: bool = true;
    fn trace<V: Visitor + ?Sized>(&self, v: &mut V) {
        self.0.trace(v)
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, v: &mut V) {
        self.0.trace_mut(v)
    }
}
// SAFETY: no pointers, though it says that there may be some.
unsafe impl<'gc> Trace<'gc> for Unit {
    const SENDS: bool = true;
    fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}
trait Named {
    fn name(&self) -> u64;
}
struct Big<'gc>(u64, Lock<Option<Gc<'gc, u64>>>);
// SAFETY: it is visited.
unsafe impl<'gc> Trace<'gc> for Big<'gc> {
    const SENDS: bool = true;
    fn trace<V: Visitor + ?Sized>(&self, v: &mut V) {
        self.1.trace(v)
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, v: &mut V) {
        self.1.trace_mut(v)
    }
}
impl Named for Big<'_> {
    fn name(&self) -> u64 {
        self.0 + self.1.get().map_or(0, |g| *g)
    }
}
impl Named for Sector<'_> {
    fn name(&self) -> u64 {
        self.0.map_or(0, |g| *g)
    }
}

type Tail<'gc> = WithTail<u8, [Lock<Option<Gc<'gc, u64>>>]>;

#[derive(Default)]
struct Odd<'gc> {
    pages: Vec<Gc<'gc, Page>>,
    sectors: Vec<Gc<'gc, [Sector<'gc>]>>,
    units: Vec<Gc<'gc, [Unit]>>,
    unit: Vec<Gc<'gc, Unit>>,
    empty: Vec<Gc<'gc, [u128]>>,
    texts: Vec<Gc<'gc, str>>,
    named: Vec<Gc<'gc, dyn Named + 'gc>>,
    tails: Vec<Gc<'gc, Tail<'gc>>>,
    weak: Vec<GcWeak<'gc, dyn Named + 'gc>>,
    arrays: Vec<Gc<'gc, [Gc<'gc, u64>]>>,
}
// SAFETY: all are visited.
unsafe impl<'gc> Trace<'gc> for Odd<'gc> {
    const SENDS: bool = true;
    fn trace<V: Visitor + ?Sized>(&self, v: &mut V) {
        self.pages.trace(v);
        self.sectors.trace(v);
        self.units.trace(v);
        self.unit.trace(v);
        self.empty.trace(v);
        self.texts.trace(v);
        self.named.trace(v);
        self.tails.trace(v);
        self.weak.trace(v);
        self.arrays.trace(v);
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, v: &mut V) {
        self.pages.trace_mut(v);
        self.sectors.trace_mut(v);
        self.units.trace_mut(v);
        self.unit.trace_mut(v);
        self.empty.trace_mut(v);
        self.texts.trace_mut(v);
        self.named.trace_mut(v);
        self.tails.trace_mut(v);
        self.weak.trace_mut(v);
        self.arrays.trace_mut(v);
    }
}
Rootable!(type Odds<'gc> = Odd<'gc>);
fn fill<C: Collector>(heap: &mut Heap<C, Odds>, step: u64) {
    heap.mutate_root(|mc, o| {
        let n = o.named.len() as u64;
        if n > 100 && step.is_multiple_of(7) {
            *o = Odd::default();
            return;
        }
        o.pages.extend(Gc::try_new(mc, Page([])).ok());
        if let Ok(seven) = Gc::try_new(mc, 7_u64) {
            o.sectors.extend(Gc::try_slice(mc, step as usize % 4, |_| Sector(Some(seven))).ok());
            if let Ok(b) = Gc::try_new(mc, Big(step, Lock::new(Some(seven)))) {
                let d = unsize!(b => dyn Named);
                if step.is_multiple_of(3) {
                    _ = b.id(mc);
                }
                if let Ok(w) = d.try_downgrade(mc) {
                    o.weak.push(w);
                }
                if step.is_multiple_of(2) {
                    o.named.push(d);
                }
            }
            if let Ok(b) = Gc::try_new(mc, Sector(Some(seven))) {
                o.named.push(unsize!(b => dyn Named));
            }
            o.tails.extend(
                Gc::try_with_tail(mc, 3, step as usize % 5, |_| Lock::new(Some(seven))).ok(),
            );
            if let Ok(a) = Gc::try_new(mc, [seven; 9]) {
                o.arrays.push(unsize!(a => [Gc<'_, u64>]));
            }
        }
        o.units.extend(Gc::try_slice(mc, step as usize * 1000, |_| Unit).ok());
        o.unit.extend(Gc::try_new(mc, Unit).ok());
        o.empty.extend(Gc::try_slice(mc, step as usize % 2, |_| 5_u128).ok());
        o.texts.extend(Gc::try_str(mc, &"äx"[..(step % 2) as usize * 3]).ok());
        for s in &o.sectors {
            assert!(
                s.iter().all(|s| s.0.as_deref() == Some(&7))
                    && s.as_ptr().cast::<u8>().addr() % 512 == 0
            );
        }
        for p in &o.pages {
            assert_eq!(p.as_ptr().addr() % 4096, 0);
        }
        for e in &o.empty {
            assert!(e.iter().all(|e| *e == 5));
        }
        for e in &o.texts {
            assert!(**e == *"äx" || e.is_empty());
        }
        for e in &o.units {
            assert_eq!(e.len() % 1000, 0);
        }
        for e in &o.named {
            assert!(e.name() >= 7);
        }
        for t in &o.tails {
            assert!(t.head == 3 && t.tail.iter().all(|t| t.get().as_deref() == Some(&7)));
        }
        for a in &o.arrays {
            assert!(a.len() == 9 && a.iter().all(|a| **a == 7));
        }
        for w in &o.weak {
            if let Some(d) = w.upgrade(mc) {
                assert!(d.name() >= 7);
                if step.is_multiple_of(5) {
                    o.named.push(d);
                }
            }
        }
        o.weak.retain(|w| !w.is_dead());
    });
}
#[test]
fn odd_layouts() {
    for seed in 0..36 {
        let promotion = [Promotion::First, Promotion::Second, Promotion::Adaptive][seed % 3];
        let mut config = Config {
            nursery_bytes: 16 << 10,
            nursery_max_bytes: 32 << 10,
            promotion,
            ..Config::new(Mode::Incremental)
        };
        config.tenured.pace =
            Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
        config.tenured.poison = Some(0xDD);
        if seed % 4 == 0 {
            config = config.tortured(Torture::Steps);
        }
        let ground = Failing::new(Schedule::Random { seed: seed as u64, permille: 400 }, Global);
        ground.pause();
        let c = if seed % 2 == 0 {
            Generational::with_config(config, ground)
        } else {
            Generational::background(config, ground).unwrap()
        };
        let mut heap = Heap::<_, Odds>::new(c, |_| Odd::default());
        for step in 0..300 {
            if seed % 3 == 1 {
                if step % 5 == 0 {
                    heap.collector().below().resume()
                } else {
                    heap.collector().below().pause()
                }
            }
            // A home that there is no memory for panics in the mutation.
            let done = catch_unwind(AssertUnwindSafe(|| fill(&mut heap, step)));
            if let Err(e) = done {
                assert!(
                    e.downcast_ref::<&str>().is_some_and(|s| s.contains("for an identity")),
                    "{:?} {:?}",
                    e.downcast_ref::<&str>(),
                    e.downcast_ref::<String>()
                );
            }
            if step % 50 == 49 {
                let parcel = heap.into_send().map_err(|e| e.1).expect("may go");
                heap = std::thread::spawn(move || {
                    let mut heap = parcel.open();
                    fill(&mut heap, step + 1);
                    SendBack(heap.into_send().map_err(|e| e.1).expect("may go"))
                })
                .join()
                .unwrap()
                .0
                .open();
            }
        }
    }
}
struct SendBack(SendHeap<Generational<Failing<Global>>, Odds>);
