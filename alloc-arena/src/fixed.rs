//! Memory without an operating system: a buffer that the caller has.
//!
//! Above: [`Source`], whose verbs it implements. Below: a slice of uninitialised bytes, or a
//! [`Ground`] in a `static`.
//! There is one range, all of it is committed from the start, and nothing is ever given back. The
//! arena's metadata lies at the end of the buffer.

use crate::source::{Contents, Reserved, Source};
use alloc_core::sync::{AtomicBool, Ordering};
use alloc_core::{AllocError, Ground};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// A source that consists of one buffer.
///
/// ```
/// use alloc_arena::{Arena, Fixed};
/// use alloc_core::{Allocator, Layout};
/// use core::mem::MaybeUninit;
///
/// let mut buffer = [MaybeUninit::uninit(); 16 << 10];
/// let arena = Arena::new(Fixed::new(&mut buffer).with_page_bytes(512));
/// let run = arena.allocate(Layout::new::<[u8; 1000]>()).unwrap();
/// assert_eq!(run.len(), 1024);
/// ```
pub struct Fixed<'b> {
    buffer: Buffer<'b>,
    page_bytes: usize,
}

enum Buffer<'b> {
    Own { base: NonNull<u8>, bytes: usize, taken: AtomicBool, lifetime: PhantomData<&'b mut [u8]> },
    Static { base: NonNull<u8>, bytes: usize, taken: &'static AtomicBool },
}

// SAFETY: the source has its buffer to itself (an exclusive borrow, or the flag of a `Ground`), and
// bytes have no thread.
unsafe impl Send for Fixed<'_> {}
// SAFETY: as for `Send`; shared access only reads the address and length, and swaps an atomic flag.
unsafe impl Sync for Fixed<'_> {}

const DEFAULT_PAGE_BYTES: usize = 4096;
const LEAST_PAGE_BYTES: usize = 64;

impl<'b> Fixed<'b> {
    alloc_core::const_fn! {
        /// A source over `buffer`, with pages of 4096 bytes.
        ///
        /// What of the buffer lies before its first page boundary and after its last, and the
        /// pages that the arena's metadata take (20.25 bytes for a page), is not handed out.
        #[must_use]
        pub const fn new(buffer: &'b mut [MaybeUninit<u8>]) -> Self {
            let bytes = buffer.len();
            // SAFETY: a reference is not null.
            let base = unsafe { NonNull::new_unchecked(buffer.as_mut_ptr().cast::<u8>()) };
            let taken = AtomicBool::new(false);
            Self {
                buffer: Buffer::Own { base, bytes, taken, lifetime: PhantomData },
                page_bytes: DEFAULT_PAGE_BYTES,
            }
        }
    }

    /// Pages of `page_bytes`: smaller ones waste less where memory is short.
    ///
    /// # Panics
    ///
    /// If `page_bytes` is not a power of two or is less than 64.
    #[must_use]
    pub const fn with_page_bytes(mut self, page_bytes: usize) -> Self {
        assert!(page_bytes.is_power_of_two() && page_bytes >= LEAST_PAGE_BYTES);
        self.page_bytes = page_bytes;
        self
    }
}

impl Fixed<'static> {
    /// A source over the memory of a static [`Ground`], in safe code and in a constant.
    ///
    /// The first arena that allocates from a ground has it for good; any other finds it empty.
    ///
    /// ```
    /// use alloc_arena::{Arena, Fixed, Ground};
    ///
    /// static GROUND: Ground<{ 64 << 10 }> = Ground::new();
    /// static ARENA: Arena<Fixed<'static>> = Arena::new(Fixed::of(&GROUND));
    /// ```
    #[must_use]
    pub const fn of<const BYTES: usize, A>(ground: &'static Ground<BYTES, A>) -> Self {
        let (base, taken) = ground.parts();
        let buffer = Buffer::Static { base, bytes: BYTES, taken };
        Self { buffer, page_bytes: DEFAULT_PAGE_BYTES }
    }
}

impl Buffer<'_> {
    fn range(&self) -> (NonNull<u8>, usize) {
        match *self {
            Self::Own { base, bytes, .. } | Self::Static { base, bytes, .. } => (base, bytes),
        }
    }

    /// Whether this call is the first.
    fn take(&self) -> bool {
        let taken = match self {
            Self::Own { taken, .. } => taken,
            Self::Static { taken, .. } => taken,
        };
        // ORDERING: Relaxed; the flag decides who has the memory, and publishes nothing.
        !taken.swap(true, Ordering::Relaxed)
    }
}

// SAFETY: S1: the buffer is borrowed for `'b`, or belongs to the ground whose flag was swapped; it
// is given out once, and moving the source moves no byte of it. S2: the caller's memory is
// accessible. S3: nothing is said to be zero. S4, S5: every method is a few reads. S6:
// `with_page_bytes` checks.
unsafe impl Source for Fixed<'_> {
    fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    fn reserve(&self, _: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        let (base, bytes) = self.buffer.range();
        let align_bytes = align_bytes.max(self.page_bytes);
        let head_bytes = base.as_ptr().addr().wrapping_neg() & (align_bytes - 1);
        let rest_bytes = bytes.saturating_sub(head_bytes) & !(self.page_bytes - 1);
        if rest_bytes == 0 || !self.buffer.take() {
            return Err(AllocError);
        }
        // SAFETY: `head_bytes` is less than the buffer's length, as something is left.
        let base = unsafe { base.add(head_bytes) };
        Ok(Reserved { base, bytes: rest_bytes, contents: Contents::Unknown })
    }

    unsafe fn unreserve(&self, _: NonNull<u8>, _: usize) -> Result<(), AllocError> {
        Ok(()) // the buffer goes back with the borrow
    }

    unsafe fn commit(&self, _: NonNull<u8>, _: usize) -> Result<(), AllocError> {
        Ok(())
    }

    unsafe fn decommit(&self, _: NonNull<u8>, _: usize) -> Result<Contents, AllocError> {
        Err(AllocError)
    }

    fn can_decommit(&self) -> bool {
        false
    }

    fn map(&self, _: usize, _: usize) -> Result<Reserved, AllocError> {
        Err(AllocError)
    }

    fn metadata_inside(&self) -> bool {
        true
    }
}

impl fmt::Debug for Fixed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, bytes) = self.buffer.range();
        f.debug_struct("Fixed")
            .field("base", &base)
            .field("bytes", &bytes)
            .field("page_bytes", &self.page_bytes)
            .finish()
    }
}
