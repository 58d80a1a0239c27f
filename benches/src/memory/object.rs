//! The objects of a workload: allocated, written to, checked, freed.
//!
//! Above: the workloads. Below: `heap`.

use super::live::Live;
use crate::heap::Heap;
use std::alloc::Layout;
use std::fmt;
use std::ptr::NonNull;

/// What an object is aligned to.
const ALIGN: usize = 8;

/// The smallest object: it holds the word that tells it.
pub const LEAST_BYTES: usize = 8;

/// Every page of an object is written to.
const STEP_BYTES: usize = 4096;

/// An object on the heap under test, whoever allocated it.
#[derive(Debug)]
pub struct Object {
    ptr: NonNull<u8>,
    bytes: u32,
    mark: u32,
}

// SAFETY: an object's memory belongs to whoever has this value, on whatever thread.
unsafe impl Send for Object {}

impl Object {
    /// Its first and the byte behind its last.
    #[must_use]
    pub fn extent(&self) -> (usize, usize) {
        let start = self.ptr.addr().get();
        (start, start + self.bytes())
    }

    /// What was asked for.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGN).expect("sizes are far below the limit")
}

/// One thread's hands on the heap under test.
pub struct Hands<'s> {
    heap: &'s dyn Heap,
    live: &'s Live,
    marks: u32,
}

impl fmt::Debug for Hands<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hands").field("marks", &self.marks).finish_non_exhaustive()
    }
}

impl<'s> Hands<'s> {
    /// A thread whose live bytes are counted by `live`.
    pub fn new(heap: &'s dyn Heap, live: &'s Live) -> Self {
        Self { heap, live, marks: 0 }
    }

    /// An object of `bytes` bytes or a little more, written to.
    ///
    /// # Panics
    ///
    /// If the heap has no memory: that is the end of this process, and its parent tells.
    pub fn make(&mut self, bytes: usize) -> Object {
        let bytes = bytes.max(LEAST_BYTES);
        let ptr = NonNull::new(self.heap.alloc(layout(bytes))).expect("the heap has no memory");
        self.marks = self.marks.wrapping_add(0x9e37_79b9);
        let object = Object { ptr, bytes: bytes as u32, mark: self.marks };
        self.live.add(bytes);
        write(&object, 0);
        object
    }

    /// Frees an object, whose contents have to be what was written.
    ///
    /// # Panics
    ///
    /// If they are not.
    pub fn free(&mut self, object: Object) {
        check(&object);
        self.live.sub(object.bytes());
        // SAFETY: `make` or `grow` got the memory for this layout; the object is gone with this call.
        unsafe { self.heap.free(object.ptr.as_ptr(), layout(object.bytes())) };
    }

    /// Makes an object longer, which may move it.
    ///
    /// # Panics
    ///
    /// As `make` and `free`.
    pub fn grow(&mut self, object: &mut Object, bytes: usize) {
        let bytes = bytes.max(object.bytes());
        // SAFETY: as for `free`; the size is not 0.
        let ptr = unsafe {
            self.heap.realloc(object.ptr.as_ptr(), layout(object.bytes()), layout(bytes))
        };
        self.live.add(bytes - object.bytes());
        let old_bytes = object.bytes();
        object.ptr = NonNull::new(ptr).expect("the heap has no memory");
        check(object);
        object.bytes = bytes as u32;
        write(object, old_bytes);
    }
}

/// Writes the mark, a byte on every page from `start_bytes` on, and the last byte.
fn write(object: &Object, start_bytes: usize) {
    let last = object.bytes() - 1;
    // SAFETY: the memory is the object's, of `bytes` bytes, aligned to 8, and at least a word long.
    unsafe {
        let start = object.ptr.as_ptr();
        start.cast::<u64>().write(word(object));
        let mut at = start_bytes.max(LEAST_BYTES).next_multiple_of(STEP_BYTES);
        while at < last {
            start.add(at).write(1);
            at += STEP_BYTES;
        }
        if last >= LEAST_BYTES {
            start.add(last).write(object.mark as u8);
        }
    }
}

fn check(object: &Object) {
    let last = object.bytes() - 1;
    // SAFETY: as for `write`, which initialised what is read here.
    let (first, end) = unsafe {
        let start = object.ptr.as_ptr();
        let end = if last >= LEAST_BYTES { start.add(last).read() } else { object.mark as u8 };
        (start.cast::<u64>().read() as u32, end)
    };
    assert!(
        first == object.mark && end == object.mark as u8,
        "an object of {} bytes at {:p} lost its contents",
        object.bytes(),
        object.ptr
    );
}

/// What stands at the start of an object; its length changes, its mark does not.
fn word(object: &Object) -> u64 {
    u64::from(object.mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Flat;
    use std::alloc::System;

    #[test]
    fn objects_keep_their_contents_and_are_counted() {
        let (heap, live) = (Flat(System), Live::default());
        let mut hands = Hands::new(&heap, &live);
        let mut grown = hands.make(10);
        for bytes in [8, 9, 16, 17, 4095, 4096, 4097, 100_000] {
            hands.grow(&mut grown, bytes);
            let object = hands.make(bytes);
            hands.free(object);
            assert_eq!(live.bytes(), grown.bytes());
        }
        assert_eq!(grown.bytes(), 100_000);
        hands.free(grown);
        assert_eq!(live.bytes(), 0);
    }

    #[test]
    #[should_panic(expected = "lost its contents")]
    fn lost_contents_are_noticed() {
        let (heap, live) = (Flat(System), Live::default());
        let mut hands = Hands::new(&heap, &live);
        let object = hands.make(100);
        // SAFETY: the last byte of the object.
        unsafe { *object.ptr.as_ptr().add(99) ^= 1 };
        hands.free(object);
    }
}
