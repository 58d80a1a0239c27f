//! A layer that hands out more than it is asked for.

use alloc_core::api2::alloc::Global;
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator};
use std::ptr::NonNull;

/// A layer that rounds sizes up to 64 Ki and, as `Allocator::grow_zeroed` allows, preserves all bytes of the old
/// memory, also those behind the old layout. Fresh memory is full of 0xA5.
#[derive(Clone, Debug, Default)]
pub struct Rounds;

fn rounded(layout: Layout) -> Layout {
    let bytes = layout.size().checked_next_multiple_of(64 << 10);
    let rounded = bytes.and_then(|bytes| Layout::from_size_align(bytes, layout.align()).ok());
    rounded.unwrap_or(layout)
}

allocator! {
    // SAFETY: `Global`'s memory, with rounded layouts.
    unsafe impl[] Allocator for Rounds {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let slice = Global.allocate(rounded(layout))?;
            // SAFETY: just allocated.
            unsafe { slice.cast::<u8>().write_bytes(0xA5, slice.len()) };
            Ok(slice)
        }
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            Global.allocate_zeroed(rounded(layout))
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            if layout.size() != 0 { unsafe { Global.deallocate(ptr, rounded(layout)) } }
        }
        unsafe fn grow_zeroed(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise. `rounded(old).size()` is `old_size` in the words of `grow_zeroed`.
            unsafe { Global.grow_zeroed(ptr, rounded(old), rounded(new)) }
        }
    }
}

// SAFETY: sizes are those of `rounded`.
unsafe impl Layer for Rounds {
    fn owns(&self, _: NonNull<u8>) -> bool {
        true
    }
    fn usable_size(&self, layout: Layout) -> usize {
        rounded(layout).size()
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Rounds", |_| {});
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}
