//! Heaps that go to another thread, and heaps that are looked at.

use super::*;
use alloc_core::report::Tree;

#[derive(Trace)]
struct Entry<'gc> {
    number: usize,
    next: Lock<Option<Gc<'gc, Entry<'gc>>>>,
    text: String,
}

Rootable!(type Entries<'gc> = Option<Gc<'gc, Entry<'gc>>>);

fn add<'gc>(mc: &Mutation<'gc, Collector>, first: &mut Option<Gc<'gc, Entry<'gc>>>, number: usize) {
    let next = Lock::new(*first);
    *first = Some(Gc::new(mc, Entry { number, next, text: number.to_string() }));
}

#[test]
fn a_heap_with_young_objects_goes_to_another_thread() {
    for collector in collectors() {
        let mut heap = Heap::<_, Entries>::new(collector, |_| None);
        for round in 0..10 {
            heap.mutate_root(|mc, first| (0..50).for_each(|n| add(mc, first, round * 100 + n)));
            let parcel = heap.into_send().unwrap_or_else(|(_, why)| panic!("{why}"));
            let there = std::thread::spawn(move || {
                let mut heap = parcel.open();
                heap.mutate_root(|mc, first| {
                    (50..100).for_each(|n| add(mc, first, round * 100 + n))
                });
                minor(&mut heap);
                heap.into_send().unwrap_or_else(|(_, why)| panic!("{why}"))
            });
            heap = there.join().expect("a thread").open();
            heap.collect_some(1000);
        }
        heap.collect();
        heap.mutate(|_, first| {
            let entries = std::iter::successors(*first, |entry| entry.next.get());
            let numbers = entries.map(|entry| {
                assert_eq!(entry.text, entry.number.to_string());
                entry.number
            });
            assert!(numbers.eq((0..1000).rev()));
        });
    }
}

// (i) looks at the heap

#[derive(Trace)]
struct Named<'gc> {
    name: Gc<'gc, str>,
    next: Lock<Option<Gc<'gc, Named<'gc>>>>,
}

Rootable!(type Lists<'gc> = Gc<'gc, RefLock<Vec<Gc<'gc, Named<'gc>>>>>);

/// Old ones and young ones: five lists of 20.
fn lists(collector: Collector) -> Heap<Collector, Lists> {
    let mut heap = Heap::<_, Lists>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    for list in 0..5 {
        heap.mutate(|mc, lists| {
            let name = Gc::str(mc, &format!("list {list}"));
            let mut first = None;
            (0..20).for_each(|_| first = Some(Gc::new(mc, Named { name, next: Lock::new(first) })));
            lists.borrow_mut(mc).extend(first);
            (0..100).for_each(|number| _ = Gc::new(mc, number));
        });
        if list == 2 {
            heap.collect();
        }
    }
    heap
}

#[test]
fn a_look_shows_every_object_young_or_old() {
    for collector in collectors() {
        let mut heap = lists(collector);
        let (last, dead) = heap.mutate(|mc, lists| {
            let mut node = lists.borrow()[4];
            while let Some(next) = node.next.get() {
                node = next;
            }
            (node.id(mc), Gc::new(mc, 1_u8).id(mc))
        });
        let mut text = Vec::new();
        let dumped = heap.inspect(|view| {
            let path = view.path_to(last).expect("a path");
            assert_eq!(path.objects.len(), 21);
            assert_eq!(path.objects[20].id, Some(last));
            assert_eq!(view.path_to(dead), None);
            let census = view.census();
            assert_eq!(census[0].objects, 100);
            assert_eq!(census.iter().map(|count| count.objects).sum::<usize>(), 106);
            view.dump(&mut text).expect("is written")
        });
        assert_eq!((dumped.objects, dumped.pointers), (106, 1 + 5 + 5 * (20 + 19)));
        let json: Value = serde_json::from_slice(&text).expect("json");
        assert_eq!(json["snapshot"]["node_count"], 107);
        heap.mutate(|_, lists| {
            for (number, first) in lists.borrow().iter().enumerate() {
                let all = std::iter::successors(Some(*first), |node| node.next.get());
                assert_eq!(all.filter(|node| *node.name == *format!("list {number}")).count(), 20);
            }
        });
    }
}

#[test]
fn a_look_at_nothing() {
    let mut heap = Heap::<_, Static<()>>::new(Generational::new(Global), |_| ());
    assert!(heap.inspect(|view| view.census()).is_empty());
}

#[test]
fn a_heap_reports_both_its_spaces_and_what_they_stand_on() {
    for collector in collectors() {
        let mut heap = Heap::<_, Entries>::new(collector, |_| None);
        for round in 0..4 {
            heap.mutate_root(|mc, first| (0..50).for_each(|n| add(mc, first, round * 100 + n)));
            minor(&mut heap);
        }
        heap.collect();
        let (tree, figures) = (Tree::of(&heap), heap.collector().figures());
        let of = |name| tree.figure("Generational", name);
        assert!(figures.minors >= 4 && figures.tenured.cycles > 0, "{tree}");
        assert_eq!(of("minor collections"), Some(figures.minors as u64));
        assert_eq!(of("promoted in all"), Some(figures.promoted_bytes));
        assert_eq!(tree.figure("tenured", "cycles"), Some(figures.tenured.cycles as u64));
        let mut path = vec![&tree];
        for name in ["tenured", "ObjectHeap", "Global"] {
            let below = path.last().unwrap().below.iter().find(|tree| tree.name == name);
            path.push(below.unwrap_or_else(|| panic!("no {name}: {tree}")));
        }
    }
}
