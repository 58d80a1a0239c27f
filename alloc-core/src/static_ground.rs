//! [`Ground`]: memory in a `static`, for whoever asks first.
//!
//! Above: what stands on a buffer and has no operating system: alloc-arena's `Fixed`, pool-prealloc's `Budget`, a
//! `Stack`. Below: nothing. Not here: the buffers themselves, which are layers or sources.

use crate::sync::{AtomicBool, Ordering};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Memory in a `static`, in safe code: `BYTES` bytes, aligned as `A` is, for the first who takes them.
///
/// `A` is any type of the wanted alignment, which by default is that of a page: 4096. The static is one byte longer (whether the
/// memory is taken), rounded up to that alignment: 8192 bytes for a page, 4104 for as many bytes that are aligned to 8.
///
/// ```
/// use alloc_core::Ground;
///
/// static GROUND: Ground<4096> = Ground::new();
///
/// let buffer = GROUND.take().expect("nobody else has it");
/// assert_eq!((buffer.len(), buffer.as_ptr().addr() % 4096), (4096, 0));
/// assert!(GROUND.take().is_none());
///
/// // For what needs no pages: a pool, a `Stack`.
/// static SMALL: Ground<4096, u64> = Ground::new();
/// assert_eq!((size_of_val(&SMALL), size_of_val(&GROUND)), (4104, 8192));
/// ```
#[repr(C)]
pub struct Ground<const BYTES: usize, A = Page> {
    aligned: [A; 0],
    memory: UnsafeCell<[MaybeUninit<u8>; BYTES]>,
    taken: AtomicBool,
}

/// The alignment of a page, 4096 bytes.
#[repr(align(4096))]
#[derive(Clone, Copy, Debug)]
pub struct Page(());

// SAFETY: only one ever gets at `memory`, who swapped `taken` first: a caller of `take`, or of `parts`. There is
// no `A` in it.
unsafe impl<const BYTES: usize, A> Sync for Ground<BYTES, A> {}

impl<const BYTES: usize, A> Ground<BYTES, A> {
    crate::const_fn! {
        /// Untouched memory. It is not initialised, so a static of it takes no room in a binary.
        #[must_use]
        pub const fn new() -> Self {
            Self {
                aligned: [],
                memory: UnsafeCell::new([MaybeUninit::uninit(); BYTES]),
                taken: AtomicBool::new(false),
            }
        }
    }

    /// The memory, for whoever asks first, and for good; an arena over it counts, too.
    #[allow(clippy::mut_from_ref)] // only the first call has it
    pub fn take(&'static self) -> Option<&'static mut [MaybeUninit<u8>]> {
        // ORDERING: Relaxed; the flag decides who has the memory, and publishes nothing.
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: whoever swaps the flag first has the memory alone, and it is a static's.
        Some(unsafe { &mut *self.memory.get() })
    }

    /// Where the memory is, and the flag: who swaps it from `false` to `true` may use the memory, and nobody else.
    /// For sources in constants, which take the memory when they are first asked.
    #[doc(hidden)]
    #[must_use]
    pub const fn parts(&'static self) -> (NonNull<u8>, &'static AtomicBool) {
        // SAFETY: the address of a static is not null.
        (unsafe { NonNull::new_unchecked(self.memory.get().cast::<u8>()) }, &self.taken)
    }
}

impl<const BYTES: usize, A> Default for Ground<BYTES, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, A> fmt::Debug for Ground<BYTES, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground").field("bytes", &BYTES).finish_non_exhaustive()
    }
}
