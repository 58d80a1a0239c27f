//! Memory from outside the arena that becomes part of it.
//!
//! Above: programs that have memory to give: a buffer, a file mapping, a mapping of their own
//! making. Below: a node like any other, on other terms.

use crate::arena::Arena;
use crate::mapping::{Mapping, MappingKind, Node, Terms};
use crate::source::{Contents, Reserved, Source};
use alloc_core::AllocError;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// What an arena may do with memory that it adopts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purge {
    /// Its pages are never decommitted: the owner wants their memory to stay, or their contents.
    #[default]
    Never,
    /// Dirty pages may be decommitted; they do not read as zero afterwards (a file's do not).
    Allowed,
    /// Dirty pages may be decommitted, and then read as zero if the source says so: private
    /// anonymous memory.
    ToZero,
}

/// Memory for [`Arena::adopt_raw`].
#[derive(Clone, Copy, Debug)]
pub struct Adopted {
    /// The memory. What lies before its first page boundary and after its last is left alone.
    pub memory: NonNull<[u8]>,
    /// What may be done with its pages.
    pub purge: Purge,
    /// The arena gives the memory to its source with [`Source::unreserve`] when it is dropped.
    pub unreserve: bool,
}

impl<S: Source> Arena<S> {
    /// Makes a buffer part of the arena: runs are handed out from it, before those of the arena's
    /// other mappings.
    ///
    /// ```
    /// use alloc_arena::{Arena, Os};
    /// use alloc_core::{Allocator, Layer, Layout};
    /// use core::mem::MaybeUninit;
    ///
    /// let arena = Arena::new(Os::new());
    /// let buffer = vec![MaybeUninit::uninit(); 1 << 20].leak();
    /// let adopted = arena.adopt(buffer).unwrap();
    ///
    /// let run = arena.allocate(Layout::new::<[u8; 4096]>()).unwrap();
    /// assert_eq!(run.cast(), adopted.base);
    /// ```
    ///
    /// # Errors
    ///
    /// When the buffer holds no whole page (and, over a source like [`Fixed`](crate::Fixed), the
    /// metadata), or the source has no memory for the metadata.
    pub fn adopt(&self, memory: &'static mut [MaybeUninit<u8>]) -> Result<Mapping, AllocError> {
        let memory = NonNull::from(memory);
        let memory = NonNull::slice_from_raw_parts(memory.cast::<u8>(), memory.len());
        let adopted = Adopted { memory, purge: Purge::Never, unreserve: false };
        // SAFETY: the borrow is exclusive and for ever; nothing is decommitted or unreserved.
        unsafe { self.adopt_raw(adopted) }
    }

    /// Makes any memory part of the arena.
    ///
    /// # Errors
    ///
    /// As for [`adopt`](Arena::adopt); the memory is the caller's still.
    ///
    /// # Safety
    ///
    /// The memory is readable, writable and nobody else's until the arena is dropped. If `purge`
    /// allows it, it is made of pages that the source can decommit; if `unreserve` is set, of whole
    /// pages that the source can unreserve.
    pub unsafe fn adopt_raw(&self, adopted: Adopted) -> Result<Mapping, AllocError> {
        let range = self.whole_pages(adopted.memory)?;
        let terms = Terms {
            kind: MappingKind::Adopted,
            purge: match adopted.purge {
                Purge::Never => None,
                Purge::Allowed => Some(Contents::Unknown),
                Purge::ToZero => Some(Contents::Zero),
            },
            unreserve: adopted.unreserve,
        };
        let mut state = self.state.lock();
        // The first reservation comes first, so that `range` is the large one.
        self.make_first(&mut state);
        // SAFETY: M1: the range is nobody else's (caller).
        let node = unsafe { Node::make(&self.below, range, terms, true)? };
        // SAFETY: the node was made just now.
        Ok(unsafe { state.mappings.push(node, true) }.mapping())
    }

    /// The whole pages in `memory`.
    fn whole_pages(&self, memory: NonNull<[u8]>) -> Result<Reserved, AllocError> {
        let page_mask = self.page_bytes() - 1;
        let base = memory.cast::<u8>();
        let head_bytes = base.as_ptr().addr().wrapping_neg() & page_mask;
        let bytes = memory.len().saturating_sub(head_bytes) & !page_mask;
        if bytes == 0 {
            return Err(AllocError);
        }
        // SAFETY: `head_bytes` is less than the length, as something is left.
        let base = unsafe { base.add(head_bytes) };
        Ok(Reserved { base, bytes, contents: Contents::Unknown })
    }
}
