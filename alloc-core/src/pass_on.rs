//! [`pass_on!`](crate::pass_on): what a layer that has no memory of its own passes on unchanged.
//!
//! Above: combinators and watchers, and layers that users write. Below: [`Layer`](crate::Layer), of whose methods it writes
//! those that only forward.

/// Writes the methods of [`Layer`](crate::Layer) that a layer passes on to the one below.
///
/// `pass_on!(below)` writes all of them but `report`, `pass_on!(below: owns range)` those that are named; `below` is the
/// field in which the lower layer is (`0` in a tuple). `freeze` stands for `freeze` and `thaw`.
///
/// Three of these methods have defaults, so the compiler does not ask for them, and without them something is
/// lost: `range`, by which a heap above finds a slot's span with one load; `discard`, by which idle pages go back;
/// `freeze`, without which a fork leaves locks behind.
///
/// ```
/// use alloc_core::{AllocError, Allocator, Layer, Layout, Report, allocator, pass_on};
/// use core::ptr::NonNull;
///
/// /// Clears memory before it is freed.
/// struct Wipe<A> {
///     below: A,
/// }
///
/// allocator! {
///     // SAFETY: every method leads to `A`; what is written to is the caller's until it has gone there.
///     unsafe impl[A: Layer] Allocator for Wipe<A> {
///         fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
///             self.below.allocate(layout)
///         }
///         unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
///             // SAFETY: the caller gives so many bytes back, and nobody else has them.
///             unsafe { ptr.write_bytes(0, layout.size()) };
///             // SAFETY: the caller's promise.
///             unsafe { self.below.deallocate(ptr, layout) }
///         }
///     }
/// }
///
/// // SAFETY: every answer is `A`'s, which keeps rules L1 to L5.
/// unsafe impl<A: Layer> Layer for Wipe<A> {
///     pass_on!(below);
///
///     fn report(&self, report: &mut Report<'_>) {
///         report.layer("Wipe", |report| self.below.report(report));
///     }
/// }
///
/// # use alloc_core::{Limit, Shared, api2::{alloc::Global, vec::Vec}};
/// let limit = Shared::new(Limit::new(1000, Global));
/// let wipe = Wipe { below: &limit };
/// let key = Vec::<u8, _>::with_capacity_in(32, &wipe);
/// assert_eq!((wipe.owns(NonNull::from(&key).cast()), limit.live_bytes()), (true, 32));
/// ```
///
/// A layer that asks for more than it was asked for, for a header or a tail, has a `usable_size` of its own:
/// `pass_on!(below: owns range reclaim discard verify freeze)`. The guide's chapter on composing has a whole one, under "A layer that asks
/// for more"; [`cut`](crate::cut) and [`dangling`](crate::dangling) are made for it.
#[macro_export]
macro_rules! pass_on {
    ($below:tt) => {
        $crate::pass_on!($below: owns usable_size range reclaim discard verify freeze);
    };
    ($below:tt: $($method:ident)*) => { $($crate::pass_on!(@$method $below);)* };
    (@owns $below:tt) => {
        #[inline]
        fn owns(&self, ptr: ::core::ptr::NonNull<u8>) -> bool {
            $crate::Layer::owns(&self.$below, ptr)
        }
    };
    (@usable_size $below:tt) => {
        #[inline]
        fn usable_size(&self, layout: ::core::alloc::Layout) -> usize {
            $crate::Layer::usable_size(&self.$below, layout)
        }
    };
    (@range $below:tt) => {
        fn range(&self) -> ::core::option::Option<::core::ops::Range<usize>> {
            $crate::Layer::range(&self.$below)
        }
    };
    (@reclaim $below:tt) => {
        fn reclaim(&self, goal_bytes: usize) -> usize {
            $crate::Layer::reclaim(&self.$below, goal_bytes)
        }
    };
    (@discard $below:tt) => {
        unsafe fn discard(&self, ptr: ::core::ptr::NonNull<u8>, bytes: usize) -> usize {
            // SAFETY: the caller's promise, passed on.
            unsafe { $crate::Layer::discard(&self.$below, ptr, bytes) }
        }
    };
    (@verify $below:tt) => {
        fn verify(&self) -> ::core::result::Result<(), $crate::Broken> {
            $crate::Layer::verify(&self.$below)
        }
    };
    (@freeze $below:tt) => {
        fn freeze(&self) {
            $crate::Layer::freeze(&self.$below);
        }
        unsafe fn thaw(&self) {
            // SAFETY: the caller vouches for `freeze`, which went to the same layer.
            unsafe { $crate::Layer::thaw(&self.$below) }
        }
    };
}
