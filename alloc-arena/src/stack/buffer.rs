//! A [`Stack`] in a buffer of the caller's: an array on the stack of the thread, a static, anything.
//!
//! Above: programs that have no heap, or want none. Below: nothing.

use super::{BASE_ALIGN_BYTES, Stack};
use crate::lifo::WORD_BYTES;
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator, dangling};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// What stands below a [`Stack`] in a borrowed buffer: a layer that has nothing more to give.
#[derive(Clone, Copy, Debug)]
pub struct Borrowed<'b>(PhantomData<&'b mut [MaybeUninit<u8>]>);

impl<'b> Stack<Borrowed<'b>> {
    /// A stack in `buffer`. What its ends lack to an alignment of 16 and of 8 is not used. In a static:
    /// [`Ground::take`](crate::Ground::take).
    ///
    /// ```
    /// use alloc_arena::Stack;
    /// use core::mem::MaybeUninit;
    ///
    /// let mut buffer = [MaybeUninit::uninit(); 512];
    /// let mut stack = Stack::over(&mut buffer);
    /// stack.frame(|frame| {
    ///     assert_eq!(frame.alloc_str("no heap"), "no heap");
    ///     assert!(frame.try_alloc([0_u8; 600]).is_err());
    /// });
    /// ```
    #[must_use]
    pub fn over(buffer: &'b mut [MaybeUninit<u8>]) -> Self {
        let start = NonNull::from(&mut *buffer).cast::<u8>();
        let gap_bytes = start.as_ptr().align_offset(BASE_ALIGN_BYTES).min(buffer.len());
        let bytes = (buffer.len() - gap_bytes) & !(WORD_BYTES - 1);
        // SAFETY: the gap is at most the buffer's length.
        let base = if bytes == 0 { dangling_base() } else { unsafe { start.add(gap_bytes) } };
        // SAFETY: 16 is a power of two, and a buffer's length is at most `isize::MAX`; what is cut off is more than
        // what rounding up could add.
        let layout = unsafe { Layout::from_size_align_unchecked(bytes, BASE_ALIGN_BYTES) };
        Self::at(base, layout, Borrowed(PhantomData))
    }
}

fn dangling_base() -> NonNull<u8> {
    dangling(Layout::new::<u128>()).cast()
}

allocator! {
    // SAFETY: it hands out nothing but empty slices, which need no memory.
    unsafe impl['b] Allocator for Borrowed<'b> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 { Ok(dangling(layout)) } else { Err(AllocError) }
        }
        unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
    }
}

// SAFETY: nothing is ever live, so L1, L2 and L4 hold of nothing; L3: `allocate`; nothing panics (L5).
unsafe impl Layer for Borrowed<'_> {
    fn owns(&self, _: NonNull<u8>) -> bool {
        false
    }
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Borrowed", |_| {});
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}
