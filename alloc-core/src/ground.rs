//! The grounds that come with Rust: `Global` and `System` as layers.
//!
//! They know neither their addresses nor their state, so they say the least that the contract
//! allows: they may own any address, they hand out what was asked, they give nothing back.

use crate::{Broken, Layer, Report};
use core::alloc::Layout;
use core::ptr::NonNull;

macro_rules! opaque_ground {
    ($ground:ident) => {
        // SAFETY: allocator-api2's impl returns exactly `layout.size()` bytes, a dangling pointer
        // for size 0, and does not unwind (L1 to L3, L5); `owns` denies nothing (L4).
        unsafe impl Layer for allocator_api2::alloc::$ground {
            fn owns(&self, _: NonNull<u8>) -> bool {
                true
            }
            fn usable_size(&self, layout: Layout) -> usize {
                layout.size()
            }
            fn reclaim(&self, _: usize) -> usize {
                0
            }
            fn report(&self, report: &mut Report<'_>) {
                report.layer(stringify!($ground), |_| {});
            }
            fn verify(&self) -> Result<(), Broken> {
                Ok(())
            }
        }
    };
}

#[cfg(feature = "alloc")]
opaque_ground!(Global);
#[cfg(feature = "std")]
opaque_ground!(System);
