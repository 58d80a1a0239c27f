//! A heap on its way to another thread.
//!
//! Above: the user. Below: `heap.rs`; the constant `Trace::SENDS`, which says of each type whether its values
//! may go. Not here: threads.
//!
//! A heap may hold objects of any type, garbage that waits for its destructor too, so its own type
//! does not say whether it may go: the types of all objects that were ever made in it do. Allocation notes
//! the first one that must stay, which costs nothing for types that may go.

use super::{Collector, Heap, Root, Rootable, Trace};
use core::fmt;

/// A heap that may go to another thread, and is [opened](SendHeap::open) there. Made by
/// [`Heap::into_send`].
pub struct SendHeap<C: Collector, R: for<'gc> Rootable<'gc>> {
    heap: Heap<C, R>,
}

// SAFETY: `into_send` has seen that every type in the heap may go to another thread, the root's and those of
// all objects, dead ones included; and that no handle outside shares anything with it. `C` may go.
unsafe impl<C: Collector + Send, R: for<'gc> Rootable<'gc>> Send for SendHeap<C, R> {}

impl<C: Collector, R: for<'gc> Rootable<'gc>> SendHeap<C, R> {
    /// The heap, which is this thread's from now on: destructors run here.
    #[must_use]
    pub fn open(self) -> Heap<C, R> {
        self.heap
    }
}

impl<C: Collector, R: for<'gc> Rootable<'gc>> fmt::Debug for SendHeap<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendHeap").finish_non_exhaustive()
    }
}

/// Why a heap cannot go to another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stays {
    /// The root's type is not `Send`.
    Root,
    /// An object was made whose type, which has this name, is not `Send`, or of which the compiler was not
    /// asked: see [`Trace::SENDS`]. It is the last such type.
    Object(&'static str),
    /// There is a `DynamicRoot` to it, which has to be dropped first.
    Handle,
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the root may not go to another thread"),
            Self::Object(name) => {
                write!(f, "an object of type {name} may not go to another thread")
            }
            Self::Handle => f.write_str("a dynamic root leads into the heap"),
        }
    }
}

impl core::error::Error for Stays {}

impl<C: Collector, R> Heap<C, R>
where
    R: for<'gc> Rootable<'gc>,
    for<'gc> Root<'gc, R>: Trace<'gc>,
{
    /// Makes the heap ready to go to another thread.
    ///
    /// ```
    /// # #[cfg(all(feature = "conformance", feature = "derive"))] {
    /// # use alloc_core::{gc::{Gc, Heap, Reference, Trace}, Rootable};
    /// #[derive(Trace)]
    /// struct Name<'gc>(Gc<'gc, str>);
    ///
    /// Rootable!(type Root<'gc> = Name<'gc>);
    ///
    /// let heap = Heap::<_, Root>::new(Reference::default(), |mc| Name(Gc::str(mc, "Ada")));
    /// let parcel = heap.into_send().expect("all of it is `Send`");
    /// let there = std::thread::spawn(move || {
    ///     let mut heap = parcel.open();
    ///     heap.collect();
    ///     heap.mutate(|_, name| name.0.len())
    /// });
    /// assert_eq!(there.join().ok(), Some(3));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The heap as it is, and why it has to stay: a type that is not `Send`, of the root or of any object that
    /// was ever made; or a dynamic root.
    #[allow(clippy::result_large_err, reason = "it is the heap itself, as it was")]
    pub fn into_send(self) -> Result<SendHeap<C, R>, (Self, Stays)>
    where
        C: Send,
    {
        let root_stays = !<Root<'static, R> as Trace<'static>>::SENDS;
        match self.stays(root_stays) {
            Some(why) => Err((self, why)),
            None => Ok(SendHeap { heap: self }),
        }
    }

    fn stays(&self, root_stays: bool) -> Option<Stays> {
        let registry = &self.shared.registry;
        if root_stays {
            return Some(Stays::Root);
        }
        if let Some(name) = registry.stays.get() {
            return Some(Stays::Object(name()));
        }
        #[cfg(feature = "alloc")]
        if registry.table.is_used() {
            return Some(Stays::Handle);
        }
        None
    }
}

/// Asks the compiler whether a type is `Send`, for the derive macro: `<__Asked<T>>::SENDS` is the constant
/// right here if it is, and else the one of [`__Otherwise`].
#[doc(hidden)]
#[derive(Debug)]
pub struct __Asked<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: ?Sized + Send> __Asked<T> {
    #[doc(hidden)]
    pub const SENDS: bool = true;
}

/// See [`__Asked`].
#[doc(hidden)]
pub trait __Otherwise {
    #[doc(hidden)]
    const SENDS: bool = false;
}

impl<T: ?Sized> __Otherwise for __Asked<T> {}
