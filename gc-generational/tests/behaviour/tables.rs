//! Huge slices: what is looked at for a write to an element.

use super::*;

Rootable!(type Table<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, usize>>>]>);

const ELEMENTS: usize = 1_000_000;

#[test]
fn a_write_to_an_element_has_its_card_looked_at() {
    let collector = Generational::with_config(config(Promotion::First), Global);
    let mut heap =
        Heap::<_, Table>::new(collector, |mc| Gc::slice(mc, ELEMENTS, |_| Lock::new(None)));
    heap.collect();
    let cards = |heap: &Heap<Collector, Table>| heap.collector().figures().remembered_cards;
    assert_eq!(cards(&heap), 0);
    for round in 1..5 {
        let index = round * 222_222;
        heap.mutate(|mc, table| table.write_at(mc, index).set(Some(Gc::new(mc, index))));
        minor(&mut heap);
        assert_eq!(cards(&heap), round as u64);
        assert_eq!(heap.collector().figures().remembered_objects, 1 + round as u64);
    }
    // Nothing was written to: nothing is looked at.
    minor(&mut heap);
    assert_eq!(cards(&heap), 4);
    heap.mutate(|_, table| {
        let set: Vec<_> = table.iter().filter_map(Lock::get).map(|of| *of).collect();
        assert_eq!(set, [222_222, 444_444, 666_666, 888_888]);
    });
}

#[test]
fn a_card_stays_noted_as_long_as_it_leads_to_the_young() {
    let collector = Generational::with_config(config(Promotion::Second), Global);
    let mut heap =
        Heap::<_, Table>::new(collector, |mc| Gc::slice(mc, ELEMENTS, |_| Lock::new(None)));
    heap.collect();
    let cards = |heap: &Heap<Collector, Table>| heap.collector().figures().remembered_cards;
    heap.mutate(|mc, table| table.write_at(mc, ELEMENTS - 1).set(Some(Gc::new(mc, 7))));
    for (minors, seen) in [(1, 1), (2, 2), (3, 2)] {
        minor(&mut heap);
        assert_eq!(cards(&heap), seen, "{minors}");
    }
    heap.mutate(|_, table| assert_eq!(table[ELEMENTS - 1].get().map(|of| *of), Some(7)));
}

/// Beside a marker that has not come to the table yet.
#[test]
fn elements_are_written_while_the_table_is_marked() {
    let config = |mode| {
        let mut config = config(Promotion::Second);
        config.tenured.mode = mode;
        // Cycles follow one another.
        config.tenured.pace = Pace { growth_percent: 0, min_growth_bytes: 1, ..Pace::default() };
        config
    };
    for elements in [20_000, 3_000_000] {
        let stepping = Generational::with_config(config(Mode::Incremental), Global);
        let background =
            Generational::background(config(Mode::Background), Global).expect("a thread");
        for collector in [stepping, background] {
            writes_beside_a_marker(collector, elements);
        }
    }
}

fn writes_beside_a_marker(collector: Collector, elements: usize) {
    let mut heap = Heap::<_, Table>::new(collector, |mc| {
        Gc::slice(mc, elements, |index| Lock::new((index % 100 == 0).then(|| Gc::new(mc, index))))
    });
    heap.collect();
    for round in 1..20 {
        // A cycle begins, or goes on.
        minor(&mut heap);
        heap.mutate(|mc, table| {
            for index in (round * 7..elements).step_by(elements / 10) {
                table.write_at(mc, index).set(Some(Gc::new(mc, index)));
            }
        });
    }
    let figures = heap.collector().figures();
    assert!(figures.tenured.barrier_cards > 0 || figures.tenured.cycles > 1, "{figures:?}");
    heap.collect();
    heap.mutate(|_, table| {
        let is_set = |index: usize| {
            index.is_multiple_of(100)
                || (1..20).any(|r| index >= r * 7 && (index - r * 7).is_multiple_of(elements / 10))
        };
        for (index, element) in table.iter().enumerate() {
            assert_eq!(element.get().map(|of| *of), is_set(index).then_some(index));
        }
    });
}

// (h) threads
