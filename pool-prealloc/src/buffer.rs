//! [`Buffer`]: bytes that the caller has, as the layer below one pool.
//!
//! Above: any pool here, where there is no allocator. Below: nothing.

use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator, dangling};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// A layer that is a buffer: it serves one allocation at a time, anywhere that fits.
///
/// ```
/// use core::mem::MaybeUninit;
/// use pool_prealloc::{Buffer, Pool};
///
/// let mut bytes = [MaybeUninit::uninit(); 1000];
/// let pool = Pool::<u32, _>::try_with_capacity_in(249, Buffer::new(&mut bytes))?;
/// assert_eq!(*pool.alloc(7).unwrap(), 7);
/// # Ok::<(), pool_prealloc::TakeError>(())
/// ```
pub struct Buffer<'b> {
    base: NonNull<u8>,
    bytes: usize,
    taken: Cell<bool>,
    lifetime: PhantomData<&'b mut [MaybeUninit<u8>]>,
}

// SAFETY: the buffer is borrowed exclusively, and bytes have no thread.
unsafe impl Send for Buffer<'_> {}

impl<'b> Buffer<'b> {
    /// A layer over `bytes`.
    #[must_use]
    pub const fn new(bytes: &'b mut [MaybeUninit<u8>]) -> Self {
        let length = bytes.len();
        // SAFETY: a reference is not null.
        let base = unsafe { NonNull::new_unchecked(bytes.as_mut_ptr().cast()) };
        Self { base, bytes: length, taken: Cell::new(false), lifetime: PhantomData }
    }

    /// How long the buffer is.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where an allocation would lie.
    fn place(&self, layout: Layout) -> Option<NonNull<u8>> {
        let gap_bytes = self.base.as_ptr().addr().wrapping_neg() & (layout.align() - 1);
        let end = gap_bytes.checked_add(layout.size())?;
        // SAFETY: the gap ends within the buffer if the allocation does.
        (end <= self.bytes).then(|| unsafe { self.base.add(gap_bytes) })
    }
}

allocator! {
    // SAFETY: what is handed out lies in the buffer, which is borrowed for `'b`, and there is one
    // allocation at a time (`taken`).
    unsafe impl['b] Allocator for Buffer<'b> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let place = self.place(layout).ok_or(AllocError)?;
            if self.taken.replace(true) {
                return Err(AllocError);
            }
            Ok(NonNull::slice_from_raw_parts(place, layout.size()))
        }

        unsafe fn deallocate(&self, _: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                self.taken.set(false);
            }
        }
    }
}

// SAFETY: L1, L2: slices are as long as their layouts. L3: `allocate` begins with it; `grow` and `shrink`
// are built on it. L4: a range check over all of the buffer. L5: arithmetic is checked.
unsafe impl Layer for Buffer<'_> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        ptr.as_ptr().addr().wrapping_sub(self.base.as_ptr().addr()) < self.bytes
    }
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    fn range(&self) -> Option<core::ops::Range<usize>> {
        let start = self.base.as_ptr().addr();
        Some(start..start + self.bytes)
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Buffer", |report| {
            report.bytes("length", self.bytes);
            report.count("allocations", u64::from(self.taken.get()));
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}

impl fmt::Debug for Buffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("bytes", &self.bytes).field("taken", &self.taken).finish()
    }
}
