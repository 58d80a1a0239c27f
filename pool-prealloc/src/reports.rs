//! Every pool as something that has a report: what a tree of figures is made of.
//!
//! Above: `alloc_core::report::Tree`. Below: the pools' own methods. Not here: pools that are layers, which have reports anyway.
#![forbid(unsafe_code)]

#[cfg(feature = "critical-section")]
use crate::CriticalPool;
use crate::{Handle, KeyPool, Pool};
#[cfg(feature = "std")]
use crate::{ObjectPool, SyncPool};
use alloc_core::Layer;
use alloc_core::report::{Report, Reports};

macro_rules! reports {
    ($($(#[$attribute:meta])* [$($generics:tt)*] $pool:ty;)*) => {$(
        $(#[$attribute])*
        impl<$($generics)*> Reports for $pool {
            fn report(&self, report: &mut Report<'_>) {
                // The pool's own method, which comes before the trait's.
                (*self).report(report);
            }
        }
    )*};
}

reports! {
    [T, A: Layer] Pool<T, A>;
    [T, A: Layer] KeyPool<T, A>;
    [T, const N: usize] Handle<'_, T, N>;
    #[cfg(feature = "critical-section")]
    [T, const N: usize] CriticalPool<T, N>;
    #[cfg(feature = "std")]
    [T, A: Layer] SyncPool<T, A>;
    #[cfg(feature = "std")]
    [T, I: Fn() -> T, R: Fn(&mut T), A: Layer] ObjectPool<T, I, R, A>;
}
