//! What pointers, slices, weak pointers, ephemerons and finalisers do, under any collector.

use super::drops::{Log, Token};
use crate::gc::{
    Collector, Ephemeron, Gc, GcWeak, Heap, Lock, Mutation, OnceLock, RefLock, Trace, WithTail,
};
use crate::{Rootable, unsize};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

pub(super) fn run<C: Collector>(make: &impl Fn() -> C) {
    values(make());
    slices(make());
    trait_objects(make());
    weak_pointers(make());
    ephemerons(make());
    finalisers(make());
    two_finalisers(make());
    dynamic_roots(make(), make());
    cycles(make());
    alignments(make());
    identity(make());
    steps(make());
}

#[derive(Trace)]
enum Shape<'gc> {
    Empty,
    Unit(Gc<'gc, u32>),
    Pair { left: Box<Shape<'gc>>, right: Lock<Option<Gc<'gc, Shape<'gc>>>> },
    Many(Vec<Gc<'gc, Shape<'gc>>>, #[trace(skip)] fn(u8) -> u8),
}

fn sum(shape: &Shape<'_>) -> u32 {
    match shape {
        Shape::Empty => 0,
        Shape::Unit(number) => **number,
        Shape::Pair { left, right } => sum(left) + right.get().map_or(0, |right| sum(&right)),
        Shape::Many(many, _) => many.iter().map(|shape| sum(shape)).sum(),
    }
}

fn values<C: Collector>(collector: C) {
    Rootable!(type Root<'gc> = (Gc<'gc, Shape<'gc>>, Gc<'gc, OnceLock<Gc<'gc, String>>>));
    let mut heap = Heap::<C, Root>::new(collector, |mc| {
        let unit = |number| Gc::new(mc, Shape::Unit(Gc::new(mc, number)));
        let left = Box::new(Shape::Many(alloc::vec![unit(1), unit(2)], |byte| byte));
        let right = Lock::new(Some(unit(3)));
        (Gc::new(mc, Shape::Pair { left, right }), Gc::new(mc, OnceLock::new()))
    });
    for round in 0..3 {
        heap.mutate(|mc, (shape, once)| {
            assert_eq!(sum(shape), 6 + round);
            let text = Gc::new(mc, "set once".to_string());
            assert_eq!(once.set(mc, text).is_ok(), round == 0);
            assert_eq!(once.get().map(|text| text.as_str()), Some("set once"));
        });
        heap.collect();
        heap.mutate_root(|mc, (shape, _)| {
            let one = Shape::Unit(Gc::new(mc, 1));
            let right = Lock::new(Some(*shape));
            *shape = Gc::new(mc, Shape::Pair { left: Box::new(one), right });
        });
        heap.collect();
    }
    heap.mutate_root(|mc, (shape, _)| *shape = Gc::new(mc, Shape::Empty));
    heap.collect();
    heap.mutate(|_, (shape, _)| assert_eq!(sum(shape), 0));
}

fn slices<C: Collector>(collector: C) {
    #[derive(Trace)]
    struct Root<'gc> {
        numbers: Gc<'gc, [u16]>,
        pointers: Gc<'gc, [Lock<Option<Gc<'gc, str>>>]>,
        tail: Gc<'gc, WithTail<Gc<'gc, str>, [Gc<'gc, u8>]>>,
        nothing: Gc<'gc, [()]>,
        none: Gc<'gc, [u64]>,
    }
    Rootable!(type Family<'gc> = Root<'gc>);
    let mut heap = Heap::<C, Family>::new(collector, |mc| Root {
        numbers: Gc::slice_of(mc, &[1, 2, 3]),
        pointers: Gc::slice(mc, 100, |index| Lock::new(Some(Gc::str(mc, &index.to_string())))),
        tail: Gc::with_tail(mc, Gc::str(mc, "head"), 5, |index| Gc::new(mc, index as u8)),
        nothing: Gc::slice(mc, 1_000, |_| ()),
        none: Gc::slice(mc, 0, |_| unreachable!("there is no element")),
    });
    for round in 0..3 {
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!(*root.numbers, [1, 2, 3]);
            assert_eq!((root.nothing.len(), root.none.len()), (1_000, 0));
            assert_eq!(&*root.tail.head, "head");
            assert!(root.tail.tail.iter().map(|byte| **byte).eq(0..5));
            for (index, text) in root.pointers.iter().enumerate() {
                let text = text.get().expect("was set");
                assert_eq!(*text, *(index + round).to_string());
            }
            for (index, text) in root.pointers.write(mc).iter().enumerate() {
                text.set(Some(Gc::str(mc, &(index + round + 1).to_string())));
            }
        });
    }
    let too_long = heap.mutate(|mc, _| Gc::try_slice(mc, usize::MAX / 4, |_| 0_u64).is_err());
    assert!(too_long);
}

trait Speaks {
    fn says(&self) -> String;
}

#[derive(Trace)]
struct Cat<'gc>(Gc<'gc, str>);

impl Speaks for Cat<'_> {
    fn says(&self) -> String {
        self.0.to_string()
    }
}

impl Speaks for u8 {
    fn says(&self) -> String {
        self.to_string()
    }
}

fn trait_objects<C: Collector>(collector: C) {
    Rootable!(type Root<'gc> = Vec<Gc<'gc, dyn Speaks + 'gc>>);
    let mut heap = Heap::<C, Root>::new(collector, |mc| {
        let cat = Gc::new(mc, Cat(Gc::str(mc, "miaow")));
        alloc::vec![unsize!(cat => dyn Speaks + '_), unsize!(Gc::new(mc, 9) => dyn Speaks + '_)]
    });
    for _ in 0..3 {
        heap.collect();
        heap.mutate(|mc, root| {
            let says: Vec<String> = root.iter().map(|of| of.says()).collect();
            assert_eq!(says, ["miaow", "9"]);
            let weak = root[0].downgrade(mc);
            assert_eq!(weak.upgrade(mc).expect("alive").says(), "miaow");
        });
    }
}

fn weak_pointers<C: Collector>(collector: C) {
    Rootable!(type Root<'gc> = (Option<Gc<'gc, Token>>, GcWeak<'gc, Token>, GcWeak<'gc, Token>));
    let log = Log::default();
    let mut heap = Heap::<C, Root>::new(collector, |mc| {
        let token = Gc::new(mc, log.token(0));
        (Some(token), token.downgrade(mc), token.downgrade(mc))
    });
    heap.collect();
    heap.mutate(|mc, (strong, weak, other)| {
        let upgraded = weak.upgrade(mc).expect("alive");
        assert!(upgraded.ptr_eq(strong.expect("set")));
        assert!(weak.ptr_eq(*other));
    });
    // Reached through the weak pointer alone, and kept.
    heap.mutate_root(|mc, (strong, weak, _)| {
        *strong = None;
        *strong = weak.upgrade(mc);
    });
    heap.collect();
    heap.mutate_root(|mc, (strong, weak, _)| {
        assert!(weak.upgrade(mc).is_some());
        *strong = None;
    });
    heap.collect();
    assert_eq!(log.sorted(), [0]);
    heap.mutate(|mc, (_, weak, other)| {
        assert!(weak.upgrade(mc).is_none() && weak.is_dead() && other.is_dead());
    });
}

fn ephemerons<C: Collector>(collector: C) {
    type Pair<'gc> = Ephemeron<'gc, Token, (Token, Option<Gc<'gc, Token>>)>;
    Rootable!(type Root<'gc> = (Vec<Gc<'gc, Token>>, Vec<Pair<'gc>>));
    let log = Log::default();
    // Each value leads to the next key, and the last one to its own.
    let mut heap = Heap::<C, Root>::new(collector, |mc| {
        let keys: Vec<_> = (0..10).map(|number| Gc::new(mc, log.token(number))).collect();
        let pair = |number: usize| {
            let next = keys.get(number + 1).unwrap_or(&keys[number]);
            let value = Gc::new(mc, (log.token(10 + number), Some(*next)));
            Ephemeron::new(mc, keys[number], value)
        };
        let pairs = (0..10).rev().map(pair).collect();
        (alloc::vec![keys[3]], pairs)
    });
    heap.collect();
    // From key 3 on, everything is alive, by way of the values.
    assert_eq!(log.sorted(), [0, 1, 2, 10, 11, 12]);
    heap.mutate(|mc, (_, pairs)| {
        for (index, pair) in pairs.iter().rev().enumerate() {
            let found = pair.get(mc).map(|(key, value)| (key.number, value.0.number));
            assert_eq!(found, (index >= 3).then_some((index, index + 10)));
        }
    });
    heap.mutate_root(|mc, (keys, pairs)| {
        pairs[0].set(mc, Gc::new(mc, (log.token(20), None)));
        keys.clear();
    });
    heap.collect();
    assert_eq!(log.sorted(), (0..21).collect::<Vec<_>>());
}

fn finalisers<C: Collector>(collector: C) {
    #[derive(Trace)]
    struct Ghost<'gc> {
        token: Token,
        friend: Gc<'gc, Token>,
        saved: Gc<'gc, RefLock<Vec<Gc<'gc, Ghost<'gc>>>>>,
    }
    fn finaliser<'gc, C: Collector>(mc: &Mutation<'gc, C>, ghost: Gc<'gc, Ghost<'gc>>) {
        assert_eq!(ghost.friend.number, ghost.token.number + 10);
        // Even ones live on.
        if ghost.token.number.is_multiple_of(2) {
            ghost.saved.borrow_mut(mc).push(ghost);
        }
    }
    Rootable!(type Root<'gc> = Gc<'gc, RefLock<Vec<Gc<'gc, Ghost<'gc>>>>>);
    let log = Log::default();
    let mut heap = Heap::<C, Root>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    heap.mutate(|mc, saved| {
        for number in 0..4 {
            let friend = Gc::new(mc, log.token(10 + number));
            let ghost = Gc::new(mc, Ghost { token: log.token(number), friend, saved: *saved });
            ghost.finalise_with(mc, finaliser).expect("memory");
        }
    });
    heap.collect();
    heap.collect();
    assert_eq!(log.sorted(), [1, 3, 11, 13]);
    heap.mutate(|mc, saved| {
        let numbers: Vec<_> = saved.borrow().iter().map(|ghost| ghost.token.number).collect();
        assert_eq!(numbers, [0, 2]);
        saved.borrow_mut(mc).clear();
    });
    heap.collect();
    assert_eq!(log.sorted(), [0, 1, 2, 3, 10, 11, 12, 13]);
}

/// Both run after the same collection, in the order in which they were given.
fn two_finalisers<C: Collector>(collector: C) {
    type Seen<'gc> = Gc<'gc, RefLock<Vec<u8>>>;
    #[derive(Trace)]
    struct Twice<'gc>(Seen<'gc>);
    Rootable!(type Family<'gc> = Seen<'gc>);
    fn first<'gc, C: Collector>(mc: &Mutation<'gc, C>, twice: Gc<'gc, Twice<'gc>>) {
        twice.0.borrow_mut(mc).push(1);
    }
    fn second<'gc, C: Collector>(mc: &Mutation<'gc, C>, twice: Gc<'gc, Twice<'gc>>) {
        twice.0.borrow_mut(mc).push(2);
    }
    let mut heap = Heap::<C, Family>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    heap.mutate(|mc, seen| {
        let twice = Gc::new(mc, Twice(*seen));
        twice.finalise_with(mc, first).expect("memory");
        twice.finalise_with(mc, second).expect("memory");
    });
    heap.collect();
    heap.mutate(|_, seen| assert_eq!(*seen.borrow(), [1, 2]));
}

fn dynamic_roots<C: Collector>(collector: C, other: C) {
    Rootable!(type Family<'gc> = Lock<Option<Gc<'gc, Token>>>);
    Rootable!(type Nothing<'gc> = ());
    let log = Log::default();
    let mut heap = Heap::<C, Nothing>::new(collector, |_| ());
    let mut other = Heap::<C, Nothing>::new(other, |_| ());
    let handle = heap.mutate(|mc, ()| {
        let token = Gc::new(mc, log.token(0));
        mc.stash::<Family>(Gc::new(mc, Lock::new(Some(token))))
    });
    let clone = handle.clone();
    for _ in 0..3 {
        heap.collect();
        heap.mutate(|mc, ()| assert!(mc.fetch(&clone).get().expect("set").number == 0));
    }
    assert!(other.mutate(|mc, ()| mc.try_fetch(&handle).is_none()));
    drop(handle);
    heap.collect();
    assert_eq!(log.sorted(), []);
    drop(clone);
    heap.collect();
    assert_eq!(log.sorted(), [0]);
    let late = heap.mutate(|mc, ()| mc.stash::<Family>(Gc::new(mc, Lock::new(None))));
    drop(heap);
    assert!(other.mutate(|mc, ()| mc.try_fetch(&late).is_none()));
}

fn cycles<C: Collector>(collector: C) {
    #[derive(Trace)]
    struct Ring<'gc> {
        _token: Token,
        next: Lock<Option<Gc<'gc, Ring<'gc>>>>,
    }
    let log = Log::default();
    Rootable!(type Family<'gc> = Lock<Option<Gc<'gc, Ring<'gc>>>>);
    let mut heap = Heap::<C, Family>::new(collector, |_| Lock::new(None));
    for round in 0..10 {
        heap.mutate_root(|mc, root| {
            let ring = |number| Ring { _token: log.token(number), next: Lock::new(None) };
            let first = Gc::new(mc, ring(round * 10));
            let mut last = first;
            for number in round * 10 + 1..round * 10 + 10 {
                let next = Gc::new(mc, ring(number));
                crate::field!(last.write(mc), Ring, next).set(Some(next));
                last = next;
            }
            crate::field!(last.write(mc), Ring, next).set(Some(first));
            *root = Lock::new(Some(last));
        });
        heap.collect_some(1_000);
    }
    heap.collect();
    heap.collect();
    assert_eq!(log.sorted(), (0..90).collect::<Vec<_>>());
}

fn alignments<C: Collector>(collector: C) {
    #[derive(Trace)]
    #[repr(align(16))]
    struct A16<'gc>(Gc<'gc, u8>);
    #[derive(Trace)]
    #[repr(align(512))]
    struct A512<'gc>(Gc<'gc, u8>, Token);
    #[derive(Trace)]
    struct Root<'gc> {
        one: Gc<'gc, A16<'gc>>,
        two: Gc<'gc, A512<'gc>>,
        many: Gc<'gc, [A512<'gc>]>,
        unit: Gc<'gc, ()>,
        large: Gc<'gc, [Gc<'gc, u8>; 10_000]>,
    }
    let log = Log::default();
    Rootable!(type Family<'gc> = Root<'gc>);
    let mut heap = Heap::<C, Family>::new(collector, |mc| Root {
        one: Gc::new(mc, A16(Gc::new(mc, 1))),
        two: Gc::new(mc, A512(Gc::new(mc, 2), log.token(0))),
        many: Gc::slice(mc, 3, |index| A512(Gc::new(mc, index as u8), log.token(1 + index))),
        unit: Gc::new(mc, ()),
        large: Gc::new(mc, [Gc::new(mc, 5); 10_000]),
    });
    for _ in 0..3 {
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!((*root.one.0, *root.two.0, *root.large[9_999]), (1, 2, 5));
            assert!(root.many.iter().map(|of| *of.0).eq(0..3));
            assert_eq!(*root.unit, ());
            assert!(core::ptr::from_ref(&*root.one).addr() % 16 == 0);
            assert!(root.many.as_ptr().addr() % 512 == 0);
            // Many of them, so that slots are used again.
            (0..100).for_each(|_| _ = Gc::new(mc, A16(Gc::new(mc, 1))));
        });
    }
    drop(heap);
    assert_eq!(log.sorted(), [0, 1, 2, 3]);
}

fn identity<C: Collector>(collector: C) {
    Rootable!(type Root<'gc> = Vec<Gc<'gc, usize>>);
    let mut heap =
        Heap::<C, Root>::new(collector, |mc| (0..50).map(|of| Gc::new(mc, of)).collect());
    let ids = heap.mutate(|mc, root| root.iter().map(|of| of.id(mc)).collect::<Vec<_>>());
    for _ in 0..3 {
        heap.collect();
        heap.mutate(|mc, root| {
            (0..50).for_each(|of| _ = Gc::new(mc, of));
            assert!(root.iter().map(|of| of.id(mc)).eq(ids.iter().copied()));
        });
    }
    let distinct: alloc::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 50);
}

fn steps<C: Collector>(collector: C) {
    Rootable!(type Root<'gc> = (u32, Option<Gc<'gc, Vec<u32>>>));
    let mut heap = Heap::<C, Root>::new(collector, |_| (0, None));
    let sum = heap.run(|mc, (step, last)| {
        let mut next = last.map_or_else(Vec::new, |last| (*last).clone());
        next.push(*step);
        *step += 1;
        *last = Some(Gc::new(mc, next));
        if *step < 200 {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(next_sum(last.expect("just set")))
    });
    assert_eq!(sum, 199 * 200 / 2);
}

fn next_sum(of: Gc<'_, Vec<u32>>) -> u32 {
    of.iter().sum()
}

/// A list so deep that nothing may recurse along it.
pub(super) fn deep_list<C: Collector>(collector: C, nodes: usize) {
    #[derive(Trace)]
    struct Node<'gc>(Option<Gc<'gc, Node<'gc>>>, usize);
    Rootable!(type Family<'gc> = Option<Gc<'gc, Node<'gc>>>);
    let mut heap = Heap::<C, Family>::new(collector, |_| None);
    for start in (0..nodes).step_by(1_000) {
        heap.mutate_root(|mc, first| {
            for number in start..start + 1_000 {
                *first = Some(Gc::new(mc, Node(*first, number)));
            }
        });
    }
    heap.collect();
    heap.mutate_root(|_, first| {
        let mut next = *first;
        for number in (0..nodes).rev() {
            let node = next.expect("the list is that long");
            assert_eq!(node.1, number);
            next = node.0;
        }
        *first = None;
    });
    heap.collect();
}

/// A slice with many pointers, written to while it is collected.
pub(super) fn wide_slice<C: Collector>(collector: C, nodes: usize) {
    Rootable!(type Root<'gc> = Gc<'gc, [Lock<Gc<'gc, usize>>]>);
    let mut heap = Heap::<C, Root>::new(collector, |mc| {
        Gc::slice(mc, nodes, |index| Lock::new(Gc::new(mc, index)))
    });
    for round in 0..20 {
        heap.mutate(|mc, slice| {
            let index = round * 31 % nodes;
            slice.write(mc)[index].set(Gc::new(mc, index));
            let index = round * 71 % nodes;
            slice.write_at(mc, index).set(Gc::new(mc, index));
            let range = index / 2..(index / 2 + 2).min(nodes);
            let part = slice.write_range(mc, range.clone());
            range.zip(part.iter()).for_each(|(index, element)| element.set(Gc::new(mc, index)));
        });
        heap.collect_some(10_000);
    }
    heap.collect();
    heap.mutate(|_, slice| {
        assert!(slice.iter().map(|of| *of.get()).eq(0..nodes));
    });
}
