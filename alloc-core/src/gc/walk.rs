//! A walk over all objects that the roots lead to, nearest first.
//!
//! Above: `dump.rs`, and the questions here: what there is ([`View::census`]), and what keeps an object
//! alive ([`View::path_to`]). Below: the roots, and each type's `visit`. Weak pointers are not followed.
//! A walk takes notes of each object in the global allocator's memory: some 50 bytes.

use super::{Collector, Id, Object, View, Visitor};
use core::fmt;
use std::collections::HashMap;
use std::vec::Vec;

/// An object that was found, and the one that led to it: `None`, if that was a root.
pub(super) struct Found {
    pub object: Object,
    pub from: Option<usize>,
}

/// What was found, in the order of finding.
#[derive(Default)]
pub(super) struct Walk {
    pub found: Vec<Found>,
    places: HashMap<Object, usize>,
}

impl Walk {
    fn add(&mut self, object: Object, from: Option<usize>) {
        let place = self.found.len();
        self.places.entry(object).or_insert_with(|| {
            self.found.push(Found { object, from });
            place
        });
    }

    /// The place of an object in `found`.
    pub fn place(&self, object: Object) -> Option<usize> {
        self.places.get(&object).copied()
    }
}

/// Calls a function for each pointer.
pub(super) struct Each<F>(pub F);

// SAFETY: `F` sees addresses, and has nothing that could change a value in a heap: no mutation is
// under way while somebody has a `View`.
unsafe impl<F: FnMut(Object)> Visitor for Each<F> {
    fn object(&mut self, object: Object) {
        self.0(object);
    }
}

/// An object, as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Which one it is; `None`: that was not known, and there was no memory for it ([`Gc::try_id`](super::Gc::try_id)).
    pub id: Option<Id>,
    /// Its type.
    pub name: &'static str,
    /// Bytes of its slot, header included.
    pub size_bytes: usize,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.id.iter().try_for_each(|id| write!(f, " @{:#x}", id.get()))?;
        write!(f, " ({} bytes)", self.size_bytes)
    }
}

/// The objects of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The type.
    pub name: &'static str,
    /// How many there are.
    pub objects: usize,
    /// Bytes of their slots.
    pub bytes: usize,
}

/// From a root to an object, by pointers that keep it alive. Prints as one line for each object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// The first is in a root, the last is the object.
    pub objects: Vec<Seen>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a root")?;
        self.objects.iter().try_for_each(|seen| write!(f, "\n-> {seen}"))
    }
}

impl<C: Collector> View<'_, C> {
    /// Finds objects until `ends` says that this one was the last.
    pub(super) fn walk(&self, mut ends: impl FnMut(Object) -> bool) -> Walk {
        let mut walk = Walk::default();
        self.visit_roots(&mut Each(|object| walk.add(object, None)));
        let mut next = 0;
        while let Some(&Found { object, .. }) = walk.found.get(next) {
            if ends(object) {
                break;
            }
            self.pointers(object, &mut |to| walk.add(to, Some(next)));
            next += 1;
        }
        walk
    }

    /// Calls `each` for the pointers of an object that a walk found.
    pub(super) fn pointers(&self, object: Object, each: &mut dyn FnMut(Object)) {
        // SAFETY: the roots lead to it, so it is an object of this heap, and no mutation changes it.
        unsafe {
            if let Some(visit) = object.info::<C>().visit {
                visit(object, &mut Each(each));
            }
        }
    }

    /// The type's name of an object that a walk found, and the bytes of its slot.
    pub(super) fn kind(&self, object: Object) -> (&'static str, usize) {
        // SAFETY: as in `pointers`.
        unsafe { ((object.info::<C>().name)(), object.shape::<C>().layout.size()) }
    }

    /// What there is to say of such an object.
    fn seen(&self, object: Object) -> Seen {
        let (name, size_bytes) = self.kind(object);
        Seen { id: self.collector().identity(object).ok().map(Id), name, size_bytes }
    }

    /// Counts the objects that can be reached, by type; the type with the most bytes comes first.
    ///
    /// Takes time and memory linear in the objects.
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// use alloc_core::gc::{Gc, Heap, Reference};
    /// use alloc_core::Rootable;
    ///
    /// Rootable!(type Root<'gc> = Vec<Gc<'gc, u64>>);
    /// let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| (0..5).map(|n| Gc::new(mc, n)).collect());
    /// let census = heap.inspect(|view| view.census());
    /// assert_eq!((census[0].name, census[0].objects), ("u64", 5));
    /// # }
    /// ```
    #[must_use]
    pub fn census(&self) -> Vec<Count> {
        let mut counts = HashMap::<_, Count>::new();
        for Found { object, .. } in self.walk(|_| false).found {
            let (name, size_bytes) = self.kind(object);
            let count = counts.entry(name).or_insert(Count { name, objects: 0, bytes: 0 });
            count.objects += 1;
            count.bytes += size_bytes;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_by_key(|count| (core::cmp::Reverse(count.bytes), count.name));
        counts
    }

    /// A shortest way from a root to the object with this identity ([`Gc::id`](super::Gc::id)): what keeps
    /// it alive. `None`: nothing does.
    ///
    /// Takes time and memory linear in the objects that are nearer to a root.
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// use alloc_core::gc::{Gc, Heap, Reference};
    /// use alloc_core::Rootable;
    ///
    /// Rootable!(type Root<'gc> = Gc<'gc, Option<Gc<'gc, str>>>);
    /// let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| Gc::new(mc, Some(Gc::str(mc, "leak"))));
    /// let leak = heap.mutate(|mc, root| root.unwrap().id(mc));
    /// let path = heap.inspect(|view| view.path_to(leak)).expect("it is alive");
    /// assert_eq!(path.objects.len(), 2);
    /// assert_eq!(path.objects[1].name, "str");
    /// # }
    /// ```
    #[must_use]
    pub fn path_to(&self, id: Id) -> Option<Path> {
        let mut last = None;
        let walk = self.walk(|object| {
            let is_it = self.collector().known_identity(object) == Some(id.get());
            last = last.or(is_it.then_some(object));
            is_it
        });
        let mut objects = Vec::new();
        let mut next = walk.place(last?);
        while let Some(Found { object, from }) = next.and_then(|next| walk.found.get(next)) {
            objects.push(self.seen(*object));
            next = *from;
        }
        objects.reverse();
        Some(Path { objects })
    }
}
