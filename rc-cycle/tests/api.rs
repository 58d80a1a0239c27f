//! `Cc` for one thread: std's API.

mod common;

use alloc_core::gc::Trace;
use common::{Census, Counting, Memory, Node, One, link, node};
use rc_cycle::{Cc, Weak, collect, figures, target, unsize};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
        Cc::increment_strong_count(raw);
        assert_eq!(Cc::strong_count(&first), 3);
        Cc::decrement_strong_count(raw);
        let back = Cc::from_raw(raw);
        assert!(Cc::ptr_eq(&back, &first));
        let weak = Cc::downgrade(&back).into_raw();
        let weak = Weak::from_raw(weak);
        assert!(weak.upgrade().is_some());
    }
    assert_eq!(Cc::strong_count(&first), 1);
}

#[test]
fn raw_pointers_need_no_allocator() {
    let (layer, memory) = Counting::layer();
    let first = Cc::new_in(String::from("text"), layer);
    let raw = Cc::into_raw(first.clone());
    // SAFETY: as above.
    unsafe {
        Cc::<String, Memory>::increment_strong_count_in(raw);
        Cc::<String, Memory>::decrement_strong_count_in(raw);
        let back = Cc::<String, Memory>::from_raw_in(raw);
        let weak = Weak::<String, Memory>::from_raw_in(Cc::downgrade(&back).into_raw());
        assert!(Cc::ptr_eq(&weak.upgrade().unwrap(), &first));
    }
    drop(first);
    assert_eq!(memory.bytes(), 0);
}

#[test]
fn make_mut_clones_slices_and_strings() {
    let census = Census::default();
    let mut first: Cc<[One]> = (0..3).map(|_| census.one()).collect();
    let place = Cc::as_ptr(&first);
    assert!(std::ptr::addr_eq(Cc::make_mut(&mut first), place));
    let other = first.clone();
    Cc::make_mut(&mut first);
    assert!(!Cc::ptr_eq(&first, &other) && census.count() == 6);
    let weak = Cc::downgrade(&first);
    Cc::make_mut(&mut first);
    assert!(weak.upgrade().is_none() && census.count() == 6);
    drop((first, other));
    assert_eq!(census.count(), 0);

    let (layer, memory) = Counting::layer();
    let mut text = Cc::<str, Memory>::try_copy_in("text", layer).unwrap();
    let other = text.clone();
    Cc::make_mut(&mut text).make_ascii_uppercase();
    assert_eq!((&*text, &*other), ("TEXT", "text"));
    drop((text, other));
    assert_eq!(memory.bytes(), 0);

    // Values that cycles go through.
    let mut nodes: Cc<[Option<Cc<Node>>]> = [Some(node(&census)), None].into();
    let other = nodes.clone();
    Cc::make_mut(&mut nodes)[0] = None;
    assert!(other[0].is_some() && nodes[0].is_none());
    drop((nodes, other));
    collect();
    assert_eq!((census.count(), figures().live_objects), (0, 0));
}

#[test]
fn pointers_are_made_of_what_std_makes_them_of() {
    use std::borrow::Cow;
    let texts: [Cc<str>; 2] =
        [Cow::Borrowed("text").into(), Cow::<str>::Owned("text".into()).into()];
    assert!(texts.iter().all(|text| &**text == "text"));
    let items: [Cc<[u8]>; 2] =
        [Cow::Borrowed(&[1, 2][..]).into(), Cow::<[u8]>::Owned(vec![1, 2]).into()];
    assert!(items.iter().all(|items| **items == [1, 2]));
    let (text, [first, _]) = (texts[0].clone(), texts);
    let bytes: Cc<[u8]> = first.into();
    assert!(*bytes == *b"text" && Cc::strong_count(&text) == 2);
    drop(text);
    assert_eq!(Cc::strong_count(&bytes), 1);
}

#[test]
fn weak_pointers_to_trait_objects() {
    let census = Census::default();
    let found: Cc<dyn Any> = {
        let weak: Weak<dyn Any> = unsize!(Weak::<Node>::new());
        assert!(weak.upgrade().is_none() && weak.strong_count() == 0);
        let value = Cc::new_cyclic(|me: &Weak<u8>| {
            let me: Weak<dyn Any> = unsize!(me.clone());
            assert!(me.upgrade().is_none());
            7
        });
        let weak: Weak<dyn Any> = unsize!(Cc::downgrade(&value));
        drop(value);
        assert!(weak.upgrade().is_none());
        let node = node(&census);
        link(&node, &node);
        let weak: Weak<dyn Any> = unsize!(Cc::downgrade(&node));
        drop(node);
        weak.upgrade().unwrap()
    };
    assert!(found.is::<Node>());
    drop(found);
    assert_eq!((collect(), census.count()), (1, 0));
    let error: Cc<dyn std::error::Error + Send + Sync> = unsize!(Cc::new(std::fmt::Error));
    assert_eq!(error.to_string(), std::fmt::Error.to_string());
    let shown: rc_cycle::sync::Cc<dyn Any + Send + Sync> = unsize!(rc_cycle::sync::Cc::new(7));
    assert_eq!(shown.downcast::<i32>().map(|seven| *seven).ok(), Some(7));
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
