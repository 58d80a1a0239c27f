//! Roots: a type for every brand.
//!
//! Above: [`Heap`](super::Heap), whose root has another brand in every mutation. Below: nothing.

use super::Static;

/// A family of types, one for each brand `'gc`. Named by [`Rootable!`](crate::Rootable).
///
/// A family is a type with an implementation, and not a trait object type (`dyn for<'gc> …`): of an
/// implementation the compiler checks that each of its types is well-formed for every brand. Of `&'static &'gc ()`
/// it would conclude elsewhere that the brand is `'static`, and let pointers leave their mutation.
pub trait Rootable<'gc>: Sized {
    /// The type with this brand.
    type Root;
}

/// The member of the family `R` whose brand is `'gc`.
pub type Root<'gc, R> = <R as Rootable<'gc>>::Root;

/// The family of a type without a brand: `Static<()>` for a heap whose root holds nothing.
impl<T: 'static> Rootable<'_> for Static<T> {
    type Root = T;
}

/// Names a family of types, one for each brand: the type of a heap's root, or of a dynamic root's object.
///
/// ```
/// use alloc_core::Rootable;
/// use alloc_core::gc::{Gc, Root};
///
/// Rootable! {
///     /// All strings that there are.
///     pub type Strings<'gc> = Vec<Gc<'gc, String>>;
/// }
/// fn is_a_root<'gc>(of: Root<'gc, Strings>) -> Vec<Gc<'gc, String>> {
///     of
/// }
/// # let _ = is_a_root;
///
/// // With parameters, behind the brand:
/// Rootable!(type Pairs<'gc, T: 'static> = Vec<(T, Gc<'gc, T>)>);
/// # let _ = |of: Root<'static, Pairs<u8>>| of.len();
/// ```
///
/// A family's types have to be right for every brand:
///
/// ```compile_fail,E0491
/// # use alloc_core::Rootable;
/// Rootable!(type Forever<'gc> = core::marker::PhantomData<&'static &'gc ()>);
/// ```
#[macro_export]
macro_rules! Rootable {
    (
        $(#[$attr:meta])*
        $vis:vis type $name:ident<$gc:lifetime $(, $of:ident $(: $bound:lifetime)?)* $(,)?> = $root:ty $(;)?
    ) => {
        $(#[$attr])*
        #[derive(Debug)]
        #[allow(dead_code, reason = "it is a name")]
        $vis struct $name<$($of $(: $bound)?),*>(::core::marker::PhantomData<fn() -> ($($of,)*)>);

        impl<$gc $(, $of $(: $bound)?)*> $crate::gc::Rootable<$gc> for $name<$($of),*> {
            type Root = $root;
        }
    };
}
