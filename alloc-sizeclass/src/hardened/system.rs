//! The calls of the operating system that the hardened preset needs.
//!
//! Above: the ledger, records, runs. Below: libc. Nothing here maps memory that can be executed.
//! Not here: spans, which come from the layer below like every span.

use core::ptr::NonNull;

/// The bytes of a page.
pub(super) fn page_bytes() -> usize {
    // SAFETY: `sysconf` with a constant argument; it has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// `bytes` bytes of address space that nobody can access; `None` if the system has none.
pub(super) fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    reserve_near(bytes, 0)
}

/// The same, at this address if the system agrees.
pub(super) fn reserve_near(bytes: usize, address: usize) -> Option<NonNull<u8>> {
    let at = core::ptr::without_provenance_mut(address);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a mapping of its own, at an address that the system chooses.
    let start = unsafe { libc::mmap(at, bytes, libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
}

/// A random number of pages of address space, up to 64 GiB, where addresses are not limited.
pub(super) fn reserve_gap() -> Option<(NonNull<u8>, usize)> {
    let mut limit = core::mem::MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the system writes the limit, or says that it did not.
    let is_limited = unsafe {
        libc::getrlimit(libc::RLIMIT_AS, limit.as_mut_ptr()) != 0
            || limit.assume_init().rlim_cur != libc::RLIM_INFINITY
    };
    if is_limited {
        return None;
    }
    let page_bytes = page_bytes();
    let pages = random() as usize % ((64 << 30) / page_bytes) + 1;
    Some((reserve(pages * page_bytes)?, pages * page_bytes))
}

/// Makes pages readable and writable; `false`, and nothing has changed, if the system refuses.
///
/// # Safety
///
/// The pages are the caller's.
pub(super) unsafe fn open(start: NonNull<u8>, bytes: usize) -> bool {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller's promise.
    unsafe { libc::mprotect(start.as_ptr().cast(), bytes, rights) == 0 }
}

/// Makes pages inaccessible that nobody has touched; `false` if the system refuses.
///
/// # Safety
///
/// The pages are the caller's.
pub(super) unsafe fn protect(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { libc::mprotect(start.as_ptr().cast(), bytes, libc::PROT_NONE) == 0 }
}

/// Makes pages inaccessible and gives their memory back; `false` if the system refuses.
///
/// # Safety
///
/// The pages are the caller's, private and anonymous, and nobody uses them but by mistake.
pub(super) unsafe fn close(start: NonNull<u8>, bytes: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: the caller's promise: fresh pages take the place of the caller's own.
    let fresh = unsafe { libc::mmap(start.as_ptr().cast(), bytes, libc::PROT_NONE, flags, -1, 0) };
    fresh != libc::MAP_FAILED
}

/// Gives the memory behind pages back: they read as zero from now on. `false` if the system refuses.
///
/// # Safety
///
/// The pages are the caller's, private and anonymous, and nobody needs their contents.
pub(super) unsafe fn discard(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) == 0 }
}

/// Gives pages their memory at once, if the system can.
///
/// # Safety
///
/// The pages are accessible, and the caller's.
pub(super) unsafe fn populate(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller's promise. A system that does not know the advice (before Linux 5.14) refuses.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE)
    };
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

/// Makes pages inaccessible by entries in the tables of pages, which split no mapping (Linux 6.13); what was in them is
/// gone. `false`, and nothing has changed, where the system has no such entries, or not for these pages.
///
/// # Safety
///
/// The pages are the caller's, and nobody uses them but by mistake.
pub(super) unsafe fn guard(start: NonNull<u8>, bytes: usize) -> bool {
    // From asm-generic/mman-common.h: libc has no name for it yet.
    #[cfg(target_os = "linux")]
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    #[cfg(target_os = "linux")]
    // SAFETY: the caller's promise. A system that does not know the advice refuses it.
    return unsafe { libc::madvise(start.as_ptr().cast(), bytes, MADV_GUARD_INSTALL) == 0 };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (start, bytes);
        false
    }
}

/// Takes the entries of [`guard`] back: the pages are zero. `false` if the system refuses.
///
/// # Safety
///
/// The pages are the caller's.
pub(super) unsafe fn unguard(start: NonNull<u8>, bytes: usize) -> bool {
    #[cfg(target_os = "linux")]
    const MADV_GUARD_REMOVE: libc::c_int = 103;
    #[cfg(target_os = "linux")]
    // SAFETY: the caller's promise.
    return unsafe { libc::madvise(start.as_ptr().cast(), bytes, MADV_GUARD_REMOVE) == 0 };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (start, bytes);
        false
    }
}

/// Asks for ordinary pages: what is touched here and there should not cost huge ones.
///
/// # Safety
///
/// The pages are the caller's.
pub(super) unsafe fn without_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: advice; the caller's promise. A system without huge pages refuses, which is as good.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE)
    };
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

/// Ends a mapping, or a part of one.
///
/// # Safety
///
/// The pages are the caller's, and nobody uses them any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

/// Zeroed, accessible pages with an inaccessible one at each end. `bytes` is a multiple of a page.
pub(super) fn map_guarded(bytes: usize) -> Option<NonNull<u8>> {
    let page_bytes = page_bytes();
    let all_bytes = bytes.checked_add(2 * page_bytes)?;
    let start = reserve(all_bytes)?;
    // SAFETY: reserved above, for nobody else; one page in, `bytes` bytes lie before the last page.
    unsafe {
        let inner = start.add(page_bytes);
        if open(inner, bytes) {
            return Some(inner);
        }
        unmap(start, all_bytes);
    }
    None
}

/// Ends what [`map_guarded`] made.
///
/// # Safety
///
/// `inner` came from `map_guarded` for so many bytes, and nobody uses it any more.
pub(super) unsafe fn unmap_guarded(inner: NonNull<u8>, bytes: usize) {
    let page_bytes = page_bytes();
    // SAFETY: the caller's promise: a page lies on both sides.
    unsafe { unmap(inner.sub(page_bytes), bytes + 2 * page_bytes) };
}

/// A random word from the system.
pub(super) fn random() -> u64 {
    let mut word = 0u64;
    #[cfg(target_os = "linux")]
    {
        // SAFETY: `word` is writable for its size.
        let got = unsafe {
            libc::getrandom((&raw mut word).cast(), size_of::<u64>(), libc::GRND_NONBLOCK)
        };
        if got == size_of::<u64>() as isize {
            return word;
        }
        // The kernel gave each process sixteen random bytes when it began.
        // SAFETY: no preconditions; the address, if there is one, leads to these bytes.
        unsafe {
            let bytes = libc::getauxval(libc::AT_RANDOM);
            if bytes != 0 {
                word = core::ptr::with_exposed_provenance::<u64>(bytes as usize).read_unaligned();
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: `word` is writable for its size, which is below 256 bytes.
    unsafe {
        libc::getentropy((&raw mut word).cast(), size_of::<u64>());
    }
    // Where the system laid the stack is a secret, too.
    word ^ ((&raw const word).addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
