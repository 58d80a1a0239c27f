//! What a type tells a collector: where its traced pointers are.
//!
//! Above: collectors, through [`TypeInfo`](super::TypeInfo); `rc-cycle`. Below: nothing.
//! In `impls`: [`Trace`] for the standard library's types. In the derive macro: for yours.

use super::Object;
use core::ptr::NonNull;

#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Trace`: what pointers are in it cannot be seen",
    label = "what pointers are in here cannot be seen",
    note = "your own types: write `#[derive(Trace)]`; where no `Gc` and no `Cc` is in them, `#[trace(leaf)]` below it is enough",
    note = "a field in which there is none, whose type is 'static, can be left out: `#[trace(skip)]`, for example closures and types of other crates",
    note = "references cannot be traced, but for `&'static`: own the value",
    note = "a `Gc` cannot be in `Rc`, `Arc`, `Cell`, `RefCell`, locks, nor in keys of the standard library's maps: there are `gc::Lock`, `gc::RefLock` and `gc::Map` for that",
    note = "a `Cc` can be in any of these; what is behind `Rc` and `Arc` is not followed",
    note = "a trait object that a `Cc` points at is declared once, beside its trait: write `rc_cycle::target!(dyn MyTrait);`"
)]
/// A type that may live in a collected heap, under any of the collectors.
///
/// Write `#[derive(Trace)]` (feature `derive`). The lifetime is the brand of the heap whose
/// pointers the type may hold; a type that holds none implements the trait for every brand.
///
/// # Safety
///
/// * **T1, complete.** [`trace`](Trace::trace) visits every traced pointer that the value owns or
///   contains, and [`trace_mut`](Trace::trace_mut) visits the same ones. A value of which
///   `NEEDS_TRACE` is `false` contains none.
/// * **T2, modest.** Both touch nothing but traced pointers and the containers that hold them. In
///   particular they touch no part of the value that may change without the write barrier: `trace`
///   may run on another thread while this one reads the value, and changes the parts that `trace`
///   does not touch. Neither unwinds.
/// * **T3, no sharing.** A pointer to a value that other owners share (`Rc`, `Arc`) is not followed.
/// * **T4, no destructor looks.** Dropping the value does not read through traced pointers: what
///   they point at may be gone by then.
/// * **T5, branded.** Every traced pointer that the value contains has the brand `'gc`.
/// * **T6, constants.** `HOLDS_COUNTED` is `true` if the value can contain counted pointers;
///   `MAY_CYCLE` is `true` if one of them can lead back to the value. `SENDS` is `true` only if the value,
///   apart from what its traced pointers lead to, may go to another thread.
pub unsafe trait Trace<'gc> {
    /// Whether values of this type can contain traced pointers. Where not, collectors skip them.
    const NEEDS_TRACE: bool = true;

    /// Whether values of this type can contain counted pointers (`rc-cycle`'s `Cc`).
    const HOLDS_COUNTED: bool = true;

    /// Whether a counted pointer in a value of this type can lead, through another one, back to it.
    ///
    /// A counted pointer to `U` contributes `U::HOLDS_COUNTED`: so this is found without following
    /// types in circles.
    const MAY_CYCLE: bool = true;

    /// Whether values of this type may go to another thread together with their heap
    /// ([`Heap::into_send`](super::Heap::into_send)). The derive macro asks the compiler whether the
    /// type is `Send`; of a generic type, it asks the fields'.
    const SENDS: bool = false;

    /// Whether [`trace_part`](Trace::trace_part) can visit some elements alone: slices.
    #[doc(hidden)]
    const IN_PARTS: bool = false;

    /// Shows each traced pointer to `visitor`.
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V);

    /// Shows each traced pointer to `visitor`, which may rewrite it.
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V);

    /// Shows the traced pointers of some elements to `visitor`, and touches no other (T1 and T2 for
    /// those), where [`IN_PARTS`](Trace::IN_PARTS) says that this can be done.
    #[doc(hidden)]
    #[inline]
    fn trace_part<V: Visitor + ?Sized>(&self, elements: core::ops::Range<usize>, visitor: &mut V) {
        let _ = elements;
        self.trace(visitor);
    }

    /// [`trace_part`](Trace::trace_part), exclusively.
    #[doc(hidden)]
    #[inline]
    fn trace_part_mut<V: VisitorMut + ?Sized>(
        &mut self,
        elements: core::ops::Range<usize>,
        visitor: &mut V,
    ) {
        let _ = elements;
        self.trace_mut(visitor);
    }
}

/// A counted pointer, as `rc-cycle` shows it to its visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Counted by one thread.
    Local(NonNull<u8>),
    /// Counted by many threads.
    Shared(NonNull<u8>),
}

/// Who is shown the traced pointers of a value.
///
/// # Safety
///
/// The methods do not run code that could change the value that is being visited. A visitor whose
/// [`counts`](Visitor::counts) is `true` visits on the thread that owns the value, while no borrow
/// of a `Cell`'s or a `RefCell`'s content can begin.
pub unsafe trait Visitor {
    /// A pointer to a collected object.
    fn object(&mut self, object: Object);

    /// A counted pointer. Collectors that trace do not care.
    #[inline(always)]
    fn counted(&mut self, counted: Counted) {
        let _ = counted;
    }

    /// Whether counted pointers are looked for, in `Cell`s and `RefCell`s as well.
    #[inline(always)]
    fn counts(&self) -> bool {
        false
    }

    /// Whether locks that lead to counted pointers are to stay locked when they were visited.
    #[cfg(feature = "std")]
    #[inline(always)]
    fn freezes(&self) -> bool {
        false
    }

    /// Where a visitor [`freezes`](Visitor::freezes): the guard of a lock that was visited, after those of locks in it;
    /// `None`, if there was no memory for it: then the visitor drops all guards that it has, as the lock is let go.
    ///
    /// # Safety
    ///
    /// The visitor drops it, on this thread, before the lock can be dropped or moved, and no later than guards of locks
    /// that this one is in.
    #[cfg(feature = "std")]
    unsafe fn keep(&mut self, guard: Option<std::boxed::Box<dyn Guard>>) {
        drop(guard);
    }
}

/// What keeps a lock locked until it is dropped.
#[cfg(feature = "std")]
pub trait Guard {}
#[cfg(feature = "std")]
impl<T> Guard for T {}

// SAFETY: every method forwards.
unsafe impl<V: Visitor + ?Sized> Visitor for &mut V {
    #[inline(always)]
    fn object(&mut self, object: Object) {
        (**self).object(object);
    }
    #[inline(always)]
    fn counted(&mut self, counted: Counted) {
        (**self).counted(counted);
    }
    #[inline(always)]
    fn counts(&self) -> bool {
        (**self).counts()
    }
    #[cfg(feature = "std")]
    fn freezes(&self) -> bool {
        (**self).freezes()
    }
    #[cfg(feature = "std")]
    unsafe fn keep(&mut self, guard: Option<std::boxed::Box<dyn Guard>>) {
        // SAFETY: the caller's.
        unsafe { (**self).keep(guard) }
    }
}

/// Who is shown the traced pointers of a value, and says where their objects are now.
///
/// # Safety
///
/// As for [`Visitor`]; and what `object` returns is the same value, of the same type, in the same
/// heap: the object itself, or the place that it moved to.
pub unsafe trait VisitorMut {
    /// A pointer to `object`; it will point at what is returned.
    fn object(&mut self, object: Object) -> Object;
}

/// The visitor of collectors that never move anything. It has no values.
#[derive(Clone, Copy, Debug)]
pub enum NeverMoves {}

// SAFETY: there is no value whose methods could be called.
unsafe impl VisitorMut for NeverMoves {
    #[inline(always)]
    fn object(&mut self, _object: Object) -> Object {
        match *self {}
    }
}

/// A value without traced pointers in it, in a type that need not know [`Trace`].
///
/// An object of this type ties its heap to its thread ([`Trace::SENDS`]), whatever is in it: where that
/// matters, derive `Trace` for a struct of your own, with `#[trace(skip)]`.
///
/// ```
/// use alloc_core::gc::{Static, Trace};
///
/// struct Foreign;
/// fn may_be_collected<'gc>(_: impl Trace<'gc>) {}
/// may_be_collected(Static(Foreign));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Static<T>(pub T);
