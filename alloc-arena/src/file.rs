//! A file mapped into memory, for an arena to adopt.
//!
//! Above: [`Arena::adopt_file`](crate::Arena::adopt_file). Below: `mmap`, through libc.

use crate::adopt::{Adopted, Purge};
use crate::arena::Arena;
use crate::mapping::Mapping;
use crate::os::{Os, keep_errno, unmap};
use alloc_core::AllocError;
use core::ffi::c_int;
use core::ptr::NonNull;

/// Where writes to a [`FileMapping`] go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// To the file, and to everybody who maps it.
    Shared,
    /// To copies of the pages that this process alone sees.
    Private,
}

/// A range of a file in memory, readable and writable; unmapped when dropped.
#[derive(Debug)]
pub struct FileMapping {
    memory: NonNull<[u8]>,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for FileMapping {}
// SAFETY: as above; a shared `FileMapping` only tells its address.
unsafe impl Sync for FileMapping {}

impl FileMapping {
    /// Maps `bytes` of the file that the descriptor `fd` refers to, from `offset_bytes` on (a
    /// multiple of the page size). The descriptor may be closed afterwards.
    ///
    /// # Errors
    ///
    /// When the system refuses; `errno` is left as it was.
    ///
    /// # Safety
    ///
    /// As long as the mapping lives, the file is at least so long, and nobody else changes what is
    /// mapped ([`Sharing::Private`]: the pages that are not yet written to).
    pub unsafe fn new(
        fd: c_int,
        offset_bytes: u64,
        bytes: usize,
        sharing: Sharing,
    ) -> Result<Self, AllocError> {
        let offset = libc::off_t::try_from(offset_bytes).map_err(|_| AllocError)?;
        let flags = match sharing {
            Sharing::Shared => libc::MAP_SHARED,
            Sharing::Private => libc::MAP_PRIVATE,
        };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let base = keep_errno(|| {
            // SAFETY: without MAP_FIXED the kernel replaces no mapping; a descriptor, an offset or
            // a length that cannot be is refused.
            unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, flags, fd, offset) }
        });
        if base == libc::MAP_FAILED {
            return Err(AllocError);
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or(AllocError)?;
        Ok(Self { memory: NonNull::slice_from_raw_parts(base, bytes) })
    }

    /// The memory.
    #[must_use]
    pub fn memory(&self) -> NonNull<[u8]> {
        self.memory
    }
}

impl Drop for FileMapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and not handed on (`adopt_file` forgets the value). A refusal
        // costs addresses only.
        let _ = keep_errno(|| unsafe { unmap(self.memory.cast(), self.memory.len()) });
    }
}

impl Arena<Os> {
    /// Makes a mapped file part of the arena: runs are handed out from it first, and what is written
    /// to them is in the file if the mapping is shared. The arena's metadata stay outside. Freed
    /// runs age like others; purging drops their pages from the process, not from the file.
    ///
    /// # Errors
    ///
    /// When the mapping is shorter than a page, or there is no memory for the metadata. The mapping
    /// is gone then.
    pub fn adopt_file(&self, file: FileMapping) -> Result<Mapping, AllocError> {
        let adopted = Adopted { memory: file.memory, purge: Purge::Allowed, unreserve: true };
        // SAFETY: the mapping is readable and writable; `FileMapping::new`'s caller vouched that
        // nobody else changes it; it is made of pages that madvise and munmap take.
        let mapping = unsafe { self.adopt_raw(adopted)? };
        core::mem::forget(file); // the arena unmaps its whole pages; the rest goes now
        let page_bytes = self.page_bytes();
        let (all_bytes, kept_bytes) =
            (adopted.memory.len().next_multiple_of(page_bytes), mapping.bytes);
        // SAFETY: the pages behind those that were adopted are the mapping's, and nobody uses them.
        let _ =
            keep_errno(|| unsafe { unmap(mapping.base.add(kept_bytes), all_bytes - kept_bytes) });
        Ok(mapping)
    }
}
