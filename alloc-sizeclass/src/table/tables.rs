//! The tables that come with the crate.

use super::SizeClasses;
#[cfg(not(all(loom, feature = "loom")))]
use super::{MAX_SLOT_BYTES, MAX_SMALL_SLOT_BYTES};

/// The default table: 16-byte steps to 128 bytes, then eight steps to each doubling, to 32 KiB;
/// from there four, to 1 MiB. Rounding a size up to its slot wastes at most 11.1 % of the slot from
/// 128 bytes to 32 KiB; above, the waste is mostly pages that are never touched.
#[doc = include_str!("../../docs/fine-table.md")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Fine;

#[cfg(not(all(loom, feature = "loom")))]
impl SizeClasses for Fine {
    const SLOT_BYTES: &'static [usize] = &fine_sizes::<92>();
}

/// Loom's form of the table: few classes and small batches, because a model pays for each.
#[cfg(all(loom, feature = "loom"))]
impl SizeClasses for Fine {
    const SLOT_BYTES: &'static [usize] = &[16, 64, 256];
    const GRANULE_BYTES: usize = 1024;
    const BATCH_BYTES: usize = 64;
}

/// For small buffers: powers of two and the steps half-way between, to 1 KiB, in spans of 1 KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compact;

#[cfg(not(all(loom, feature = "loom")))]
impl SizeClasses for Compact {
    const SLOT_BYTES: &'static [usize] = &[16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
    const GRANULE_BYTES: usize = 1024;
    const BATCH_BYTES: usize = 256;
}

#[cfg(all(loom, feature = "loom"))]
impl SizeClasses for Compact {
    const SLOT_BYTES: &'static [usize] = &[16, 64, 256];
    const GRANULE_BYTES: usize = 256;
    const BATCH_BYTES: usize = 64;
}

/// 16, 32, … 128, then eight sizes to each doubling, and four above 32 KiB.
#[cfg(not(all(loom, feature = "loom")))]
const fn fine_sizes<const N: usize>() -> [usize; N] {
    let mut sizes = [0; N];
    let mut at = 0;
    let mut size: usize = 0;
    while at < N {
        let step = if size < 128 {
            16
        } else if size < MAX_SMALL_SLOT_BYTES {
            (1 << size.ilog2()) / 8
        } else {
            (1 << size.ilog2()) / 4
        };
        size += step;
        sizes[at] = size;
        at += 1;
    }
    assert!(size == MAX_SLOT_BYTES);
    sizes
}
