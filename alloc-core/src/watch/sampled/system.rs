//! The calls of the operating system that a pool needs.
//!
//! Above: `pool.rs`. Below: libc. Not here: signals (`fault.rs`).

use core::ptr::NonNull;

/// The bytes of a page.
pub(super) fn page_bytes() -> usize {
    // SAFETY: `sysconf` with a constant argument; it has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// A fresh mapping, inaccessible or readable and writable, at `wish` if the system has that place, and `wish` is not 0. `None` if
/// it has none.
pub(super) fn map(bytes: usize, accessible: bool, wish: usize) -> Option<NonNull<u8>> {
    let rights = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    let wish = core::ptr::without_provenance_mut(wish);
    // SAFETY: a mapping of its own, at an address that the system chooses: without `MAP_FIXED` a wish is no more.
    let start = unsafe { libc::mmap(wish, bytes, rights, flags, -1, 0) };
    if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
}

/// A place for a pool, by a random word: below what systems with addresses of 47 bits or more give to programs that do not ask,
/// and above what they put at the bottom. No place, that is 0, elsewhere.
pub(super) const fn place_of_pool(random: u64) -> usize {
    if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        ((1_u64 << 40) + ((random % (1 << 41)) & !0xffff)) as usize
    } else {
        0
    }
}

/// Gives a mapping back.
///
/// # Safety
///
/// `map` returned it for so many bytes, and nobody uses it any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

/// Makes a page readable and writable. `false`, and nothing has changed, if the system refuses (it has no room for
/// one mapping more).
///
/// # Safety
///
/// The page is a pool's, and nobody uses it.
pub(super) unsafe fn open(page: NonNull<u8>, bytes: usize) -> bool {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller's promise.
    unsafe { libc::mprotect(page.as_ptr().cast(), bytes, rights) == 0 }
}

/// Makes a page inaccessible, and gives its memory back. `false` if the system refuses.
///
/// # Safety
///
/// The page is a pool's, and nobody uses it but by mistake.
pub(super) unsafe fn close(page: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        libc::madvise(page.as_ptr().cast(), bytes, libc::MADV_DONTNEED);
        libc::mprotect(page.as_ptr().cast(), bytes, libc::PROT_NONE) == 0
    }
}
