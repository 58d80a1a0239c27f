//! What is done to a pool's memory before its first use: touched, locked, put on huge pages.
//!
//! Above: [`Run`](crate::run::Run), which calls these in order. Below: the operating system.
//! Not here: whose memory it is.

use crate::TakeError;
use alloc_core::Layout;
use core::ptr::NonNull;

/// What is done to a pool's memory before its first use.
///
/// ```
/// use pool_prealloc::{Pool, Preparation};
/// use alloc_core::api2::alloc::Global;
///
/// const READY: Preparation = Preparation::new().prefault();
/// let pool: Pool<[u64; 8]> = Pool::prepared_in(1000, READY, Global)?;
/// # Ok::<(), pool_prealloc::TakeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preparation {
    prefault: bool,
    lock: bool,
    huge_pages: bool,
}

/// The steps in which memory is touched. Larger pages are touched more than once.
const STEP_BYTES: usize = 4096;

/// The size of a huge page where it is not known better.
const HUGE_PAGE_BYTES: usize = 2 << 20;

impl Preparation {
    /// Nothing: the memory is as the layer below gives it.
    #[must_use]
    pub const fn new() -> Self {
        Self { prefault: false, lock: false, huge_pages: false }
    }

    /// Every page is written to, so that none is missing when it is first used.
    #[must_use]
    pub const fn prefault(mut self) -> Self {
        self.prefault = true;
        self
    }

    /// The pages stay in memory until they are given back (`mlock`), and all are there from the
    /// start. Needs Unix and the feature `std`.
    ///
    /// The run then begins at a page and ends at one, so that no neighbour is locked or unlocked
    /// with it.
    #[must_use]
    pub const fn lock(mut self) -> Self {
        self.lock = true;
        self
    }

    /// The run is aligned to huge pages, as long as some, and the system is asked to use them
    /// (`MADV_HUGEPAGE`). Needs Linux and the feature `std`.
    ///
    /// That the system may is made sure of; whether it has huge pages to spare is up to it.
    #[must_use]
    pub const fn huge_pages(mut self) -> Self {
        self.huge_pages = true;
        self
    }

    /// Whether nothing is asked for.
    #[inline]
    pub(crate) const fn is_nothing(self) -> bool {
        !self.prefault && !self.lock && !self.huge_pages
    }

    /// Whether the memory is locked until it is given back.
    pub(crate) const fn locks(self) -> bool {
        self.lock
    }

    /// The layout that is asked for from below, for a run of `layout`.
    pub(crate) fn layout(self, layout: Layout) -> Result<Layout, TakeError> {
        let align_bytes = match self {
            _ if layout.size() == 0 => 1,
            Self { huge_pages: true, .. } => HUGE_PAGE_BYTES,
            Self { lock: true, .. } => system::page_bytes(),
            _ => 1,
        };
        let bytes = layout.size().checked_next_multiple_of(align_bytes);
        let align_bytes = align_bytes.max(layout.align());
        Ok(Layout::from_size_align(bytes.ok_or(TakeError::TooLarge)?, align_bytes)?)
    }

    /// Prepares a run but for locking it.
    ///
    /// # Safety
    ///
    /// The run is `bytes` bytes at `ptr`, by [`layout`](Self::layout), and nothing lies in it.
    pub(crate) unsafe fn apply(self, ptr: NonNull<u8>, bytes: usize) -> Result<(), TakeError> {
        if bytes == 0 {
            return Ok(());
        }
        if self.huge_pages {
            // SAFETY: the caller's promise; `layout` has made the run one of whole huge pages.
            unsafe { system::advise_huge(ptr, bytes)? };
        }
        if self.prefault {
            // The last byte too: a run that begins within a page may end one page later.
            for at in (0..bytes).step_by(STEP_BYTES).chain([bytes - 1]) {
                // SAFETY: within the run (`at < bytes`), which holds nothing (caller).
                unsafe { ptr.add(at).write_volatile(0) };
            }
        }
        Ok(())
    }
}

/// Locks the pages of a run.
///
/// # Safety
///
/// The run is `bytes` bytes at `ptr`, by [`Preparation::layout`].
pub(crate) unsafe fn lock(ptr: NonNull<u8>, bytes: usize) -> Result<(), TakeError> {
    // SAFETY: the caller's promise.
    unsafe { system::lock(ptr, bytes) }
}

/// Unlocks what [`lock`] has locked.
///
/// # Safety
///
/// `lock` has succeeded with these arguments, and the run has not been given back.
pub(crate) unsafe fn unlock(ptr: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { system::unlock(ptr, bytes) }
}

#[cfg(all(unix, feature = "std"))]
mod system {
    //! With an operating system.

    use crate::TakeError;
    use core::ptr::NonNull;

    pub fn page_bytes() -> usize {
        // SAFETY: it reads a figure.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(page_bytes).ok().filter(|bytes| bytes.is_power_of_two()).unwrap_or(4096)
    }

    fn errno() -> Option<i32> {
        std::io::Error::last_os_error().raw_os_error()
    }

    /// # Safety
    ///
    /// The bytes are the caller's.
    pub unsafe fn lock(ptr: NonNull<u8>, bytes: usize) -> Result<(), TakeError> {
        // SAFETY: the bytes are mapped (caller); their contents stay as they are.
        let refused = unsafe { libc::mlock(ptr.as_ptr().cast(), bytes) } != 0;
        if refused { Err(TakeError::NotLocked { bytes, errno: errno() }) } else { Ok(()) }
    }

    /// # Safety
    ///
    /// The bytes are the caller's, and nobody else has locked pages of them.
    pub unsafe fn unlock(ptr: NonNull<u8>, bytes: usize) {
        // SAFETY: as above. An error leaves them locked, which is no harm.
        unsafe { libc::munlock(ptr.as_ptr().cast(), bytes) };
    }

    /// # Safety
    ///
    /// The bytes are the caller's: whole pages.
    #[cfg(target_os = "linux")]
    pub unsafe fn advise_huge(ptr: NonNull<u8>, bytes: usize) -> Result<(), TakeError> {
        let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        if setting.is_ok_and(|text| text.contains("[never]")) {
            return Err(TakeError::NoHugePages { errno: None });
        }
        // SAFETY: advice about pages that are the caller's changes no contents.
        let refused =
            unsafe { libc::madvise(ptr.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) } != 0;
        if refused { Err(TakeError::NoHugePages { errno: errno() }) } else { Ok(()) }
    }

    /// # Safety
    ///
    /// None: there are no huge pages.
    #[cfg(not(target_os = "linux"))]
    pub unsafe fn advise_huge(_: NonNull<u8>, _: usize) -> Result<(), TakeError> {
        Err(TakeError::NoHugePages { errno: None })
    }
}

#[cfg(not(all(unix, feature = "std")))]
mod system {
    //! Without an operating system, or without knowing it.

    use crate::TakeError;
    use core::ptr::NonNull;

    pub fn page_bytes() -> usize {
        4096
    }

    /// # Safety
    ///
    /// None: nothing is done.
    pub unsafe fn lock(_: NonNull<u8>, bytes: usize) -> Result<(), TakeError> {
        Err(TakeError::NotLocked { bytes, errno: None })
    }

    /// # Safety
    ///
    /// None: nothing is done.
    pub unsafe fn unlock(_: NonNull<u8>, _: usize) {}

    /// # Safety
    ///
    /// None: nothing is done.
    pub unsafe fn advise_huge(_: NonNull<u8>, _: usize) -> Result<(), TakeError> {
        Err(TakeError::NoHugePages { errno: None })
    }
}
