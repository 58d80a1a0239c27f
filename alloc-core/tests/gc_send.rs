//! Heaps that go to another thread, and those that must not.
#![cfg(all(feature = "derive", feature = "conformance", not(loom)))]

use alloc_core::gc::{Gc, GcWeak, Heap, Lock, RefLock, Reference, Static, Stays, Trace};
use alloc_core::{Rootable, field};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    by_name: RefLock<HashMap<String, GcWeak<'gc, Node<'gc>>>>,
    boxed: Option<Box<Node<'gc>>>,
    shared: Arc<str>,
    #[trace(skip)]
    name: &'static str,
}

#[derive(Trace)]
struct Pair<A, B> {
    left: A,
    right: B,
}

/// A type whose field comes from another place than the type.
macro_rules! made {
    ($derived:ident, $name:ident: $of:ty) => {
        #[derive($derived)]
        struct $name {
            of: $of,
            number: u64,
        }
    };
}
made!(Trace, Made: Option<Arc<str>>);

#[derive(Trace)]
struct Local {
    #[trace(skip)]
    count: Rc<()>,
}

#[derive(Trace)]
#[trace(leaf)]
struct Ends(Arc<std::sync::Mutex<Vec<std::thread::ThreadId>>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(std::thread::current().id());
    }
}

Rootable!(type Nodes<'gc> = Gc<'gc, Node<'gc>>);
type Nothing = Static<()>;

fn node<'gc>(next: Option<Gc<'gc, Node<'gc>>>) -> Node<'gc> {
    Node {
        next: Lock::new(next),
        by_name: RefLock::default(),
        boxed: None,
        shared: "shared".into(),
        name: "node",
    }
}

fn empty() -> Heap<Reference, Nothing> {
    Heap::new(Reference::default(), |_| ())
}

fn why<R>(heap: Heap<Reference, R>) -> Option<Stays>
where
    R: for<'gc> alloc_core::gc::Rootable<'gc>,
    for<'gc> alloc_core::gc::Root<'gc, R>: Trace<'gc>,
{
    heap.into_send().err().map(|(_, why)| why)
}

#[test]
fn what_the_compiler_says_of_types() {
    fn sends<'gc, T: ?Sized + Trace<'gc>>() -> bool {
        T::SENDS
    }
    assert!(sends::<Node<'_>>() && sends::<[Node<'_>]>() && sends::<Ends>());
    assert!(sends::<Pair<u8, Gc<'_, Local>>>());
    assert!(!sends::<Local>() && !sends::<Option<Local>>());
    assert!(!sends::<Pair<u8, Local>>() && !sends::<Pair<u8, Rc<u8>>>());
    assert!(!sends::<HashMap<Rc<u8>, u8>>());
    assert!(sends::<Made>() && !<Made as Trace<'_>>::NEEDS_TRACE);
    assert_eq!((Made { of: None, number: 1 }.number, Made { of: None, number: 2 }.of), (1, None));
}

#[test]
fn a_heap_goes_and_its_objects_die_there() {
    let ends = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut heap = Heap::<_, Nodes>::new(Reference::default(), |mc| {
        let first = Gc::new(mc, node(None));
        Gc::new(mc, node(Some(first)))
    });
    heap.mutate(|mc, _| {
        _ = Gc::new(mc, Ends(ends.clone()));
        _ = Gc::slice(mc, 10, |_| Lock::new(Some(Gc::str(mc, "text"))));
    });
    let parcel = heap.into_send().expect("all of it is `Send`");
    let thread = std::thread::spawn(move || {
        let mut heap = parcel.open();
        heap.collect();
        let names = heap.mutate(|mc, root| {
            field!(root.write(mc), Node, by_name)
                .borrow_mut()
                .insert("me".into(), root.downgrade(mc));
            (
                root.name,
                root.next.get().map(|next| (next.name, next.shared.len())),
                root.boxed.is_none(),
            )
        });
        assert_eq!(names, ("node", Some(("node", 6)), true));
        std::thread::current().id()
    });
    let there = thread.join().unwrap();
    assert_eq!(*ends.lock().unwrap(), [there]);
}

#[test]
fn one_local_object_keeps_a_heap_here_dead_or_alive() {
    let mut heap = empty();
    let count = Rc::new(());
    heap.mutate(|mc, ()| _ = Gc::new(mc, Local { count: count.clone() }));
    assert_eq!(Rc::strong_count(&count), 2);
    let Err((mut heap, Stays::Object(_))) = heap.into_send() else { panic!("it went") };
    heap.collect();
    assert_eq!(Rc::strong_count(&count), 1);
    heap.mutate(|mc, ()| _ = Gc::new(mc, Pair { left: 1_u8, right: 2_u8 }).left + 1);
    assert!(matches!(why(heap), Some(Stays::Object(_))));
    let mut heap = empty();
    heap.mutate(|mc, ()| _ = Gc::slice(mc, 1, |_| Local { count: count.clone() })[0].count.clone());
    assert!(matches!(why(heap), Some(Stays::Object(_))));
    let mut heap = empty();
    heap.mutate(|mc, ()| _ = Gc::with_tail(mc, Rc::new(1_u8), 1, |_| 1_u8));
    assert!(matches!(why(heap), Some(Stays::Object(_))));
}

#[test]
fn a_root_or_a_handle_keeps_a_heap_here() {
    Rootable!(type Counted<'gc> = Rc<u8>);
    let heap = Heap::<_, Counted>::new(Reference::default(), |_| Rc::new(1));
    assert_eq!(why(heap), Some(Stays::Root));
    let mut heap = empty();
    let handle = heap.mutate(|mc, ()| mc.stash::<Static<u8>>(Gc::new(mc, 7)));
    let Err((heap, Stays::Handle)) = heap.into_send() else { panic!("it went") };
    drop(handle);
    assert_eq!(why(heap), None);
    let shown = Pair { left: Stays::Handle.to_string(), right: () };
    assert!(shown.left.contains("dynamic root"));
    let () = shown.right;
}
