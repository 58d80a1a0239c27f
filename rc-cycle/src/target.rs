//! What a [`Cc`](crate::Cc) may point at, and what the compiler knows of it.
//!
//! Above: the pointers, whose code depends on it. Below: [`Trace`], which the derive macro writes.

use crate::visit::Visit;
use alloc_core::gc::Trace;
use core::any::Any;
use core::error::Error;
use core::fmt::{Debug, Display};

#[diagnostic::on_unimplemented(
    message = "no `Cc` can point at `{Self}`: if it is a trait object, write `target!({Self});`; if a type of your own, `#[derive(Trace)]`",
    label = "a `Cc` points at `'static` types that are `Trace`, slices of such, `str`, and declared trait objects",
    note = "a trait object is declared once, beside its trait: `rc_cycle::target!({Self});`",
    note = "`#[derive(Trace)]` stands on each type that is in it"
)]
/// A type that a [`Cc`](crate::Cc) may point at: every `'static` type that is [`Trace`], slices of those, `str`, and
/// trait objects that were declared by [`target!`](crate::target): here, those of `Any`, `Error`, `Debug` and `Display`, also
/// with `Send`, and with `Send + Sync`.
///
/// # Safety
///
/// * **G1.** `MAY_CYCLE` is `true` if a value can contain a counted pointer that leads, through others, back to it;
///   `HOLDS_COUNTED`, if it can contain one at all.
/// * **G2.** `visit` shows every counted pointer in the value ([`Trace`], T1) where `MAY_CYCLE` is `true`.
pub unsafe trait Target: 'static {
    /// Whether a value can be part of a cycle.
    const MAY_CYCLE: bool;
    /// Whether a value can hold counted pointers.
    const HOLDS_COUNTED: bool;
    /// Whether the number of elements has to be kept beside the value.
    #[doc(hidden)]
    const IS_SLICE: bool = false;
    /// Whether only the value's own type tells if it can be part of a cycle.
    #[doc(hidden)]
    const IS_DYN: bool = false;

    /// Shows the counted pointers.
    #[doc(hidden)]
    fn visit(&self, visit: &mut Visit<'_>);
}

// SAFETY: `Trace` promises the same (T1, T6).
unsafe impl<T: Trace<'static> + 'static> Target for T {
    const MAY_CYCLE: bool = T::MAY_CYCLE;
    const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;

    #[inline]
    fn visit(&self, visit: &mut Visit<'_>) {
        self.trace(visit);
    }
}

// SAFETY: as for its elements.
unsafe impl<T: Trace<'static> + 'static> Target for [T] {
    const MAY_CYCLE: bool = T::MAY_CYCLE;
    const HOLDS_COUNTED: bool = T::HOLDS_COUNTED;
    const IS_SLICE: bool = true;

    #[inline]
    fn visit(&self, visit: &mut Visit<'_>) {
        self.trace(visit);
    }
}

// SAFETY: bytes hold nothing.
unsafe impl Target for str {
    const MAY_CYCLE: bool = false;
    const HOLDS_COUNTED: bool = false;
    const IS_SLICE: bool = true;

    fn visit(&self, _: &mut Visit<'_>) {}
}

/// Declares that a [`Cc`](crate::Cc) may point at trait objects: `target!(dyn Shape);`, once, beside the trait.
/// [`unsize!`](crate::unsize) makes such pointers.
///
/// ```
/// use alloc_core::gc::Trace;
/// use rc_cycle::{Cc, target, unsize};
///
/// trait Shape {
///     fn area(&self) -> f64;
/// }
/// target!(dyn Shape);
///
/// #[derive(Trace)]
/// struct Square(f64);
/// impl Shape for Square {
///     fn area(&self) -> f64 {
///         self.0 * self.0
///     }
/// }
/// let shape: Cc<dyn Shape> = unsize!(Cc::new(Square(3.0)));
/// assert_eq!(shape.area(), 9.0);
/// ```
#[macro_export]
macro_rules! target {
    ($($of:ty),+ $(,)?) => {$(
        const _: () = assert!(
            size_of::<*const $of>() > size_of::<usize>(),
            "`target!` is for trait objects"
        );
        // SAFETY: what is behind it is visited by the record of its own type, to which its box leads, if it has one.
        unsafe impl $crate::Target for $of {
            const MAY_CYCLE: bool = true;
            const HOLDS_COUNTED: bool = true;
            const IS_DYN: bool = true;
            fn visit(&self, _: &mut $crate::Visit<'_>) {}
        }
    )+};
}

target! {
    dyn Any, dyn Any + Send, dyn Any + Send + Sync,
    dyn Error, dyn Error + Send, dyn Error + Send + Sync,
    dyn Debug, dyn Debug + Send, dyn Debug + Send + Sync,
    dyn Display, dyn Display + Send, dyn Display + Send + Sync,
}
