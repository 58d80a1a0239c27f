//! Maps and sets with pointers in their keys, on a collector that moves every object after every mutation.
#![cfg(all(feature = "derive", feature = "conformance", feature = "hashbrown", not(loom)))]

use alloc_core::gc::{Gc, Heap, Id, Lock, Map, Mutation, RefLock, Reference, Set, Static, Trace};
use alloc_core::{Rootable, field, unsize};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet, hash_map::DefaultHasher};
use std::hash::{BuildHasherDefault, Hash, Hasher};

type Names<'gc> = Map<Gc<'gc, str>, u64>;
Rootable!(type Locked<'gc> = Gc<'gc, RefLock<Names<'gc>>>);

fn moving() -> Reference {
    Reference::default().moving().eager()
}

fn names() -> Heap<Reference, Locked> {
    Heap::new(moving(), |mc| Gc::new(mc, RefLock::default()))
}

fn sorted<T: Ord>(of: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = of.into_iter().collect();
    all.sort();
    all
}

#[test]
fn keys_are_found_wherever_they_moved_to() {
    let mut heap = names();
    for number in 0..100_u64 {
        heap.mutate(|mc, map| {
            let key = Gc::str(mc, &number.to_string());
            assert_eq!(map.borrow_mut(mc).insert(key, number), None);
        });
        if number % 10 == 0 {
            heap.mutate(|_, map| {
                let map = map.borrow();
                (0..=number).for_each(|of| assert_eq!(map.get(&*of.to_string()), Some(&of)));
            });
        }
    }
    let place = |heap: &mut Heap<_, Locked>| {
        heap.mutate(|_, map| map.borrow().get_key_value("7").unwrap().0.as_ptr().addr())
    };
    let before = place(&mut heap);
    let after = place(&mut heap);
    assert_ne!(before, after, "every object moves after every mutation");
    heap.mutate(|mc, map| {
        // By a pointer to an equal string, too.
        assert_eq!(map.borrow()[&Gc::str(mc, "99")], 99);
        assert!(!map.borrow().contains_key("100"));
        assert_eq!(sorted(map.borrow().values().copied()), Vec::from_iter(0..100));
    });
}

#[test]
fn keys_are_kept_alive_and_die_with_their_entries() {
    let mut heap = names();
    heap.mutate(|mc, map| {
        map.borrow_mut(mc).extend((0..50).map(|of| (Gc::str(mc, &of.to_string()), of)));
    });
    assert_eq!(heap.collector().objects(), 51);
    heap.mutate(|mc, map| {
        let mut map = map.borrow_mut(mc);
        assert_eq!(map.remove("3"), Some(3));
        assert_eq!(map.remove("3"), None);
        assert_eq!(map.remove_entry("4").map(|(key, of)| (key.len(), of)), Some((1, 4)));
        map.retain(|key, of| {
            *of += 1;
            key.len() == 2
        });
    });
    assert_eq!(heap.collector().objects(), 41);
    heap.mutate(|mc, map| {
        assert_eq!(map.borrow().get("10"), Some(&11));
        map.borrow_mut(mc).clear();
        assert!(map.borrow().is_empty() && map.borrow().capacity() >= 40);
        map.borrow_mut(mc).shrink_to_fit();
        assert_eq!(map.borrow().capacity(), 0);
    });
    assert_eq!(heap.collector().objects(), 1);
}

#[derive(Trace, Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Place<'gc> {
    line: u32,
    file: Gc<'gc, str>,
    scope: Option<Gc<'gc, Place<'gc>>>,
}

#[derive(Trace)]
struct Symbol<'gc> {
    at: Place<'gc>,
    next: Lock<Option<Gc<'gc, Symbol<'gc>>>>,
}

#[test]
fn keys_and_values_are_structs_with_pointers() {
    Rootable!(type Root<'gc> = Map<Place<'gc>, Gc<'gc, Symbol<'gc>>>);
    fn place<'gc>(mc: &Mutation<'gc, Reference>, line: u32) -> Place<'gc> {
        let file = Gc::str(mc, ["a.rs", "b.rs"][line as usize % 2]);
        let scope = (line > 0).then(|| Gc::new(mc, place(mc, line / 2)));
        Place { line, file, scope }
    }
    let mut heap = Heap::<_, Root>::new(moving(), |_| Map::new());
    for line in 0..64 {
        heap.mutate_root(|mc, map| {
            let at = place(mc, line);
            let before = line.checked_sub(1).map(|before| map[&place(mc, before)]);
            let symbol =
                map.get_or_insert_with(at, || Gc::new(mc, Symbol { at, next: Lock::new(before) }));
            assert_eq!(symbol.at, at);
        });
    }
    heap.mutate_root(|mc, map| {
        let mut symbol = Some(*map.get_mut(&place(mc, 63)).unwrap());
        for line in (0..64).rev() {
            let at = symbol.unwrap();
            assert!(at.ptr_eq(map[&at.at]) && at.at.line == line);
            symbol = at.next.get();
        }
        assert!(symbol.is_none());
        let missing = || -> Gc<'_, Symbol<'_>> { panic!("it is there") };
        assert_eq!(map.get_or_insert_with(place(mc, 5), missing).at.line, 5);
    });
}

#[test]
fn sets_have_each_string_once() {
    Rootable!(type Root<'gc> = (Set<Gc<'gc, str>>, Gc<'gc, RefLock<Set<Gc<'gc, str>>>>));
    let mut heap = Heap::<_, Root>::new(moving(), |mc| {
        let three = ["a", "b", "c"].map(|name| Gc::str(mc, name));
        (Set::with_capacity(10), Gc::new(mc, RefLock::new(Set::from(three))))
    });
    for round in 0..5 {
        heap.mutate_root(|mc, (set, _)| {
            let mut made = 0;
            let b = *set.get_or_insert_with("b", |name| {
                made += 1;
                Gc::str(mc, name)
            });
            assert_eq!(made, usize::from(round == 0));
            assert!(b.ptr_eq(*set.get("b").unwrap()));
            assert_eq!(set.insert(Gc::str(mc, "d")), round == 0);
        });
    }
    heap.mutate_root(|mc, (set, other)| {
        let locked = other.borrow();
        let show = |of: &mut dyn Iterator<Item = &Gc<'_, str>>| sorted(of.map(|of| of.to_string()));
        assert_eq!(show(&mut set.union(&locked)), ["a", "b", "c", "d"]);
        assert_eq!(show(&mut set.intersection(&locked)), ["b"]);
        assert_eq!(show(&mut locked.difference(set)), ["a", "c"]);
        assert!(!set.is_disjoint(&locked) && !set.is_subset(&locked));
        assert_eq!(format!("{:?}", Set::<_>::from([Gc::str(mc, "a")])), "{\"a\"}");
        drop(locked);
        assert!(other.borrow_mut(mc).remove("a") && !other.borrow_mut(mc).remove("a"));
        assert_eq!(other.borrow_mut(mc).take("c").as_deref(), Some("c"));
        assert!(other.borrow().is_subset(set));
        set.retain(|name| &**name != "d");
        assert_eq!(*set, *other.borrow());
        assert_eq!(set.clone().into_iter().count() + set.iter().len(), 2);
    });
    heap.mutate_root(|_, (set, other)| {
        assert!(set.contains("b") && other.borrow().contains("b"));
    });
}

#[test]
#[should_panic(expected = "not asked for")]
fn a_set_makes_what_it_was_asked_for() {
    let mut heap = Heap::<_, Static<()>>::new(moving(), |_| ());
    heap.mutate(|mc, ()| _ = Set::new().get_or_insert_with("a", |_| Gc::str(mc, "b")).len());
}

#[test]
fn maps_are_compared_printed_and_cloned() {
    let mut heap = names();
    heap.mutate(|mc, _| {
        let pair = |of: u64| (Gc::str(mc, &of.to_string()), of);
        let mut map = Names::from_iter((0..9).map(pair));
        let mut twin = Map::with_capacity(100);
        twin.extend(&map);
        assert_eq!((map.clone(), twin.len()), (twin, 9));
        map.iter_mut().for_each(|(_, of)| *of += 1);
        map.values_mut().for_each(|of| *of += 1);
        (&mut map).into_iter().for_each(|(_, of)| *of -= 1);
        assert_ne!(map, Names::from_iter((0..9).map(pair)));
        assert_eq!(sorted(map.keys().map(|key| key.parse::<u64>().unwrap())), Vec::from_iter(0..9));
        assert_eq!(map.iter().size_hint(), (9, Some(9)));
        assert_eq!(sorted(map.into_iter().map(|(_, of)| of)), Vec::from_iter(1..10));
        assert_eq!(format!("{:?}", Map::<_, _>::from([pair(1)])), "{\"1\": 1}");
    });
}

#[test]
#[should_panic(expected = "no such key")]
fn an_index_has_to_be_there() {
    names().mutate(|_, map| _ = map.borrow()["Ada"]);
}

#[test]
fn what_a_map_has_no_room_for_is_an_error() {
    let mut map = Map::<u8, u64>::new();
    assert!(map.try_reserve(usize::MAX).is_err() && map.try_reserve(1 << 58).is_err());
    assert!(map.try_reserve(100).is_ok() && map.capacity() >= 100);
    let mut set = Set::<u64>::default();
    assert!(set.try_reserve(usize::MAX).is_err() && set.try_reserve(1).is_ok());
}

/// A hasher under which all keys collide.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }
    fn write(&mut self, _: &[u8]) {}
}

#[test]
fn any_hasher_does_and_trait_objects_are_keys() {
    trait Named {
        fn name(&self) -> &str;
    }
    impl Named for Static<&'static str> {
        fn name(&self) -> &str {
            self.0
        }
    }
    impl PartialEq for dyn Named + '_ {
        fn eq(&self, other: &Self) -> bool {
            self.name() == other.name()
        }
    }
    impl Eq for dyn Named + '_ {}
    impl Hash for dyn Named + '_ {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.name().hash(state);
        }
    }
    type Keys<'gc, S> = Map<Gc<'gc, dyn Named>, Box<Gc<'gc, u8>>, BuildHasherDefault<S>>;
    Rootable!(type Root<'gc> = (Keys<'gc, Same>, Keys<'gc, DefaultHasher>));
    let mut heap = Heap::<_, Root>::new(moving(), |_| Default::default());
    let all = ["a", "b", "c", "d", "e"];
    for (number, name) in all.into_iter().enumerate() {
        heap.mutate_root(|mc, (same, other)| {
            let key = unsize!(Gc::new(mc, Static(name)) => dyn Named);
            let value = || Box::new(Gc::new(mc, u8::try_from(number).unwrap()));
            assert!(same.insert(key, value()).is_none() && other.insert(key, value()).is_none());
        });
    }
    for (number, name) in all.into_iter().enumerate() {
        heap.mutate_root(|_, (same, other)| {
            let key: &dyn Named = &Static(name);
            assert_eq!(**same.remove(key).unwrap(), u8::try_from(number).unwrap());
            assert_eq!(**other[key], u8::try_from(number).unwrap());
        });
    }
}

/// What looks at addresses is found no more, and that is all.
#[test]
fn keys_by_their_address_are_lost_and_nothing_else() {
    #[derive(Trace, Clone, Copy)]
    struct ByAddress<'gc>(Gc<'gc, u64>);
    impl PartialEq for ByAddress<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.0.ptr_eq(other.0)
        }
    }
    impl Eq for ByAddress<'_> {}
    impl Hash for ByAddress<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.as_ptr().hash(state);
        }
    }
    Rootable!(type Root<'gc> = Map<ByAddress<'gc>, u64>);
    let mut heap = Heap::<_, Root>::new(moving(), |_| Map::new());
    for number in 0..200 {
        heap.mutate_root(|mc, map| {
            map.insert(ByAddress(Gc::new(mc, number)), number);
            assert!(map.iter().all(|(key, value)| *key.0 == *value));
            let any = *map.keys().next().unwrap();
            _ = map.remove(&any);
        });
    }
}

type Rows<'gc> = BTreeMap<(u8, [u8; 2]), Gc<'gc, str>>;
type ById<'gc> = HashMap<Id, Gc<'gc, u8>>;

/// What the derive macro has no objection to: maps of other kinds with pointers in their values.
#[derive(Trace, Default)]
struct Maps<'gc> {
    values: HashMap<String, Rows<'gc>>,
    keys: RefLock<Map<Gc<'gc, str>, ById<'gc>>>,
    set: Set<(u8, Gc<'gc, str>)>,
}

#[test]
fn maps_are_derived_and_written_as_fields() {
    Rootable!(type Root<'gc> = Gc<'gc, Maps<'gc>>);
    let mut heap = Heap::<_, Root>::new(moving(), |mc| {
        let mut maps = Maps::default();
        maps.values.entry("a".into()).or_default().insert((1, [2, 3]), Gc::str(mc, "b"));
        maps.set.insert((1, Gc::str(mc, "c")));
        Gc::new(mc, maps)
    });
    let id = heap.mutate(|mc, maps| {
        let value = Gc::new(mc, 7);
        let inner = HashMap::from([(value.id(mc), value)]);
        field!(maps.write(mc), Maps, keys).borrow_mut().insert(Gc::str(mc, "d"), inner);
        value.id(mc)
    });
    heap.collect();
    heap.mutate(|mc, maps| {
        assert_eq!(*maps.keys.borrow()["d"][&id], 7);
        assert_eq!(&*maps.values["a"][&(1, [2, 3])], "b");
        assert!(maps.set.contains(&(1, Gc::str(mc, "c"))));
    });
    assert!(heap.into_send().is_ok());
}

#[test]
fn constants_are_those_of_keys_and_values() {
    fn constants<'gc, T: Trace<'gc>>() -> [bool; 4] {
        [T::NEEDS_TRACE, T::HOLDS_COUNTED, T::MAY_CYCLE, T::SENDS]
    }
    type Plain = Static<Cell<u8>>;
    assert_eq!(constants::<Map<u8, String>>(), [false, false, false, true]);
    assert_eq!(constants::<Map<Gc<'_, u8>, u8>>(), [true, false, false, true]);
    assert_eq!(constants::<Map<u8, Gc<'_, u8>>>(), [true, false, false, true]);
    assert_eq!(constants::<Map<u8, Plain>>(), [false, false, false, false]);
    assert_eq!(constants::<Set<Plain>>(), [false, false, false, false]);
    assert_eq!(constants::<Set<Gc<'_, u8>>>(), [true, false, false, true]);
    assert!(names().into_send().is_ok());
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, u64),
    OrInsert(u8, u64),
    Remove(u8),
    Get(u8),
    Retain(u64),
    Reserve(u8),
    Shrink,
    Clear,
    Clone,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => any::<(u8, u64)>().prop_map(|(key, of)| Op::Insert(key, of)),
        4 => any::<(u8, u64)>().prop_map(|(key, of)| Op::OrInsert(key, of)),
        6 => any::<u8>().prop_map(Op::Remove),
        4 => any::<u8>().prop_map(Op::Get),
        1 => (2_u64..5).prop_map(Op::Retain),
        1 => any::<u8>().prop_map(Op::Reserve),
        1 => Just(Op::Shrink),
        1 => Just(Op::Clear),
        1 => Just(Op::Clone),
    ];
    proptest::collection::vec(op, 0..120)
}

/// Does the same to both, and compares what they say.
fn step<'gc>(
    op: Op,
    mc: &Mutation<'gc, Reference>,
    map: &mut Names<'gc>,
    model: &mut HashMap<String, u64>,
) {
    let name = |key: u8| format!("key {}", key % 40);
    match op {
        Op::Insert(key, of) => {
            let old = map.insert(Gc::str(mc, &name(key)), of);
            assert_eq!(old, model.insert(name(key), of));
        }
        Op::OrInsert(key, of) => {
            let found = map.get_or_insert_with(Gc::str(mc, &name(key)), || of);
            assert_eq!(found, model.entry(name(key)).or_insert(of));
        }
        Op::Remove(key) => assert_eq!(map.remove(&*name(key)), model.remove(&name(key))),
        Op::Get(key) => assert_eq!(map.get(&*name(key)), model.get(&name(key))),
        Op::Retain(by) => {
            map.retain(|_, of| !of.is_multiple_of(by));
            model.retain(|_, of| !of.is_multiple_of(by));
        }
        Op::Reserve(additional) => map.try_reserve(additional.into()).unwrap(),
        Op::Shrink => map.shrink_to_fit(),
        Op::Clear => {
            map.clear();
            model.clear();
        }
        Op::Clone => *map = map.clone(),
    }
}

proptest! {
    #[test]
    fn a_map_does_what_the_standard_librarys_does(ops in ops()) {
        let mut heap = names();
        let mut model = HashMap::new();
        for op in ops {
            heap.mutate(|mc, map| step(op, mc, &mut map.borrow_mut(mc), &mut model));
            heap.mutate(|_, map| {
                let map = map.borrow();
                assert_eq!(map.len(), model.len());
                assert!(map.iter().all(|(key, of)| model.get(&**key) == Some(of)));
                assert!(model.iter().all(|(key, of)| map.get(&**key) == Some(of)));
            });
        }
        let keys = heap.mutate(|_, map| HashSet::from_iter(map.borrow().keys().map(|key| key.to_string())));
        assert_eq!(keys, model.into_keys().collect::<HashSet<_>>());
    }
}
