//! Memory from the operating system: `mmap` and its relatives.
//!
//! Above: [`Source`], whose verbs it implements. Below: libc.
//! Reserving takes addresses only (`PROT_NONE`, `MAP_NORESERVE`); committing is `mprotect`;
//! decommitting is `madvise`, so that the number of the kernel's mappings stays small.
//! Every call leaves `errno` as it found it: the callers above may be a `malloc`.
//! Not here: mappings of files ([`FileMapping`](crate::FileMapping)).

use crate::source::{Advice, Contents, Faults, Reserved, Source};
use alloc_core::AllocError;
use core::ffi::c_void;
use core::ptr::NonNull;

/// The operating system's virtual memory.
///
/// ```
/// use alloc_arena::{Arena, Os};
/// static ARENA: Arena<Os> = Arena::new(Os::new());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Os {
    lazy: bool,
}

impl Os {
    /// Decommitted pages go at once (`MADV_DONTNEED`) and read as zero afterwards.
    #[must_use]
    pub const fn new() -> Self {
        Self { lazy: false }
    }

    /// Decommitted pages go when the system needs them (`MADV_FREE`, where it exists): cheaper, but
    /// the process looks as big as before until then, and the pages do not read as zero for sure.
    #[must_use]
    pub const fn lazy() -> Self {
        Self { lazy: true }
    }
}

// SAFETY: S1: the kernel places anonymous mappings where nothing is mapped, and they last until
// munmap or mremap. S2: mprotect grants, madvise keeps access. S3: anonymous private memory reads
// as zero when it is first touched and after MADV_DONTNEED on Linux. S4: each method either makes
// one call that fails without effect, or undoes what it did before. S5: system calls only. S6: the
// page size is the kernel's.
unsafe impl Source for Os {
    #[inline]
    fn page_bytes(&self) -> usize {
        page_bytes()
    }

    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        keep_errno(|| map_aligned(bytes, align_bytes, libc::PROT_NONE))
    }

    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller gives up these pages, which are part of a mapping of ours.
        keep_errno(|| unsafe { unmap(base, bytes) })
    }

    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the pages are part of a range of ours (caller); access is only added.
        keep_errno(|| done(unsafe { libc::mprotect(void(base), bytes, access) }))
    }

    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        // SAFETY: the caller does not need the contents, and the pages are of a live mapping.
        keep_errno(|| unsafe { drop_pages(base, bytes, self.lazy) })
    }

    unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        keep_errno(|| {
            // SAFETY: nobody uses the pages (caller), which are part of a range of ours.
            done(unsafe { libc::mprotect(void(base), bytes, libc::PROT_NONE) })?;
            // SAFETY: as above; that the memory goes is a courtesy, so a refusal is no failure.
            let _ = unsafe { drop_pages(base, bytes, false) };
            Ok(())
        })
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: nobody uses the pages (caller), which are part of a range of ours. A kernel that does not
        // know this advice refuses it.
        keep_errno(|| done(unsafe { libc::madvise(void(base), bytes, MADV_GUARD_INSTALL) }))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    unsafe fn untouched_bytes(&self, base: NonNull<u8>, bytes: usize) -> Option<usize> {
        // SAFETY: the pages are of a live range (caller).
        keep_errno(|| unsafe { untouched_bytes(base, bytes) })
    }

    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        keep_errno(|| map_aligned(bytes, align_bytes, libc::PROT_READ | libc::PROT_WRITE))
    }

    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: the caller's promise, unchanged.
        keep_errno(|| unsafe { remap::remap(base, old_bytes, new_bytes, align_bytes) })
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn huge_bytes(&self) -> usize {
        // A table of pages is one page long and has entries of 8 bytes: 2 MiB for pages of 4 KiB.
        let bytes = page_bytes() / 8 * page_bytes();
        if bytes <= MOST_HUGE_BYTES { bytes } else { 0 }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        let advice = match advice {
            Advice::Huge => libc::MADV_HUGEPAGE,
            Advice::Small => libc::MADV_NOHUGEPAGE,
        };
        // SAFETY: the pages are of a live mapping (caller); this advice changes no contents.
        keep_errno(|| done(unsafe { libc::madvise(void(base), bytes, advice) }))
    }

    fn now_ms(&self) -> Option<u64> {
        keep_errno(|| {
            // The coarse clock is read without entering the kernel, in a few nanoseconds.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: `time` is a timespec that lives through the call.
            done(unsafe { libc::clock_gettime(CLOCK, &mut time) }).ok()?;
            Some(time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000)
        })
    }

    fn faults(&self) -> Option<Faults> {
        keep_errno(|| {
            // SAFETY: all-zero bytes are a valid `rusage`, a struct of integers.
            let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
            // SAFETY: `usage` lives through the call.
            done(unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) }).ok()?;
            Some(Faults { minor: usage.ru_minflt as u64, major: usage.ru_majflt as u64 })
        })
    }
}

/// Guards that are entries in the tables of pages, and split no mapping: Linux 6.13. From asm-generic/mman-common.h;
/// libc has no name for it yet.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Asks which pages are in memory, many at a time.
///
/// # Safety
///
/// The pages are of a live mapping.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn untouched_bytes(base: NonNull<u8>, bytes: usize) -> Option<usize> {
    let mut resident = [0_u8; 128];
    let step_bytes = resident.len() * page_bytes();
    let mut at_bytes = 0;
    while at_bytes < bytes {
        let asked_bytes = step_bytes.min(bytes - at_bytes);
        // SAFETY: `at_bytes` is less than the length of the pages.
        let at = unsafe { base.add(at_bytes) };
        // SAFETY: mincore writes a byte for each of at most 128 pages, and touches none of them.
        done(unsafe { libc::mincore(void(at), asked_bytes, resident.as_mut_ptr().cast()) }).ok()?;
        let asked = &resident[..asked_bytes.div_ceil(page_bytes())];
        if let Some(first) = asked.iter().position(|page| page & 1 != 0) {
            return Some(at_bytes + first * page_bytes());
        }
        at_bytes += asked_bytes;
    }
    Some(bytes)
}

/// Huge pages that are larger than this (where ordinary ones are large) waste too much to be asked
/// for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MOST_HUGE_BYTES: usize = 32 << 20;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[inline]
fn page_bytes() -> usize {
    4096 // the architecture's, in every kernel
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn page_bytes() -> usize {
    // SAFETY: sysconf reads an integer argument; _SC_PAGESIZE is known to every system.
    (unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) as usize
}

fn void(base: NonNull<u8>) -> *mut c_void {
    base.as_ptr().cast()
}

/// 0 is success, as everywhere in libc.
fn done(result: libc::c_int) -> Result<(), AllocError> {
    if result == 0 { Ok(()) } else { Err(AllocError) }
}

/// Maps `bytes` of anonymous memory at a multiple of `align_bytes`.
fn map_aligned(bytes: usize, align_bytes: usize, access: i32) -> Result<Reserved, AllocError> {
    let base = map_anywhere(bytes, access)?;
    if base.as_ptr().addr().is_multiple_of(align_bytes) {
        return Ok(Reserved { base, bytes, contents: Contents::Zero });
    }
    // SAFETY: the mapping was made above, and nobody has its address.
    unsafe { unmap(base, bytes)? };

    let roomy_bytes = bytes.checked_add(align_bytes).ok_or(AllocError)?;
    let roomy = map_anywhere(roomy_bytes, access)?;
    let head_bytes = roomy.as_ptr().align_offset(align_bytes);
    let tail_bytes = align_bytes - head_bytes;
    // SAFETY: `head_bytes` is less than `align_bytes`, so all three parts lie in the mapping.
    let (base, tail) = unsafe { (roomy.add(head_bytes), roomy.add(head_bytes + bytes)) };
    // SAFETY: head and tail are parts of the mapping that nobody uses. Should the system not take
    // one back (it may be out of mappings), addresses are lost, and nothing else.
    let _ = unsafe { (unmap(roomy, head_bytes), unmap(tail, tail_bytes)) };
    Ok(Reserved { base, bytes, contents: Contents::Zero })
}

fn map_anywhere(bytes: usize, access: i32) -> Result<NonNull<u8>, AllocError> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NORESERVE;
    // SAFETY: without MAP_FIXED the kernel replaces no mapping; a length that cannot be is refused.
    let base = unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        Err(AllocError)
    } else {
        NonNull::new(base.cast()).ok_or(AllocError)
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "netbsd"))]
const NORESERVE: i32 = libc::MAP_NORESERVE;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "netbsd")))]
const NORESERVE: i32 = 0;

/// # Safety
///
/// The pages are of a live mapping, and nobody uses them.
pub(crate) unsafe fn unmap(base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
    if bytes == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    done(unsafe { libc::munmap(void(base), bytes) })
}

/// # Safety
///
/// The pages are of a live mapping, and nobody needs their contents.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn drop_pages(base: NonNull<u8>, bytes: usize, lazy: bool) -> Result<Contents, AllocError> {
    // SAFETY: the caller's promise.
    if lazy && done(unsafe { libc::madvise(void(base), bytes, libc::MADV_FREE) }).is_ok() {
        return Ok(Contents::Unknown);
    }
    // SAFETY: the caller's promise.
    done(unsafe { libc::madvise(void(base), bytes, libc::MADV_DONTNEED) })?;
    Ok(Contents::Zero)
}

/// # Safety
///
/// The pages are of a live mapping, and nobody needs their contents.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
unsafe fn drop_pages(base: NonNull<u8>, bytes: usize, _: bool) -> Result<Contents, AllocError> {
    // Elsewhere MADV_DONTNEED may be a no-op; MADV_FREE is what gives memory back.
    // SAFETY: the caller's promise.
    done(unsafe { libc::madvise(void(base), bytes, libc::MADV_FREE) })?;
    Ok(Contents::Unknown)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod remap {
    use super::{AllocError, NonNull, map_aligned, void};

    /// # Safety
    ///
    /// As for [`Source::remap`](super::Source::remap).
    pub unsafe fn remap(
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let small_align = align_bytes <= super::page_bytes();
        if small_align || base.as_ptr().addr().is_multiple_of(align_bytes) {
            let flags = if small_align { libc::MREMAP_MAYMOVE } else { 0 };
            // SAFETY: a mapping of ours, whose old addresses nobody uses after a success.
            let moved = unsafe { libc::mremap(void(base), old_bytes, new_bytes, flags) };
            if moved != libc::MAP_FAILED {
                return NonNull::new(moved.cast()).ok_or(AllocError);
            }
        }
        if small_align {
            return Err(AllocError);
        }
        let target = map_aligned(new_bytes, align_bytes, libc::PROT_NONE)?.base;
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: as above; the target is a mapping of our own, which the call replaces.
        let moved = unsafe { libc::mremap(void(base), old_bytes, new_bytes, flags, void(target)) };
        if moved == libc::MAP_FAILED {
            // Most failures come after the kernel has removed the target, and by now another
            // thread may have been given its addresses: unmapping it here could hit theirs. In the
            // remaining cases addresses are lost, and nothing else.
            return Err(AllocError);
        }
        Ok(target)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod remap {
    use super::{AllocError, NonNull};

    /// # Safety
    ///
    /// None: there is no such call here.
    pub unsafe fn remap(
        _: NonNull<u8>,
        _: usize,
        _: usize,
        _: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        Err(AllocError)
    }
}

/// Runs `calls`, and leaves `errno` as it was before.
pub(crate) fn keep_errno<R>(calls: impl FnOnce() -> R) -> R {
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    use libc::__errno as errno;
    #[cfg(any(target_os = "linux", target_os = "emscripten"))]
    use libc::__errno_location as errno;
    #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    use libc::__error as errno;

    // SAFETY: the function returns the address of this thread's errno, which is always valid.
    let place = unsafe { errno() };
    // SAFETY: as above.
    let before = unsafe { *place };
    let result = calls();
    // SAFETY: as above; the address of a thread's errno does not change.
    unsafe { *place = before };
    result
}
