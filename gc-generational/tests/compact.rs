//! Compaction: sparse spans are emptied, every pointer follows, and what has to stay stays.
#![cfg(not(loom))]

use alloc_core::Rootable;
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Ephemeron, Gc, GcWeak, Heap, Lock, PinnedGc, Trace};
use gc_generational::{Config, Generational, Mode};

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    text: Gc<'gc, str>,
}

#[derive(Trace)]
struct Kept<'gc> {
    nodes: Vec<Gc<'gc, Node<'gc>>>,
    weak: Vec<GcWeak<'gc, Node<'gc>>>,
    pairs: Vec<Ephemeron<'gc, Node<'gc>, u64>>,
    pinned: Vec<PinnedGc<'gc, [u64; 5]>>,
    boxes: Vec<Gc<'gc, Box<u64>>>,
}

Rootable!(type Root<'gc> = Kept<'gc>);

type TestHeap = Heap<Generational<Global>, Root>;

fn filled(collector: Generational<Global>, count: u64) -> TestHeap {
    let mut heap = Heap::<_, Root>::new(collector, |_| Kept {
        nodes: Vec::new(),
        weak: Vec::new(),
        pairs: Vec::new(),
        pinned: Vec::new(),
        boxes: Vec::new(),
    });
    for number in 0..count {
        heap.mutate_root(|mc, kept| {
            let next = Lock::new(kept.nodes.last().copied());
            let node = Gc::new(mc, Node { number, next, text: Gc::str(mc, &number.to_string()) });
            kept.nodes.push(node);
            kept.weak.push(node.downgrade(mc));
            kept.pairs.push(Ephemeron::new(mc, node, Gc::new(mc, number)));
            kept.boxes.push(Gc::new(mc, Box::new(number)));
            if number % 5000 == 0 {
                kept.pinned.push(PinnedGc::new(mc, [number; 5]));
            }
        });
    }
    heap
}

/// Keeps one in so many of each.
fn thin(heap: &mut TestHeap, part: usize) {
    heap.mutate_root(|mc, kept| {
        let mut index = 0;
        let mut keeps = || {
            index += 1;
            (index - 1) % part == 0
        };
        kept.nodes.retain(|_| keeps());
        for pair in kept.nodes.windows(2) {
            alloc_core::field!(pair[1].write(mc), Node, next).set(Some(pair[0]));
        }
        kept.boxes.retain(|boxed| ***boxed % part as u64 == 0);
    });
}

fn check(heap: &mut TestHeap, part: u64, count: u64) {
    heap.mutate(|mc, kept| {
        assert_eq!(kept.nodes.len() as u64, count.div_ceil(part));
        for (index, node) in kept.nodes.iter().enumerate() {
            assert_eq!(node.number, index as u64 * part);
            assert_eq!(&*node.text, node.number.to_string());
            let before = node.next.get().map(|node| node.number);
            assert_eq!(before, node.number.checked_sub(part));
        }
        for (number, (weak, pair)) in kept.weak.iter().zip(&kept.pairs).enumerate() {
            let is_alive = (number as u64).is_multiple_of(part);
            assert_eq!(weak.upgrade(mc).map(|n| n.number), is_alive.then_some(number as u64));
            assert_eq!(pair.get(mc).map(|(_, v)| *v), is_alive.then_some(number as u64));
            let found =
                weak.upgrade(mc).is_none_or(|n| n.ptr_eq(kept.nodes[number / part as usize]));
            assert!(found);
        }
        assert!(kept.boxes.iter().all(|boxed| ***boxed % part == 0));
        assert!(kept.pinned.iter().enumerate().all(|(n, array)| **array == [n as u64 * 5000; 5]));
    });
}

fn compacts(collector: Generational<Global>) {
    const COUNT: u64 = 20_000;
    let mut heap = filled(collector, COUNT);
    thin(&mut heap, 10);
    let (ids, pins) = heap.mutate(|mc, kept| {
        let ids: Vec<_> = kept.nodes.iter().step_by(500).map(|node| node.id(mc)).collect();
        let pins: Vec<_> = kept.pinned.iter().map(|pinned| pinned.as_ptr().addr()).collect();
        (ids, pins)
    });
    heap.collect();
    check(&mut heap, 10, COUNT);
    let addresses = |heap: &mut TestHeap| {
        heap.mutate(|_, kept| {
            kept.nodes.iter().map(|node| node.as_ptr().addr()).collect::<Vec<_>>()
        })
    };
    let before = addresses(&mut heap);
    heap.mutate(|mc, _| mc.collector().compact_soon());
    let figures = heap.collector().figures();
    assert_eq!(figures.compactions, 1);
    assert!(figures.evacuated_spans > 10, "{figures:?}");
    let after = addresses(&mut heap);
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!(moved > before.len() / 2, "{moved}");
    check(&mut heap, 10, COUNT);
    heap.mutate(|mc, kept| {
        let now: Vec<_> = kept.nodes.iter().step_by(500).map(|node| node.id(mc)).collect();
        assert_eq!(now, ids);
        let now: Vec<_> = kept.pinned.iter().map(|pinned| pinned.as_ptr().addr()).collect();
        assert_eq!(now, pins);
    });
    // It goes on as before.
    heap.mutate(|mc, kept| {
        let node = kept.nodes[1];
        alloc_core::field!(node.write(mc), Node, next).set(Some(kept.nodes[0]));
    });
    (0..3).for_each(|_| heap.collect());
    heap.mutate(|mc, _| mc.collector().compact_soon());
    check(&mut heap, 10, COUNT);
}

#[test]
fn sparse_spans_are_emptied() {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        compacts(Generational::with_config(Config::new(mode), Global));
    }
}

#[test]
fn sparse_spans_are_emptied_between_background_cycles() {
    compacts(Generational::background(Config::default(), Global).expect("a thread"));
}

#[test]
fn a_heap_that_is_not_sparse_stays() {
    let mut heap = filled(Generational::new(Global), 5000);
    heap.collect();
    heap.mutate(|mc, _| mc.collector().compact_soon());
    assert!(heap.collector().figures().evacuated_spans < 5);
    check(&mut heap, 1, 5000);
}

type Links<'gc> = [Lock<Option<Gc<'gc, str>>>];
Rootable!(type Pinned<'gc> = Vec<(PinnedGc<'gc, Links<'gc>>, PinnedGc<'gc, str>)>);

/// Slices and strings that are pinned stay, their pointers are rewritten, and writing to them is remembered.
#[test]
fn pinned_slices_stay() {
    let collector = Generational::new(Global);
    let mut heap = Heap::<_, Pinned>::new(collector, |_| Vec::new());
    let add = |heap: &mut Heap<_, Pinned>| {
        heap.mutate_root(|mc, pinned| {
            let text = |number: usize| Lock::new(Some(Gc::str(mc, &number.to_string())));
            let fails = |number| if number < 5 { text(number) } else { panic!("no more") };
            let add = || PinnedGc::slice(mc, 9, fails);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(add)).is_err());
            pinned.push((PinnedGc::slice(mc, 9, text), PinnedGc::str(mc, "Ada")));
        });
    };
    (0..2000).for_each(|_| add(&mut heap));
    let mut index = 0;
    heap.mutate_root(|_, pinned| {
        pinned.retain(|_| {
            index += 1;
            index % 20 == 0
        });
    });
    let places = |heap: &mut Heap<Generational<Global>, Pinned>| {
        heap.mutate(|mc, pinned| {
            let places = pinned.iter().map(|(slice, name)| {
                (slice.as_ptr().cast::<u8>(), slice.id(mc), name.as_ptr().cast::<u8>(), name.id(mc))
            });
            places.collect::<Vec<_>>()
        })
    };
    let before = places(&mut heap);
    for round in 0..4 {
        heap.mutate(|mc, pinned| {
            mc.collector().compact_soon();
            for (slice, _) in pinned {
                slice.write(mc)[round].set(Some(Gc::str(mc, "changed")));
            }
        });
        assert_eq!(places(&mut heap), before);
        heap.mutate(|_, pinned| {
            for (slice, name) in pinned {
                assert_eq!(&**name, "Ada");
                for (at, text) in slice.iter().enumerate() {
                    let text = text.get().expect("a text");
                    assert_eq!(*text, *if at <= round { "changed".into() } else { at.to_string() });
                }
            }
        });
    }
    assert!(heap.collector().figures().to_string().contains("; 4 compactions have emptied "));
}
