//! Weak pointers, ephemerons, finalisers: what watches objects without keeping them alive.
//!
//! Above: the user. Below: `registry.rs`, whose chains the watches are in.

use super::heap::Brand;
use super::object::{InfoOf, write_header};
use super::registry::{Ephemeral, Final, Watch};
use super::{Collector, Gc, Mutation, Object, Trace, Visitor, VisitorMut};
use crate::AllocError;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// # Safety
///
/// The new object is put into its chain.
unsafe fn watch<'gc, T: Trace<'gc>, C: Collector>(
    mc: &Mutation<'gc, C>,
    watch: T,
) -> Result<Object, AllocError> {
    let shape = InfoOf::<T, C>::SHAPE;
    // SAFETY: the header is written right below, and the slot fits the shape.
    unsafe {
        let start = mc.shared.collector.allocate(shape)?;
        let object = write_header(start, shape, 0, mc.header(InfoOf::<T, C>::INFO));
        object.value_of::<T>().write(watch);
        Ok(object)
    }
}

macro_rules! leaf {
    ($($of:ty $(, $c:ident)?);* $(;)?) => {$(
        // SAFETY: a watch is not traced through: the registry looks after what it watches.
        unsafe impl<'gc $(, $c: Collector)?> Trace<'gc> for $of {
            const NEEDS_TRACE: bool = false;
            const HOLDS_COUNTED: bool = false;
            const MAY_CYCLE: bool = false;
            const SENDS: bool = true;
            fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
            fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
        }
    )*};
}
leaf!(Watch; Ephemeral; Final<C>, C);

/// A pointer that does not keep its object alive.
///
/// It holds a small object of its own, the watch, which learns of the object's death. To an object
/// with a finaliser it leads until the finaliser has run and the object is found dead again.
pub struct GcWeak<'gc, T: ?Sized> {
    watch: Object,
    /// Where the object was when the pointer was made: used for the metadata.
    value: NonNull<T>,
    _brand: Brand<'gc>,
}

impl<T: ?Sized> Clone for GcWeak<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for GcWeak<'_, T> {}

// SAFETY: as for `Gc<'static, T>`.
unsafe impl<T: ?Sized> Send for GcWeak<'static, T> {}

impl<'gc, T: ?Sized> Gc<'gc, T> {
    /// A weak pointer to the object. It takes a small object of its own; copies of it do not.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    #[must_use]
    pub fn downgrade<C: Collector>(self, mc: &Mutation<'gc, C>) -> GcWeak<'gc, T> {
        match self.try_downgrade(mc) {
            Ok(weak) => weak,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// A weak pointer to the object.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_downgrade<C: Collector>(
        self,
        mc: &Mutation<'gc, C>,
    ) -> Result<GcWeak<'gc, T>, AllocError> {
        // SAFETY: the watch goes into the chain.
        let watch = unsafe {
            let watch = watch(mc, Watch::on(self.object()))?;
            mc.shared.registry.weak.push(watch);
            watch
        };
        Ok(GcWeak { watch, value: self.value(), _brand: PhantomData })
    }
}

impl<'gc, T: ?Sized> GcWeak<'gc, T> {
    /// The object, unless it was found dead. It is alive for this mutation then, and longer if it is
    /// stored where the root leads to.
    #[inline]
    #[must_use]
    pub fn upgrade<C: Collector>(self, mc: &Mutation<'gc, C>) -> Option<Gc<'gc, T>> {
        let object = self.target()?;
        // SAFETY: the target of a live watch that was not cleared is of this heap and has a slot.
        unsafe { mc.shared.collector.retain(object) };
        // SAFETY: it is the object that the pointer was made for, wherever it is now.
        Some(unsafe { Gc::at(self.value, object.value()) })
    }

    /// Whether the object was found dead.
    #[inline]
    #[must_use]
    pub fn is_dead(self) -> bool {
        self.target().is_none()
    }

    /// Whether both point at the same object. Two that were made one by one, and whose object is
    /// dead, do not know any more.
    #[must_use]
    pub fn ptr_eq(self, other: Self) -> bool {
        self.watch == other.watch
            || self.target().is_some_and(|target| other.target() == Some(target))
    }

    fn target(self) -> Option<Object> {
        // SAFETY: the pointer keeps its watch alive.
        unsafe { Watch::of(self.watch) }.target.get()
    }
}

impl<T: ?Sized> fmt::Debug for GcWeak<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_dead() { "(dead)" } else { "(weak)" })
    }
}

// SAFETY: the watch is what it points at; the address in `value` is not used.
unsafe impl<'gc, T: ?Sized> Trace<'gc> for GcWeak<'gc, T> {
    const HOLDS_COUNTED: bool = false;
    const MAY_CYCLE: bool = false;
    const SENDS: bool = true;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        visitor.object(self.watch);
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        self.watch = visitor.object(self.watch);
    }
}

/// A pair of which the value lives as long as both the key and the pair do: an entry of a map with
/// weak keys. A value that leads to its own key does not keep it alive. A key with a finaliser is still there
/// until the finaliser has run and the key is found dead again.
///
/// A map with weak keys is a map from identities to such pairs. Entries whose keys died stay in it, empty,
/// until somebody takes them out:
///
/// ```
/// # #[cfg(all(feature = "conformance", feature = "alloc", feature = "std"))] {
/// use alloc_core::gc::{Ephemeron, Gc, Heap, Id, RefLock, Reference};
/// use alloc_core::Rootable;
/// use std::collections::HashMap;
///
/// Rootable!(type Names<'gc> = Gc<'gc, RefLock<HashMap<Id, Ephemeron<'gc, u64, String>>>>);
///
/// let mut heap = Heap::<_, Names>::new(Reference::default(), |mc| Gc::new(mc, RefLock::default()));
/// heap.mutate(|mc, names| {
///     let key = Gc::new(mc, 7);
///     let pair = Ephemeron::new(mc, key, Gc::new(mc, "seven".into()));
///     names.borrow_mut(mc).insert(key.id(mc), pair);
/// });
/// heap.collect();
/// heap.mutate(|mc, names| {
///     names.borrow_mut(mc).retain(|_, pair| pair.get(mc).is_some());
///     assert!(names.borrow().is_empty());
/// });
/// # }
/// ```
pub struct Ephemeron<'gc, K: ?Sized, V> {
    watch: Object,
    key: NonNull<K>,
    /// Invariant in `V`: `set` puts a value in.
    _value: PhantomData<(Brand<'gc>, Cell<V>)>,
}

impl<K: ?Sized, V> Clone for Ephemeron<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized, V> Copy for Ephemeron<'_, K, V> {}

// SAFETY: as for `Gc<'static, T>`.
unsafe impl<K: ?Sized, V> Send for Ephemeron<'static, K, V> {}

impl<'gc, K: ?Sized, V> Ephemeron<'gc, K, V> {
    /// A pair of a key and a value.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    #[must_use]
    pub fn new<C: Collector>(mc: &Mutation<'gc, C>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Self {
        match Self::try_new(mc, key, value) {
            Ok(pair) => pair,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// A pair of a key and a value.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_new<C: Collector>(
        mc: &Mutation<'gc, C>,
        key: Gc<'gc, K>,
        value: Gc<'gc, V>,
    ) -> Result<Self, AllocError> {
        let value = Cell::new(Some(value.object()));
        // SAFETY: the watch goes into the chain.
        let watch = unsafe {
            let watch = watch(mc, Ephemeral { watch: Watch::on(key.object()), value })?;
            mc.shared.registry.ephemerons.push(watch);
            watch
        };
        Ok(Self { watch, key: key.value(), _value: PhantomData })
    }

    /// The key and the value, unless the key was found dead.
    #[must_use]
    pub fn get<C: Collector>(self, mc: &Mutation<'gc, C>) -> Option<(Gc<'gc, K>, Gc<'gc, V>)> {
        let pair = self.ephemeral();
        let (key, value) = (pair.watch.target.get()?, pair.value.get()?);
        // SAFETY: a live watch that was not cleared has objects of this heap whose slots are there.
        unsafe {
            mc.shared.collector.retain(key);
            mc.shared.collector.retain(value);
        }
        // SAFETY: the key is the one the pair was made for; every value was a `Gc<V>`.
        Some(unsafe { (Gc::at(self.key, key.value()), Gc::from_object(value)) })
    }

    /// Sets the value. Does nothing when the key was found dead.
    pub fn set<C: Collector>(self, mc: &Mutation<'gc, C>, value: Gc<'gc, V>) {
        let _ = mc;
        let pair = self.ephemeral();
        if pair.watch.target.get().is_some() {
            pair.value.set(Some(value.object()));
        }
    }

    fn ephemeral(&self) -> &Ephemeral {
        // SAFETY: the pair keeps its watch alive, which was made as an `Ephemeral`.
        unsafe { self.watch.value_of().as_ref() }
    }
}

impl<K: ?Sized, V> fmt::Debug for Ephemeron<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ephemeron").finish_non_exhaustive()
    }
}

// SAFETY: as for `GcWeak`.
unsafe impl<'gc, K: ?Sized, V> Trace<'gc> for Ephemeron<'gc, K, V> {
    const HOLDS_COUNTED: bool = false;
    const MAY_CYCLE: bool = false;
    const SENDS: bool = true;

    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        visitor.object(self.watch);
    }

    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        self.watch = visitor.object(self.watch);
    }
}

impl<'gc, T> Gc<'gc, T> {
    /// Has `finaliser` called, once, after the object was found dead.
    ///
    /// * It runs between two mutations, in one of its own, and may use the object and everything that
    ///   the object leads to: all of that lives until then.
    /// * It may store the object where the root leads to. Then the object lives on, without the
    ///   finaliser; it may be given another one.
    /// * Finalisers of objects found dead at the same time run in the order in which they were given.
    /// * A panic in it goes to the caller of the mutation or collection; the others run later.
    /// * When the heap is dropped, finalisers do not run.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn finalise_with<C: Collector>(
        self,
        mc: &Mutation<'gc, C>,
        finaliser: fn(&Mutation<'gc, C>, Self),
    ) -> Result<(), AllocError> {
        let with = finaliser as *const ();
        let watched = Watch::on(self.object());
        // SAFETY: the watch goes into the chain.
        unsafe {
            let watch = watch(mc, Final::<C> { watch: watched, run: run::<T, C>, with })?;
            mc.shared.registry.finalisers.push(watch);
        }
        Ok(())
    }
}

/// Calls a finaliser.
///
/// # Safety
///
/// `with` is a finaliser for `T` that was given to the object, which is alive.
unsafe fn run<T, C: Collector>(mc: &Mutation<'_, C>, object: Object, with: *const ()) {
    // SAFETY: `finalise_with` made it from a pointer of this type, whose lifetimes were those of
    // another mutation: a function cannot tell them apart. The caller vouches for the object.
    unsafe {
        let with = core::mem::transmute::<*const (), fn(&Mutation<'_, C>, Gc<'_, T>)>(with);
        with(mc, Gc::from_object(object));
    }
}
