//! Memory for the heap's own records: outside of what programs are given, between guard pages, never given back.
//!
//! Above: spans' records. Below: the system. A chunk is cut from its front; what is over at its end is lost. Freed
//! records are kept by whoever has records of their length (`shelf.rs`).

use super::system;
use core::ptr::NonNull;

/// The bytes of a chunk.
const CHUNK_BYTES: usize = 256 << 10;

/// Where records come from.
#[derive(Debug)]
pub(super) struct Vault {
    next: usize,
    end: usize,
    chunk: Option<NonNull<u8>>,
}

// SAFETY: the chunk is the vault's own memory.
unsafe impl Send for Vault {}

impl Vault {
    pub(super) const fn new() -> Self {
        Self { next: 0, end: 0, chunk: None }
    }

    /// Zeroed memory, aligned to 64 bytes; at most a chunk.
    pub(super) fn take(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        let bytes = bytes.next_multiple_of(64);
        debug_assert!(bytes <= CHUNK_BYTES);
        if self.end - self.next < bytes {
            self.chunk = Some(system::map_guarded(CHUNK_BYTES)?);
            (self.next, self.end) = (0, CHUNK_BYTES);
        }
        let at = self.next;
        self.next += bytes;
        // SAFETY: `at` is below the chunk's end.
        self.chunk.map(|chunk| unsafe { chunk.add(at) })
    }
}
