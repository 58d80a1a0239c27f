//! Looking at a heap: dumps, paths, a census, while cycles go on beside mutations; and huge slices, of which
//! a write visits a card.
#![cfg(not(loom))]

use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Lock, RefLock, Trace};
use alloc_core::report::Tree;
use alloc_core::{Limit, Rootable};
use gc_marksweep::{Config, MarkSweep, Mode, Pace};
use serde_json::Value;

#[derive(Trace)]
struct Node<'gc> {
    name: Gc<'gc, str>,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

Rootable!(type List<'gc> = Gc<'gc, RefLock<Vec<Gc<'gc, Node<'gc>>>>>);

const LISTS: usize = 10;
const NODES: usize = 100;

fn lists(collector: MarkSweep<Global>) -> Heap<MarkSweep<Global>, List> {
    let mut heap = Heap::<_, List>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    heap.mutate(|mc, root| {
        let name = Gc::str(mc, "a \"name\"");
        for _ in 0..LISTS {
            let mut first = None;
            for _ in 0..NODES {
                first = Some(Gc::new(mc, Node { name, next: Lock::new(first) }));
            }
            root.borrow_mut(mc).extend(first);
        }
    });
    heap
}

fn numbers(of: &Value) -> Vec<usize> {
    of.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
}

#[test]
fn a_dump_has_every_object_and_every_pointer() {
    let config = Config::new(Mode::Incremental);
    let incremental = MarkSweep::with_config(config, Global);
    let background = MarkSweep::background(config, Global).unwrap();
    for mut heap in [incremental, background, MarkSweep::new(Global)].map(lists) {
        heap.collect_some(1); // in the middle of a cycle
        let mut text = Vec::new();
        let dumped = heap.inspect(|view| view.dump(&mut text)).unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap();
        let (nodes, edges) = (numbers(&json["nodes"]), numbers(&json["edges"]));
        let meta = &json["snapshot"]["meta"];
        let columns = meta["node_fields"].as_array().unwrap().len();
        let objects = LISTS * NODES + 2;
        let pointers = 1 + LISTS + LISTS * (2 * NODES - 1);
        assert_eq!((dumped.objects, dumped.pointers), (objects, pointers));
        assert_eq!(nodes.len(), (objects + 1) * columns);
        assert_eq!(json["snapshot"]["node_count"], objects + 1);
        assert_eq!(edges.len(), pointers * 3);
        assert_eq!(json["snapshot"]["edge_count"], pointers);
        let of_nodes: usize = nodes.chunks(columns).map(|node| node[4]).sum();
        assert_eq!(of_nodes, pointers, "the pointers of all nodes are all");
        assert_eq!(nodes.chunks(columns).map(|node| node[3]).sum::<usize>(), dumped.bytes);
        // All but the first node are pointed at, and the name from every node of a list.
        let mut pointed = vec![0; objects + 1];
        edges.chunks(3).for_each(|edge| pointed[edge[2] / columns] += 1);
        assert!(pointed[0] == 0 && pointed[1..].iter().all(|&count| count > 0));
        assert!(pointed.contains(&(LISTS * NODES)));
        let strings = json["strings"].as_array().unwrap();
        let names: Vec<_> =
            nodes.chunks(columns).map(|node| strings[node[1]].as_str().unwrap()).collect();
        assert_eq!(
            names
                .iter()
                .filter(|name| name.ends_with("Node<'_>") || name.ends_with("Node"))
                .count(),
            LISTS * NODES
        );
        assert!(strings.iter().any(|name| name == "str"));
    }
}

#[test]
fn a_path_leads_from_a_root_and_is_a_shortest() {
    let mut heap = lists(MarkSweep::new(Global));
    let (deep, lost) = heap.mutate(|mc, root| {
        let mut node = root.borrow()[3];
        for _ in 0..5 {
            node = node.next.get().unwrap();
        }
        (node.id(mc), Gc::new(mc, 7).id(mc))
    });
    heap.inspect(|view| {
        assert_eq!(view.path_to(lost), None);
        let path = view.path_to(deep).unwrap();
        // The vector, the list's first node, and five more.
        assert_eq!(path.objects.len(), 7);
        assert_eq!(path.objects.last().unwrap().id, Some(deep));
        assert!(path.to_string().starts_with("a root\n-> "));
        assert_eq!(path.to_string().lines().count(), 8);
        let census = view.census();
        assert_eq!(census[0].objects, LISTS * NODES);
        assert_eq!(census.iter().map(|count| count.objects).sum::<usize>(), LISTS * NODES + 2);
    });
}

#[test]
fn dumping_says_what_went_wrong() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = lists(MarkSweep::new(Global)).inspect(|view| view.dump(Full)).unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}

// A huge slice of pointers to numbers.
Rootable!(type Table<'gc> = Gc<'gc, [Lock<Gc<'gc, usize>>]>);

const ELEMENTS: usize = 1_000_000;

/// In the middle of a cycle that has not come to the table yet.
fn table() -> Heap<MarkSweep<Global>, Table> {
    let pace = Pace { min_growth_bytes: 1 << 40, ..Pace::default() };
    let config = Config { pace, verify: true, ..Config::new(Mode::Incremental) };
    let mut heap = Heap::<_, Table>::new(MarkSweep::with_config(config, Global), |mc| {
        Gc::slice(mc, ELEMENTS, |index| Lock::new(Gc::new(mc, index)))
    });
    heap.collect_some(1);
    heap
}

fn check(heap: &mut Heap<MarkSweep<Global>, Table>) {
    heap.collect();
    heap.mutate(|_, table| assert!(table.iter().map(|element| *element.get()).eq(0..ELEMENTS)));
    assert!(heap.collector().figures().live_bytes > ELEMENTS * 24);
}

#[test]
fn writing_an_element_visits_its_card_once() {
    let mut heap = table();
    let cards = |heap: &Heap<MarkSweep<Global>, _>| heap.collector().figures().barrier_cards;
    heap.mutate(|mc, table| {
        table.write_at(mc, 500_000).set(Gc::new(mc, 500_000));
        table.write_at(mc, 500_001).set(Gc::new(mc, 500_001));
    });
    assert_eq!(cards(&heap), 1);
    heap.mutate(|mc, table| {
        table.write_range(mc, 0..3000)[2999].set(Gc::new(mc, 2999));
        table.write_range(mc, 7..7);
    });
    assert!((4..8).contains(&cards(&heap)), "{}", cards(&heap));
    // A step goes on where the last one ended, and leaves what the barrier visited.
    heap.collect_some(100_000);
    heap.mutate(|mc, table| table.write_at(mc, 999_999).set(Gc::new(mc, 999_999)));
    check(&mut heap);
}

#[test]
fn writing_the_whole_slice_visits_every_card_once() {
    let mut heap = table();
    let mut before = 0;
    for round in 0..3 {
        heap.mutate(|mc, table| table.write(mc)[round].set(Gc::new(mc, round)));
        let cards = heap.collector().figures().barrier_cards;
        assert!(if round == 0 { cards > 1000 } else { cards == before }, "{cards}");
        before = cards;
    }
    check(&mut heap);
    // Born while marking: nothing is left to visit.
    heap.collect_some(1);
    let mut new = table();
    std::mem::swap(&mut heap, &mut new);
    heap.mutate_root(|mc, root| {
        *root = Gc::slice(mc, ELEMENTS, |index| Lock::new(Gc::new(mc, index)));
        root.write_at(mc, 77).set(Gc::new(mc, 77));
        root.write(mc)[78].set(Gc::new(mc, 78));
    });
    assert_eq!(heap.collector().figures().barrier_cards, 0);
    check(&mut heap);
}

#[test]
fn elements_out_of_bounds_are_refused() {
    let outside = |write: fn(&mut Heap<MarkSweep<Global>, Table>)| {
        let mut heap = table();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write(&mut heap))).is_err()
    };
    assert!(outside(|heap| heap.mutate(|mc, table| _ = table.write_at(mc, ELEMENTS))));
    assert!(outside(|heap| heap.mutate(|mc, table| _ = table.write_range(mc, 5..ELEMENTS + 1))));
}

Rootable!(type Texts<'gc> = Vec<Gc<'gc, str>>);

#[test]
fn a_heap_reports_what_it_did_and_what_it_stands_on() {
    let collector = MarkSweep::new(Limit::new(1 << 20, Global));
    let mut heap = Heap::<_, Texts>::new(collector, |_| Vec::new());
    heap.mutate_root(|mc, texts| texts.push(Gc::str(mc, "kept")));
    heap.collect();
    heap.collect();
    let (tree, figures) = (Tree::of(&heap), heap.collector().figures());
    assert!(tree.name == "MarkSweep" && figures.cycles >= 2, "{tree}");
    let of = |name| tree.figure("MarkSweep", name);
    assert_eq!(of("cycles"), Some(figures.cycles as u64));
    assert_eq!(of("live after it"), Some(figures.live_bytes as u64));
    assert_eq!(tree.figure("turns", "number"), Some(figures.pauses.count() as u64));
    // The layer below stands below the objects' spans, which are all from there.
    let live = heap.collector().below().live_bytes() as u64;
    let spans = tree.figure("ObjectHeap", "run bytes").expect("the object heap reports");
    assert!((1..=live).contains(&spans) && tree.figure("Limit", "live") == Some(live), "{tree}");
    let inner = tree.below.iter().find(|tree| tree.name == "ObjectHeap").expect("spans");
    assert_eq!(inner.below.iter().map(|tree| tree.name.as_str()).collect::<Vec<_>>(), ["Limit"]);
    // In the middle of a mutation, too.
    let within = heap.mutate(|mc, _| Tree::of(mc.collector()));
    assert_eq!(within.figure("MarkSweep", "cycles"), of("cycles"));
}
