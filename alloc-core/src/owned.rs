//! Layers behind a pointer: [`Shared`] counts its holders, [`Boxed`] may be unsized.
//!
//! They are types of their own because `Allocator` is another crate's trait: Rust's orphan rule
//! keeps it from being implemented here for `Arc` and `Box` themselves.

use crate::layer::{freeze_shared, thaw_shared};
use crate::sync::Arc;
use crate::{AllocError, Broken, Layer, Report};
use alloc::boxed::Box;
use core::alloc::Layout;
use core::ops::{Deref, Range};
use core::ptr::NonNull;

macro_rules! owned_layer {
    ($(#[$attr:meta])* $name:ident, $pointer:ident, $freeze:expr, $thaw:expr) => {
        $(#[$attr])*
        pub struct $name<L: ?Sized>(pub $pointer<L>);

        impl<L> $name<L> {
            /// Moves `layer` behind the pointer.
            pub fn new(layer: L) -> Self {
                Self($pointer::new(layer))
            }
        }

        impl<L: ?Sized> Deref for $name<L> {
            type Target = L;
            fn deref(&self) -> &L {
                &self.0
            }
        }

        impl<L: ?Sized + core::fmt::Debug> core::fmt::Debug for $name<L> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&&*self.0).finish()
            }
        }

        impl<L> From<L> for $name<L> {
            fn from(layer: L) -> Self {
                Self::new(layer)
            }
        }

        allocator! {
            // SAFETY: every method forwards to the one `L` behind the pointer, which stays where
            // it is when the pointer moves and lives until the last pointer is dropped.
            unsafe impl[L: Layer + ?Sized] Allocator for $name<L> {
                #[inline]
                fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    self.0.allocate(layout)
                }
                #[inline]
                fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    self.0.allocate_zeroed(layout)
                }
                #[inline]
                unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                    // SAFETY: the caller's promise, made of the same `L`.
                    unsafe { self.0.deallocate(ptr, layout) }
                }
                #[inline]
                unsafe fn grow(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: as for `deallocate`.
                    unsafe { self.0.grow(ptr, old, new) }
                }
                #[inline]
                unsafe fn grow_zeroed(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: as for `deallocate`.
                    unsafe { self.0.grow_zeroed(ptr, old, new) }
                }
                #[inline]
                unsafe fn shrink(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: as for `deallocate`.
                    unsafe { self.0.shrink(ptr, old, new) }
                }
            }
        }

        // SAFETY: every method forwards to `L`, which keeps rules L1 to L5.
        unsafe impl<L: Layer + ?Sized> Layer for $name<L> {
            fn owns(&self, ptr: NonNull<u8>) -> bool {
                self.0.owns(ptr)
            }
            fn usable_size(&self, layout: Layout) -> usize {
                self.0.usable_size(layout)
            }
            fn range(&self) -> Option<Range<usize>> {
                self.0.range()
            }
            fn reclaim(&self, goal_bytes: usize) -> usize {
                self.0.reclaim(goal_bytes)
            }
            unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
                // SAFETY: the caller's promise, passed on.
                unsafe { self.0.discard(ptr, bytes) }
            }
            fn report(&self, report: &mut Report<'_>) {
                self.0.report(report);
            }
            fn verify(&self) -> Result<(), Broken> {
                self.0.verify()
            }
            fn freeze(&self) {
                $freeze(&*self.0);
            }
            unsafe fn thaw(&self) {
                // SAFETY: the caller vouches for `freeze`, which went to the same layer.
                unsafe { $thaw(&*self.0) }
            }
        }
    };
}

owned_layer! {
    /// A layer that several owners share, in one thread or many: `Arc<L>` as a layer.
    ///
    /// ```
    /// use alloc_core::{Shared, api2::{alloc::Global, vec::Vec}};
    ///
    /// let stack = Shared::new(Global);
    /// let mut numbers = Vec::new_in(stack.clone());
    /// numbers.push(7);
    /// # assert_eq!(numbers[0], 7);
    /// ```
    Shared, Arc, freeze_shared, thaw_shared
}

impl<L: ?Sized> Clone for Shared<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

owned_layer! {
    /// A layer on the heap, possibly unsized: `Box<L>` as a layer, `Boxed<dyn Layer>` as any stack.
    ///
    /// ```
    /// use alloc_core::{Boxed, Layer, api2::{alloc::Global, boxed}};
    ///
    /// let stack: Boxed<dyn Layer> = Boxed(Box::new(Global));
    /// let seven = boxed::Box::new_in(7, &stack);
    /// # assert_eq!(*seven, 7);
    /// ```
    Boxed, Box, L::freeze, L::thaw
}
