//! A map whose keys are pointers, while all that it points at moves.
#![cfg(not(loom))]

use alloc_core::Rootable;
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Gc, Heap, Map, RefLock};
use gc_generational::{Config, Generational, Mode, Promotion, Torture};
use std::collections::BTreeMap;

Rootable!(type Names<'gc> = Gc<'gc, RefLock<Map<Gc<'gc, str>, u64>>>);

type Model = BTreeMap<String, u64>;

const PROMOTIONS: [Promotion; 3] = [Promotion::First, Promotion::Second, Promotion::Adaptive];

fn change(heap: &mut Heap<Generational<Global>, Names>, model: &mut Model, round: u64) {
    heap.mutate(|mc, names| {
        let mut names = names.borrow_mut(mc);
        for number in (0..30).map(|step| (round * 31 + step * 7) % 500) {
            let name = format!("name {number}");
            // Garbage, so that minor collections come soon.
            let key = Gc::str(mc, &format!("{name}, {round}"));
            assert!(!names.contains_key(&key));
            match (round + number) % 3 {
                0 => assert_eq!(names.remove(name.as_str()), model.remove(&name)),
                _ => {
                    let old = names.insert(Gc::str(mc, &name), round);
                    assert_eq!(old, model.insert(name, round));
                }
            }
        }
    });
}

fn check(heap: &mut Heap<Generational<Global>, Names>, model: &Model) {
    heap.mutate(|mc, names| {
        let names = names.borrow();
        assert_eq!(names.len(), model.len());
        for (name, value) in model {
            let key = Gc::str(mc, name);
            assert_eq!(names.get(&key), Some(value));
            let (found, _) = names.get_key_value(name.as_str()).expect("the same");
            assert!(!found.ptr_eq(key));
        }
        let listed: BTreeMap<_, _> = names.iter().map(|(key, value)| (&**key, *value)).collect();
        assert!(listed.into_iter().eq(model.iter().map(|(key, value)| (key.as_str(), *value))));
    });
}

fn run(collector: Generational<Global>, rounds: u64) -> usize {
    let mut heap = Heap::<_, Names>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    let mut model = Model::new();
    for round in 0..rounds {
        change(&mut heap, &mut model, round);
        if round % 16 == 0 {
            heap.collect_some(1000);
            check(&mut heap, &model);
        }
    }
    heap.collect();
    check(&mut heap, &model);
    heap.collector().figures().minors
}

fn config(mode: Mode, promotion: Promotion) -> Config {
    Config { nursery_bytes: 16 << 10, nursery_max_bytes: 16 << 10, promotion, ..Config::new(mode) }
}

#[test]
fn keys_are_found_after_many_minor_collections() {
    for promotion in PROMOTIONS {
        for mode in [Mode::StopTheWorld, Mode::Incremental] {
            let minors = run(Generational::with_config(config(mode, promotion), Global), 2000);
            assert!(minors > 100, "{minors}");
        }
        let config = config(Mode::Background, promotion);
        run(Generational::background(config, Global).expect("a thread"), 2000);
    }
}

#[test]
fn keys_are_found_in_torture() {
    for promotion in PROMOTIONS {
        for torture in [Torture::Steps, Torture::Cycles] {
            let config = config(Mode::Incremental, promotion).tortured(torture);
            assert!(run(Generational::with_config(config, Global), 100) > 100);
        }
    }
}
