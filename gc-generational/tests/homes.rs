//! Homes that nothing was moved to, elements that are written while the marker is on its way, whole collections
//! beside what is young.
#![cfg(not(loom))]
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Lock, RefLock, Trace, Visitor, VisitorMut};
use alloc_core::{Failing, Rootable, Schedule};
use gc_generational::{Config, Generational, Mode, Pace, Promotion};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Ground = Failing<Global>;
fn ground() -> Ground {
    let ground = Failing::new(Schedule::Every(1), Global);
    ground.pause();
    ground
}
fn small(promotion: Promotion, mode: Mode) -> Config {
    Config {
        nursery_bytes: 64 << 10,
        nursery_max_bytes: 64 << 10,
        promotion,
        rests: false,
        ..Config::new(mode)
    }
}

std::thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
    static BAD: Cell<usize> = const { Cell::new(0) };
    static DROPS: Cell<usize> = const { Cell::new(0) };
}
/// Notices when it is dropped without having been made.
struct Canary {
    magic: u64,
    _words: [u64; 5],
}
impl Canary {
    fn new() -> Self {
        Canary { magic: 0xC0FFEE, _words: [0x41414141_41414141; 5] }
    }
}
impl Drop for Canary {
    fn drop(&mut self) {
        DROPS.set(DROPS.get() + 1);
        if self.magic != 0xC0FFEE {
            BAD.set(BAD.get() + 1);
            return;
        }
        if PANICS.get() > 0 && !std::thread::panicking() {
            PANICS.set(PANICS.get() - 1);
            panic!("a destructor");
        }
    }
}
// SAFETY: no pointers.
unsafe impl<'gc> Trace<'gc> for Canary {
    const NEEDS_TRACE: bool = false;
    fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

type Cell64<'gc> = Lock<Option<Gc<'gc, u64>>>;

struct Root<'gc> {
    canaries: Vec<Gc<'gc, Canary>>,
    link: Vec<Gc<'gc, Cell64<'gc>>>,
    slice: Option<Gc<'gc, [Cell64<'gc>]>>,
    numbers: Vec<Gc<'gc, u64>>,
    pair: Option<Gc<'gc, Pair<'gc>>>,
}
// SAFETY: all fields are visited.
unsafe impl<'gc> Trace<'gc> for Root<'gc> {
    fn trace<V: Visitor + ?Sized>(&self, v: &mut V) {
        self.canaries.trace(v);
        self.link.trace(v);
        self.slice.trace(v);
        self.numbers.trace(v);
        self.pair.trace(v);
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, v: &mut V) {
        self.canaries.trace_mut(v);
        self.link.trace_mut(v);
        self.slice.trace_mut(v);
        self.numbers.trace_mut(v);
        self.pair.trace_mut(v);
    }
}
Rootable!(type Roots<'gc> = Root<'gc>);
fn root<'gc>() -> Root<'gc> {
    Root { canaries: Vec::new(), link: Vec::new(), slice: None, numbers: Vec::new(), pair: None }
}

/// As large as a canary: `Vec` finds 0x4141… where its elements should be.
#[derive(Trace)]
struct Listed<'gc> {
    list: RefLock<Vec<Gc<'gc, u64>>>,
    more: [u64; 2],
}

#[derive(Trace)]
struct Pair<'gc> {
    next: Lock<Option<Gc<'gc, Pair<'gc>>>>,
    weight: [u64; 100],
}

/// The remembered set is lost, and the search visits a home that nothing was moved to.
#[test]
fn search_visits_homes() {
    let config = small(Promotion::Second, Mode::StopTheWorld);
    let mut heap = Heap::<_, Roots>::new(Generational::with_config(config, ground()), |_| root());
    heap.mutate_root(|mc, root| {
        for _ in 0..500 {
            root.canaries.push(Gc::new(mc, Canary::new()));
        }
        root.link.push(Gc::new(mc, Lock::new(None)));
    });
    heap.collect();
    heap.mutate_root(|_, root| _ = root.canaries.drain(1..400));
    heap.collect();
    heap.mutate_root(|mc, root| {
        let listed = Gc::new(mc, Listed { list: RefLock::default(), more: [0; 2] });
        println!("{}", size_of::<Listed>() + size_of::<Canary>());
        _ = listed.id(mc);
        let number = Gc::new(mc, 7);
        mc.collector().below().resume();
        root.link[0].write(mc).set(Some(number)); // cannot be remembered
        mc.collector().below().pause();
    });
    heap.collect();
    heap.mutate(|_, root| assert_eq!(root.link[0].get().as_deref(), Some(&7)));
}

/// A heap is dropped with dead objects whose destructors panic, and with homes.
#[test]
fn drop_with_homes_() {
    let config = small(Promotion::Second, Mode::StopTheWorld);
    let mut heap = Heap::<_, Roots>::new(Generational::with_config(config, Global), |_| root());
    let first = catch_unwind(AssertUnwindSafe(|| {
        heap.mutate_root(|mc, root| {
            for _ in 0..3 {
                _ = Gc::new(mc, Canary::new());
            }
            root.canaries.push(Gc::new(mc, Canary::new()));
            for _ in 0..2500 {
                _ = Gc::new(mc, [0_u64; 2]);
            }
            PANICS.set(3);
        })
    }));
    assert!(first.is_err());
    let second = catch_unwind(AssertUnwindSafe(|| {
        heap.mutate_root(|mc, root| _ = root.canaries[0].id(mc));
    }));
    println!("second {second:?} {}", PANICS.get());
    if second.is_ok() {
        // was not due
    }
    let third = catch_unwind(AssertUnwindSafe(|| drop(heap)));
    println!("third {third:?} drops {} bad {}", DROPS.get(), BAD.get());
    assert_eq!(BAD.get(), 0, "the destructor of an object that was never made");
}

/// An element of a huge slice is written to while a cycle marks.
fn huge(mut heap: Heap<Generational<Global>, Roots>) {
    heap.mutate_root(|mc, root| {
        root.slice = Some(Gc::slice(mc, 100_000, |_| Lock::new(None)));
    });
    heap.collect();
    for round in 0..3000_u64 {
        heap.mutate_root(|mc, root| {
            let slice = root.slice.unwrap();
            let number = Gc::new(mc, round);
            slice.write_at(mc, (round as usize * 7919) % 100_000).set(Some(number));
            for n in 0..100 {
                root.numbers.push(Gc::new(mc, n));
            }
            if round % 50 == 0 {
                root.numbers.clear();
                root.numbers.push(Gc::new(mc, 1));
            }
        });
    }
    heap.collect();
    heap.mutate(|_, root| {
        let slice = root.slice.unwrap();
        for round in 0..3000_u64 {
            assert_eq!(slice[(round as usize * 7919) % 100_000].get().as_deref(), Some(&round));
        }
    });
    println!("{:?}", heap.collector().figures());
}
fn eager(mode: Mode) -> Config {
    let mut config = small(Promotion::Adaptive, mode);
    config.tenured.pace =
        Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
    config
}
#[test]
fn huge_incremental() {
    huge(Heap::new(Generational::with_config(eager(Mode::Incremental), Global), |_| root()));
}
#[test]
fn huge_background() {
    huge(Heap::new(Generational::background(eager(Mode::Background), Global).unwrap(), |_| root()));
}

/// After one squeeze, every whole collection is one, though there is memory again: a dead cycle through a
/// young object stays for good.
#[test]
fn squeeze_sticks() {
    let config = small(Promotion::Second, Mode::StopTheWorld);
    let mut heap = Heap::<_, Roots>::new(Generational::with_config(config, ground()), |_| root());
    heap.mutate_root(|mc, root| {
        root.canaries.push(Gc::new(mc, Canary::new()));
        root.pair = Some(Gc::new(mc, Pair { next: Lock::new(None), weight: [0; 100] }));
    });
    heap.collect();
    heap.mutate_root(|mc, root| {
        let old = root.pair.take().unwrap();
        let young = Gc::new(mc, Pair { next: Lock::new(Some(old)), weight: [0; 100] });
        // So many that the tenured space's free slots do not do.
        let mut last = young;
        for _ in 0..70 {
            last = Gc::new(mc, Pair { next: Lock::new(Some(last)), weight: [0; 100] });
        }
        use alloc_core::field;
        field!(old.write(mc), Pair, next).set(Some(last));
        mc.collector().below().resume();
    });
    heap.collect();
    let f = heap.collector().figures();
    println!(
        "minors {} short {} copied {} promoted {} cycles {}",
        f.minors, f.short_minors, f.copied_bytes, f.promoted_bytes, f.tenured.cycles
    );
    heap.collector().below().pause();
    let minors = heap.collector().figures().short_minors;
    for _ in 0..10 {
        heap.collect();
        let f = heap.collector().figures();
        println!(
            "minors {} short {} copied {} promoted {} cycles {}",
            f.minors, f.short_minors, f.copied_bytes, f.promoted_bytes, f.tenured.cycles
        );
    }
    let figures = heap.collector().figures();
    println!("{figures:?}");
    assert_eq!(figures.short_minors, minors, "there was memory for all of it");
}

/// A destructor panics in a squeeze: the space goes on looking at what was outside then.
#[test]
fn panic_in_squeeze() {
    let config = small(Promotion::First, Mode::StopTheWorld);
    let mut heap = Heap::<_, Roots>::new(Generational::with_config(config, ground()), |_| root());
    heap.mutate_root(|mc, root| root.canaries.push(Gc::new(mc, Canary::new())));
    heap.collect();
    heap.mutate_root(|mc, root| {
        root.canaries.clear();
        for n in 0..2000 {
            root.numbers.push(Gc::new(mc, n));
        }
        PANICS.set(1);
        mc.collector().below().resume();
    });
    let done = catch_unwind(AssertUnwindSafe(|| heap.collect()));
    println!("{:?} {}", done.is_err(), PANICS.get());
    heap.collector().below().pause();
    #[inline(never)]
    fn deep(n: usize) -> usize {
        let a = std::hint::black_box([n | 0x4141_4141_4141_4141; 4000]);
        a[n] + a[n + 1]
    }
    std::hint::black_box(deep(5));
    heap.collect();
    heap.mutate(|_, root| {
        for (n, number) in root.numbers.iter().enumerate() {
            assert_eq!(**number, n as u64);
        }
    });
    heap.mutate_root(|mc, root| {
        for n in 0..2000 {
            root.numbers.push(Gc::new(mc, n));
        }
    });
    heap.collect();
    heap.mutate_root(|mc, root| {
        for n in 0..2000 {
            root.numbers.push(Gc::new(mc, n));
        }
    });
    heap.collect();
    heap.mutate(|_, root| {
        for (n, number) in root.numbers.iter().enumerate() {
            assert_eq!(**number, n as u64 % 2000);
        }
    });
}

/// Steps by budget never begin a cycle.
#[test]
fn collect_some_ends() {
    let config = small(Promotion::First, Mode::Incremental);
    let mut heap = Heap::<_, Roots>::new(Generational::with_config(config, Global), |_| root());
    heap.mutate_root(|mc, root| root.numbers.push(Gc::new(mc, 1)));
    for _ in 0..1000 {
        heap.collect_some(1 << 20);
    }
    assert!(heap.collector().figures().tenured.cycles > 0);
}
