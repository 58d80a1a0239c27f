//! Dynamic roots: handles that live outside the heap.
//!
//! Above: the user. Below: the registry, which holds the table. A handle and its entry share a count
//! (`Rc`); an entry that only the table holds is gone at the next look.

use super::{Collector, Gc, Mutation, Object, Root, Rootable};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell, RefCell};
use core::fmt;
use core::marker::PhantomData;

/// The entries of a heap.
#[derive(Default)]
pub(super) struct Table {
    entries: RefCell<Vec<Rc<Entry>>>,
    /// Which heap it is: one allocation, which entries keep, so that no other heap gets its address.
    heap: OnceCell<Rc<()>>,
}

struct Entry {
    object: Cell<Object>,
    heap: Rc<()>,
}

impl Table {
    fn prune(&self) {
        self.entries.borrow_mut().retain(|entry| Rc::strong_count(entry) > 1);
    }

    pub(super) fn each(&self, mut each: impl FnMut(Object)) {
        self.prune();
        for entry in &*self.entries.borrow() {
            each(entry.object.get());
        }
    }

    pub(super) fn relocate(&self, mut relocate: impl FnMut(Object) -> Object) {
        self.prune();
        for entry in &*self.entries.borrow() {
            entry.object.set(relocate(entry.object.get()));
        }
    }

    /// Whether there is a handle somewhere.
    pub(super) fn is_used(&self) -> bool {
        self.prune();
        !self.entries.borrow().is_empty()
    }

    fn add(&self, object: Object) -> Rc<Entry> {
        let heap = self.heap.get_or_init(|| Rc::new(())).clone();
        let entry = Rc::new(Entry { object: Cell::new(object), heap });
        let is_full = {
            let entries = self.entries.borrow();
            entries.len() == entries.capacity()
        };
        if is_full {
            self.prune();
        }
        self.entries.borrow_mut().push(entry.clone());
        entry
    }

    fn is_ours(&self, entry: &Entry) -> bool {
        self.heap.get().is_some_and(|heap| Rc::ptr_eq(heap, &entry.heap))
    }
}

/// A handle to an object of a heap, from outside: a root, as long as it or a clone of it lives.
///
/// Made by [`Mutation::stash`]; [`Mutation::fetch`] gives the pointer back. It may outlive its heap,
/// and be dropped anywhere, in a destructor of the heap's objects too. `R` is the family of the
/// object's type: see [`Rootable!`](crate::Rootable).
///
/// The object has to be of a sized type. To hold a string or a slice, hold an object that leads to it:
///
/// ```
/// # #[cfg(feature = "conformance")] {
/// # use alloc_core::gc::{DynamicRoot, Gc, Heap, Reference, Static};
/// # use alloc_core::Rootable;
/// Rootable!(type Name<'gc> = Gc<'gc, str>);
///
/// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
/// let name: DynamicRoot<Name> = heap.mutate(|mc, _| {
///     let ada = Gc::str(mc, "Ada");
///     mc.stash(Gc::new(mc, ada)) // a `Gc<Gc<str>>`
/// });
/// heap.collect();
/// assert_eq!(heap.mutate(|mc, _| mc.fetch(&name).len()), 3);
/// # }
/// ```
///
/// Each handle is looked at when a collection begins; where there are very many, hold them in an
/// object instead. A handle that is stored in its own heap keeps its object for good: use `Gc` there.
pub struct DynamicRoot<R: for<'gc> Rootable<'gc>> {
    entry: Rc<Entry>,
    /// Invariant in `R`: a family's types need not vary as the family does.
    _of: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

impl<R: for<'gc> Rootable<'gc>> Clone for DynamicRoot<R> {
    fn clone(&self) -> Self {
        Self { entry: self.entry.clone(), _of: PhantomData }
    }
}

impl<R: for<'gc> Rootable<'gc>> fmt::Debug for DynamicRoot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicRoot").finish_non_exhaustive()
    }
}

impl<'gc, C: Collector> Mutation<'gc, C> {
    /// Makes a root of an object, for as long as the handle lives.
    #[must_use]
    pub fn stash<R: for<'r> Rootable<'r>>(&self, object: Gc<'gc, Root<'gc, R>>) -> DynamicRoot<R> {
        DynamicRoot { entry: self.shared.registry.table.add(object.object()), _of: PhantomData }
    }

    /// The object of a handle.
    ///
    /// # Panics
    ///
    /// When the handle is another heap's.
    #[must_use]
    pub fn fetch<R: for<'r> Rootable<'r>>(&self, root: &DynamicRoot<R>) -> Gc<'gc, Root<'gc, R>> {
        match self.try_fetch(root) {
            Some(object) => object,
            None => panic!("a dynamic root of another heap"),
        }
    }

    /// The object of a handle, unless the handle is another heap's.
    #[must_use]
    pub fn try_fetch<R: for<'r> Rootable<'r>>(
        &self,
        root: &DynamicRoot<R>,
    ) -> Option<Gc<'gc, Root<'gc, R>>> {
        // SAFETY: the entry is in this heap's table, so its object is alive; it was made from a `Gc`
        // of the same family.
        (self.shared.registry.table.is_ours(&root.entry))
            .then(|| unsafe { Gc::from_object(root.entry.object.get()) })
    }
}
