//! `#[derive(Trace)]`, which `alloc_core::gc` hands on behind its feature `derive`.
//!
//! Above: types that users write. Below: the trait, in `alloc_core::gc`. In `brand.rs`: which lifetime
//! is the heap's. In `bounds.rs`: what is asked of parameters. In `options.rs`: what `#[trace(…)]` says. In `refused.rs`: errors
//! with a reason. In `expand.rs`: the code.

mod bounds;
mod brand;
mod expand;
mod options;
mod refused;

/// Implements `alloc_core::gc::Trace`: every field is visited.
///
/// * The brand is the lifetime `'gc`, or else the only lifetime; `#[trace(brand = 'a)]` names another.
/// * `#[trace(skip)]` on a field leaves it out. Its type must be `'static`, so that no traced pointer can
///   be in it; it need not implement `Trace`. Counted pointers (`rc-cycle`) in it are not followed. A function
///   pointer (`fn(&[Value]) -> Value`) holds nothing, and is left out by itself; one in another type has to be
///   left out where it takes references.
/// * `#[trace(recursive)]` on a field whose type contains this type again, by way of other types and
///   without a `Gc` in between, breaks the circle that the compiler complains of. Where a field's type
///   names this very type, that is found without.
/// * `#[trace(leaf)]` on the type says that there is no traced pointer in it at all: it must be `'static`.
///   Only then it may implement `Drop`: the destructors of other types could look at objects that are gone.
///   The compiler says that by the name of a trait, `MustNotImplementDropUnlessItIsMarkedTraceLeaf`. (What has to be
///   done when a value with pointers goes, a field of a leaf type does; and there is `Gc::finalise_with`.)
/// * `#[trace(bound = "T: Trace<'gc>")]` on the type takes the place of the bounds that the type's
///   parameters get.
///
/// # Types with parameters
///
/// Each parameter gets the bound `T: Trace<'gc>`, but allocators (bounded by `Layer` or `Allocator`) get none: they are
/// in no field. A type that contains counted pointers to its own kind has to say what those ask for where it is declared;
/// then the bound is the one that is written there:
///
/// ```ignore
/// #[derive(Trace)]
/// struct Node<T: Trace<'static> + 'static> {
///     value: T,
///     next: RefCell<Option<Cc<Node<T>>>>,
/// }
/// ```
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::trace(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
