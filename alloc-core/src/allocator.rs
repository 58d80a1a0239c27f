//! The one place where `Allocator` impls are written: [`allocator!`](crate::allocator).
//!
//! Above: every concrete allocator of the workspace. Here: which traits it then implements.

/// Implements `Allocator` for a concrete type: allocator-api2 0.4's with the bodies given; and,
/// forwarding to those, allocator-api2 0.2's under the feature `allocator-api2-02`, and the
/// standard library's where the compiler has it stable.
///
/// Generics stand in square brackets, since a macro cannot match angle brackets.
///
/// ```
/// use alloc_core::{AllocError, Allocator, Layout, allocator};
/// use core::ptr::NonNull;
///
/// /// Passes everything on.
/// struct Through<A>(A);
///
/// allocator! {
///     // SAFETY: every method forwards to `A`, which keeps the contract.
///     unsafe impl[A: Allocator] Allocator for Through<A> {
///         fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
///             self.0.allocate(layout)
///         }
///         unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
///             // SAFETY: the caller's promise is the one that `A` asks for.
///             unsafe { self.0.deallocate(ptr, layout) }
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! allocator {
    (
        $(#[$attr:meta])*
        unsafe impl[$($generics:tt)*] Allocator for $type:ty $(where [$($bounds:tt)*])? {
            $($body:tt)*
        }
    ) => {
        $(#[$attr])*
        // SAFETY: argued by the macro's caller, above its `unsafe impl`.
        unsafe impl<$($generics)*> $crate::api2::alloc::Allocator for $type
        $(where $($bounds)*)?
        {
            $($body)*
        }
        $crate::__allocator_02!([$($generics)*] [$type] [$($($bounds)*)?]);
        $crate::__allocator_std!([$($generics)*] [$type] [$($($bounds)*)?]);
    };
}

/// Forwards another version's trait to 0.4's. Its paths are the only difference.
#[doc(hidden)]
#[macro_export]
macro_rules! __allocator_forward {
    ([$($path:tt)*] [$($generics:tt)*] [$type:ty] [$($bounds:tt)*]) => {
        // SAFETY: the contracts of the versions are one; every method forwards to 0.4's impl for
        // the same type, so both see the same allocations.
        unsafe impl<$($generics)*> $($path)*::Allocator for $type
        where $($bounds)*
        {
            #[inline]
            fn allocate(
                &self,
                layout: ::core::alloc::Layout,
            ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $($path)*::AllocError> {
                $crate::api2::alloc::Allocator::allocate(self, layout)
                    .map_err(|_| $($path)*::AllocError)
            }
            #[inline]
            fn allocate_zeroed(
                &self,
                layout: ::core::alloc::Layout,
            ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $($path)*::AllocError> {
                $crate::api2::alloc::Allocator::allocate_zeroed(self, layout)
                    .map_err(|_| $($path)*::AllocError)
            }
            #[inline]
            unsafe fn deallocate(
                &self,
                ptr: ::core::ptr::NonNull<u8>,
                layout: ::core::alloc::Layout,
            ) {
                // SAFETY: the caller's promise is the one that 0.4's method asks for.
                unsafe { $crate::api2::alloc::Allocator::deallocate(self, ptr, layout) }
            }
            #[inline]
            unsafe fn grow(
                &self,
                ptr: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $($path)*::AllocError> {
                // SAFETY: as for `deallocate`.
                unsafe { $crate::api2::alloc::Allocator::grow(self, ptr, old, new) }
                    .map_err(|_| $($path)*::AllocError)
            }
            #[inline]
            unsafe fn grow_zeroed(
                &self,
                ptr: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $($path)*::AllocError> {
                // SAFETY: as for `deallocate`.
                unsafe { $crate::api2::alloc::Allocator::grow_zeroed(self, ptr, old, new) }
                    .map_err(|_| $($path)*::AllocError)
            }
            #[inline]
            unsafe fn shrink(
                &self,
                ptr: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $($path)*::AllocError> {
                // SAFETY: as for `deallocate`.
                unsafe { $crate::api2::alloc::Allocator::shrink(self, ptr, old, new) }
                    .map_err(|_| $($path)*::AllocError)
            }
        }
    };
}

/// 0.2's impl, or nothing. A macro, because a `cfg` in `allocator!` would be its caller's.
#[doc(hidden)]
#[macro_export]
#[cfg(feature = "allocator-api2-02")]
macro_rules! __allocator_02 {
    ($($rest:tt)*) => { $crate::__allocator_forward!([$crate::api2_02::alloc] $($rest)*); };
}
#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "allocator-api2-02"))]
macro_rules! __allocator_02 {
    ($($rest:tt)*) => {};
}

/// The standard library's impl, or nothing.
#[doc(hidden)]
#[macro_export]
#[cfg(strata_std_allocator)]
macro_rules! __allocator_std {
    ($($rest:tt)*) => { $crate::__allocator_forward!([::core::alloc] $($rest)*); };
}
#[doc(hidden)]
#[macro_export]
#[cfg(not(strata_std_allocator))]
macro_rules! __allocator_std {
    ($($rest:tt)*) => {};
}
