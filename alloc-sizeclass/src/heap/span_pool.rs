//! Where span records live: chunks of metadata, taken from the layer below.
//!
//! Above: the heap takes a record for each span. Below: the layer, asked for one small chunk at a
//! time; chunks go back when the heap is dropped.

use super::span::Span;
use alloc_core::sync::{Lock, note_plain};
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::{NonNull, null_mut};

pub(super) struct SpanPool {
    pub records: Lock<Records>,
}

pub(super) struct Records {
    free: *mut FreeRecord,
    chunks: *mut Chunk,
    chunk_count: usize,
}

// SAFETY: the pointers lead to records that nobody uses and to chunks of this pool alone.
unsafe impl Send for Records {}

/// The header of a chunk; records follow it.
struct Chunk {
    next: *mut Chunk,
}

union FreeRecord {
    next: *mut FreeRecord,
    _record: core::mem::ManuallyDrop<Span>,
}

const HEADER_BYTES: usize = {
    let align = align_of::<FreeRecord>();
    size_of::<Chunk>().div_ceil(align) * align
};

const fn chunk_layout(chunk_bytes: usize) -> Layout {
    match Layout::from_size_align(chunk_bytes, 16) {
        Ok(layout) => layout,
        Err(_) => panic!("a chunk's layout"),
    }
}

const _: () = assert!(align_of::<FreeRecord>() <= 16 && align_of::<Chunk>() <= 16);

impl SpanPool {
    alloc_core::const_fn! {
        pub const fn new() -> Self {
            let records = Records { free: null_mut(), chunks: null_mut(), chunk_count: 0 };
            Self { records: Lock::new(records) }
        }
    }

    /// Bytes of a chunk, for spans in granules of `granule_bytes`.
    pub const fn chunk_bytes(granule_bytes: usize) -> usize {
        let least = HEADER_BYTES + 4 * size_of::<FreeRecord>();
        if granule_bytes / 16 > least { granule_bytes / 16 } else { least }
    }

    /// A record that holds `span`.
    pub fn take(
        &self,
        below: &impl Layer,
        granule_bytes: usize,
        span: Span,
    ) -> Result<NonNull<Span>, AllocError> {
        let mut records = self.records.lock();
        if records.free.is_null() {
            records.add_chunk(below, Self::chunk_bytes(granule_bytes))?;
        }
        let record = records.free;
        note_plain(record, true);
        // SAFETY: `free` is not null now, and leads a chain of unused records.
        records.free = unsafe { (*record).next };
        drop(records);
        let record = record.cast::<Span>();
        // SAFETY: the record is ours alone, and large and aligned enough (`FreeRecord` is a union
        // with `Span`).
        unsafe {
            record.write(span);
            Ok(NonNull::new_unchecked(record))
        }
    }

    /// Takes a record back.
    ///
    /// # Safety
    ///
    /// `record` came from `take` of this pool, and nobody uses it any more.
    pub unsafe fn put(&self, record: NonNull<Span>) {
        let record = record.as_ptr().cast::<FreeRecord>();
        let mut records = self.records.lock();
        note_plain(record, true);
        // SAFETY: the record is the caller's to give, and as large as a `FreeRecord`.
        unsafe { (*record).next = records.free };
        records.free = record;
    }

    /// Bytes taken from the layer below.
    pub fn bytes(&self, granule_bytes: usize) -> usize {
        self.records.lock().chunk_count * Self::chunk_bytes(granule_bytes)
    }

    /// Gives every chunk back.
    ///
    /// # Safety
    ///
    /// `below` and `granule_bytes` are those of every `take`; no record is used afterwards.
    pub unsafe fn clear(&mut self, below: &impl Layer, granule_bytes: usize) {
        let mut records = self.records.lock();
        records.free = null_mut();
        let mut chunk = core::mem::replace(&mut records.chunks, null_mut());
        while let Some(this) = NonNull::new(chunk) {
            let layout = chunk_layout(Self::chunk_bytes(granule_bytes));
            // SAFETY: `add_chunk` took the chunk with this layout and wrote its header.
            unsafe {
                chunk = this.as_ref().next;
                below.deallocate(this.cast(), layout);
            }
        }
    }
}

impl Records {
    #[cold]
    fn add_chunk(&mut self, below: &impl Layer, chunk_bytes: usize) -> Result<(), AllocError> {
        let chunk = below.allocate(chunk_layout(chunk_bytes))?.cast::<u8>();
        let header = chunk.cast::<Chunk>().as_ptr();
        // SAFETY: the chunk is fresh memory of `chunk_bytes`, aligned to 16.
        unsafe { header.write(Chunk { next: self.chunks }) };
        self.chunks = header;
        self.chunk_count += 1;
        let count = (chunk_bytes - HEADER_BYTES) / size_of::<FreeRecord>();
        for index in (0..count).rev() {
            let offset = HEADER_BYTES + index * size_of::<FreeRecord>();
            // SAFETY: `offset` plus a record lies within the chunk, and is aligned for one
            // (`HEADER_BYTES`).
            unsafe {
                let record = chunk.add(offset).cast::<FreeRecord>().as_ptr();
                record.write(FreeRecord { next: self.free });
                self.free = record;
            }
        }
        Ok(())
    }
}
