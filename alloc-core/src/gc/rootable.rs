//! Roots: a type for every brand.
//!
//! Above: [`Heap`](super::Heap), whose root has another brand in every mutation. Below: nothing.

/// A family of types, one for each brand `'gc`. Named by [`Rootable!`](crate::Rootable).
pub trait Rootable<'gc> {
    /// The type with this brand.
    type Root;
}

/// The member of the family `R` whose brand is `'gc`.
pub type Root<'gc, R> = <R as Rootable<'gc>>::Root;

/// Names a family of types: `Rootable!['gc => Node<'gc>]`.
///
/// It needs no type of its own: it is a trait object type that no value has.
///
/// ```
/// use alloc_core::Rootable;
/// use alloc_core::gc::{Gc, Root};
///
/// type Strings = Rootable!['gc => Vec<Gc<'gc, String>>];
/// fn is_a_root<'gc>(of: Root<'gc, Strings>) -> Vec<Gc<'gc, String>> {
///     of
/// }
/// # let _ = is_a_root;
/// ```
#[macro_export]
macro_rules! Rootable {
    ($gc:lifetime => $root:ty) => {
        dyn for<$gc> $crate::gc::Rootable<$gc, Root = $root>
    };
}
