//! Types of all sorts that cycles go through: containers, keys, parameters, function pointers.

#![cfg(not(loom))]

mod common;

use alloc_core::Layer;
use alloc_core::gc::Trace;
use common::{Counting, Memory};
use rc_cycle::{Cc, Weak, collect, figures, sync};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::ops::{Bound, ControlFlow, Range, RangeInclusive};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;

/// A container for pointers to values with such a container in them.
trait Family: 'static {
    type Of: Trace<'static> + Default + 'static;
    fn put(container: &mut Self::Of, pointer: Cc<Ring<Self>>);
}

/// Made a cycle by its container. The number says who is who.
#[derive(Trace)]
#[trace(bound = "")]
struct Ring<F: Family + ?Sized + 'static>(RefCell<F::Of>, u32);

impl<F: Family + ?Sized> PartialEq for Ring<F> {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}
impl<F: Family + ?Sized> Eq for Ring<F> {}
impl<F: Family + ?Sized> PartialOrd for Ring<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<F: Family + ?Sized> Ord for Ring<F> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.1.cmp(&other.1)
    }
}
impl<F: Family + ?Sized> Hash for Ring<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hash(state);
    }
}

/// A cycle of two through their containers is not freed while one is held, and freed then.
fn is_found<F: Family>() {
    let ring = |number| Cc::new(Ring::<F>(RefCell::default(), number));
    let (first, second) = (ring(1), ring(2));
    F::put(&mut first.0.borrow_mut(), second.clone());
    F::put(&mut second.0.borrow_mut(), first.clone());
    drop(second);
    assert_eq!((collect(), figures().live_objects), (0, 2));
    drop(first);
    assert_eq!((collect(), figures().live_objects), (2, 0));
}

macro_rules! found {
    ($($name:ident: $of:ty, |$container:ident, $pointer:ident| $put:expr;)*) => {$(
        #[test]
        fn $name() {
            struct This;
            type Pointer = Cc<Ring<This>>;
            impl Family for This {
                type Of = $of;
                fn put($container: &mut Self::Of, $pointer: Pointer) {
                    $put;
                }
            }
            is_found::<This>();
        }
    )*};
}
found! {
    a_cycle_through_a_hash_set: HashSet<Pointer>, |set, pointer| set.insert(pointer);
    a_cycle_through_a_btree_set: BTreeSet<Pointer>, |set, pointer| set.insert(pointer);
    a_cycle_through_a_binary_heap: BinaryHeap<Pointer>, |heap, pointer| heap.push(pointer);
    a_cycle_through_keys_of_a_hash_map: HashMap<Pointer, u8>, |map, pointer| map.insert(pointer, 1);
    a_cycle_through_keys_of_a_btree_map: BTreeMap<Pointer, ()>,
        |map, pointer| map.insert(pointer, ());
    a_cycle_through_values_of_a_map: HashMap<u8, Pointer>, |map, pointer| map.insert(1, pointer);
    a_cycle_through_a_vec_of_sets: Vec<HashSet<Pointer>>,
        |sets, pointer| sets.push([pointer].into());
    a_cycle_through_a_set_of_options: BTreeSet<Option<Pointer>>,
        |set, pointer| set.insert(Some(pointer));
    a_cycle_through_a_pinned_pointer: Option<Pin<Pointer>>,
        // SAFETY: nobody moves the value, as nothing can be moved out of a shared one.
        |option, pointer| *option = Some(unsafe { Pin::new_unchecked(pointer) });
    a_cycle_through_a_pinned_box: Option<Pin<Box<(Pointer, u8)>>>,
        |option, pointer| *option = Some(Box::pin((pointer, 1)));
    a_cycle_through_a_range: Option<Range<Pointer>>,
        |option, pointer| *option = Some(pointer.clone()..pointer);
    a_cycle_through_a_closed_range: Option<RangeInclusive<Pointer>>,
        |option, pointer| *option = Some(pointer.clone()..=pointer);
    a_cycle_through_bounds: Vec<Bound<Pointer>>,
        |bounds, pointer| bounds.extend([Bound::Included(pointer), Bound::Unbounded]);
    a_cycle_through_control_flow: Vec<ControlFlow<Pointer, Poll<Pointer>>>,
        |flow, pointer| flow.extend([
            ControlFlow::Break(pointer.clone()),
            ControlFlow::Continue(Poll::Ready(pointer)),
            ControlFlow::Continue(Poll::Pending),
        ]);
}

#[test]
fn keys_without_pointers_cost_nothing() {
    fn constants<T: Trace<'static>>() -> [bool; 3] {
        [T::NEEDS_TRACE, T::HOLDS_COUNTED, T::MAY_CYCLE]
    }
    assert_eq!(constants::<HashMap<String, u8>>(), [false; 3]);
    assert_eq!(constants::<BTreeSet<Option<&'static str>>>(), [false; 3]);
    // Held, but no way back.
    assert_eq!(constants::<HashSet<Cc<str>>>(), [false, true, false]);
    assert_eq!(constants::<BTreeMap<Weak<u8>, u8>>(), [false; 3]);
    assert_eq!(constants::<std::borrow::Cow<'static, str>>(), [false; 3]);
}

#[test]
fn a_cycle_for_many_threads_through_keys() {
    #[derive(Trace)]
    struct Star(Mutex<HashMap<Name, u8>>);
    #[derive(Trace)]
    struct Name(sync::Cc<Star>);
    impl PartialEq for Name {
        fn eq(&self, other: &Self) -> bool {
            sync::Cc::ptr_eq(&self.0, &other.0)
        }
    }
    impl Eq for Name {}
    impl Hash for Name {
        fn hash<H: Hasher>(&self, state: &mut H) {
            sync::Cc::as_ptr(&self.0).hash(state);
        }
    }
    let star = sync::Cc::new(Star(Mutex::default()));
    star.0.lock().unwrap().insert(Name(star.clone()), 1);
    let weak = sync::Cc::downgrade(&star);
    sync::collect();
    assert!(weak.upgrade().is_some());
    drop(star);
    sync::collect();
    assert!(weak.upgrade().is_none());
}

#[derive(Trace)]
struct Node<T: Trace<'static> + 'static> {
    value: T,
    next: RefCell<Option<Cc<Node<T>>>>,
}

#[derive(Trace)]
struct Anywhere<T>
where
    T: 'static + for<'a> Trace<'a>,
{
    value: RefCell<Vec<T>>,
    next: RefCell<Option<Cc<Anywhere<T>>>>,
}

#[derive(Trace)]
struct Boxes<T: 'static> {
    value: RefCell<Vec<T>>,
    node: Option<Cc<Node<u8>>>,
}

#[test]
fn types_with_parameters_derive() {
    let node = Cc::new(Node { value: String::from("text"), next: RefCell::default() });
    *node.next.borrow_mut() = Some(node.clone());
    assert_eq!(node.value, "text");
    drop(node);
    assert_eq!(collect(), 1);

    let anywhere = Cc::new(Anywhere { value: RefCell::new(vec![None]), next: RefCell::default() });
    anywhere.value.borrow_mut().push(Some(Cc::new(1)));
    *anywhere.next.borrow_mut() = Some(anywhere.clone());
    drop(anywhere);
    assert_eq!(collect(), 1);

    // By value in another type, which may be in any heap.
    #[derive(Trace)]
    struct Outer(Node<Boxes<u8>>);
    fn is_of_any_brand<T: for<'a> Trace<'a>>(_: &T) {}
    let boxes = Boxes { value: RefCell::new(vec![1]), node: None };
    let outer = Outer(Node { value: boxes, next: RefCell::default() });
    is_of_any_brand(&outer);
    assert!(outer.0.value.node.is_none() && *outer.0.value.value.borrow() == [1]);
}

#[derive(Trace)]
struct InMemory<A: Layer + Clone + 'static> {
    next: RefCell<Option<Cc<InMemory<A>, A>>>,
}

#[derive(Trace)]
struct Both<T: Trace<'static> + 'static, A>
where
    A: Layer + 'static,
{
    value: T,
    next: RefCell<Option<Cc<Both<T, A>, A>>>,
}

#[test]
fn types_with_an_allocator_derive() {
    let (layer, memory) = Counting::layer();
    let node = Cc::new_in(InMemory { next: RefCell::default() }, layer.clone());
    *node.next.borrow_mut() = Some(node.clone());
    drop(node);
    assert_eq!(collect(), 1);
    let both: Cc<Both<u8, Memory>, Memory> =
        Cc::new_in(Both { value: 7, next: RefCell::default() }, layer);
    *both.next.borrow_mut() = Some(both.clone());
    assert_eq!(both.value, 7);
    drop(both);
    assert_eq!((collect(), memory.bytes()), (1, 0));
}

#[test]
fn function_pointers_are_left_out() {
    type Native = fn(&[Value], &mut u32) -> Value;
    #[derive(Trace)]
    enum Value {
        Number(u32),
        Native(fn(&[Value]) -> Value),
        Pair(RefCell<Vec<Cc<Value>>>, #[trace(skip)] Option<Native>),
    }
    let pair = Cc::new(Value::Pair(RefCell::default(), None));
    let Value::Pair(values, None) = &*pair else { unreachable!() };
    values.borrow_mut().push(pair.clone());
    values.borrow_mut().push(Cc::new(Value::Native(|values| match values {
        [Value::Number(number)] => Value::Number(number + 1),
        _ => Value::Number(0),
    })));
    let Value::Native(native) = *values.borrow()[1] else { unreachable!() };
    assert!(matches!(native(&[Value::Number(1)]), Value::Number(2)));
    drop(pair);
    assert_eq!(collect(), 2);
}
