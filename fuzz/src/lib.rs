//! A session on an allocator: operations drawn from bytes, played against a model.
//!
//! Above: the targets in `fuzz_targets/`, one for each component. Below: any layer.
//! After every operation the layer's metadata is walked, and every answer is compared with the
//! contract: length, alignment, ownership, contents kept, zeroes, no overlap.

pub mod count;
pub mod graph;

use alloc_core::report::Tree;
use alloc_core::{AllocError, Layer, Layout};
use arbitrary::Arbitrary;
use std::collections::BTreeMap;
use std::ptr::NonNull;

/// At most so many bytes are live in a session, so that a long one does not run out of memory.
const MOST_LIVE_BYTES: usize = 16 << 20;

/// A size, small ones first.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Size {
    Tiny(u8),
    Small(u16),
    /// Up to 1 MiB.
    Large(u32),
    /// A power of two up to 2 MiB, and what is around it.
    Near(u8, i8),
    /// More than there is.
    Absurd(u8),
}

impl Size {
    pub fn bytes(self) -> usize {
        match self {
            Self::Tiny(bytes) => bytes.into(),
            Self::Small(bytes) => bytes.into(),
            Self::Large(bytes) => bytes as usize % (1 << 20),
            Self::Near(power, more) => (1usize << (power % 22)).saturating_add_signed(more.into()),
            Self::Absurd(less) => (isize::MAX as usize >> (less % 4)) - (less as usize) * 4096,
        }
    }
}

/// An operation. `which` chooses among the live objects, whatever their number.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Op {
    Allocate { size: Size, align_log2: u8, zeroed: bool },
    Free { which: u16, fit: u16 },
    Grow { which: u16, size: Size, align_log2: Option<u8>, zeroed: bool },
    Shrink { which: u16, keep: u16, align_log2: Option<u8> },
    Reclaim { goal_bytes: u32 },
    Freeze,
    FreeAll,
}

#[derive(Clone, Copy)]
struct Object {
    ptr: NonNull<u8>,
    layout: Layout,
    /// What its bytes are, as far as `layout` goes.
    byte: u8,
}

/// A layer, and what it has handed out.
pub struct Session<'l, L> {
    layer: &'l L,
    objects: Vec<Object>,
    /// Where objects begin, and how long they are with what was handed out beyond the layout.
    taken: BTreeMap<usize, usize>,
    next_byte: u8,
}

impl<'l, L: Layer> Session<'l, L> {
    pub fn new(layer: &'l L) -> Self {
        Self { layer, objects: Vec::new(), taken: BTreeMap::new(), next_byte: 1 }
    }

    /// Plays a sequence, then frees everything.
    pub fn play(&mut self, ops: &[Op]) {
        for op in ops {
            self.step(*op);
            self.layer.verify().unwrap();
        }
        self.end();
    }

    /// Frees everything; the layer must still be whole.
    pub fn end(&mut self) {
        while !self.objects.is_empty() {
            self.free(0, 0);
        }
        self.layer.verify().unwrap();
        self.layer.reclaim(usize::MAX);
        self.layer.verify().unwrap();
    }

    /// Bytes handed out, by usable size.
    pub fn live_bytes(&self) -> usize {
        self.taken.values().sum()
    }

    pub fn live(&self) -> usize {
        self.taken.len()
    }

    pub fn step(&mut self, op: Op) {
        match op {
            Op::Allocate { size, align_log2, zeroed } => {
                let layout = Layout::from_size_align(size.bytes(), 1 << (align_log2 % 18));
                layout.into_iter().for_each(|layout| self.allocate(layout, zeroed));
            }
            Op::Free { which, fit } => {
                self.at(which).into_iter().for_each(|at| self.free(at, fit));
            }
            Op::Grow { which, size, align_log2, zeroed } => {
                self.at(which).into_iter().for_each(|at| self.grow(at, size, align_log2, zeroed));
            }
            Op::Shrink { which, keep, align_log2 } => {
                self.at(which).into_iter().for_each(|at| self.shrink(at, keep, align_log2));
            }
            Op::Reclaim { goal_bytes } => {
                self.layer.reclaim(goal_bytes as usize);
            }
            Op::Freeze => {
                self.layer.freeze();
                // SAFETY: frozen right above, in this thread.
                unsafe { self.layer.thaw() };
            }
            Op::FreeAll => (0..self.objects.len()).for_each(|_| self.free(0, 0)),
        }
    }

    fn at(&self, which: u16) -> Option<usize> {
        (which as usize).checked_rem(self.objects.len())
    }

    fn allocate(&mut self, layout: Layout, zeroed: bool) {
        let answer =
            if zeroed { self.layer.allocate_zeroed(layout) } else { self.layer.allocate(layout) };
        let Ok(slice) = answer else { return };
        if zeroed {
            // SAFETY: just allocated, and zeroed, as its contract says.
            assert!(unsafe { slice.as_ref() }.iter().all(|byte| *byte == 0), "not zeroed");
        }
        self.begin(slice, layout);
    }

    /// A layout that fits the object: between what was asked for and what was handed out.
    fn fit(&self, object: Object, fit: u16) -> Layout {
        let usable_bytes = self.layer.usable_size(object.layout);
        let more = (usable_bytes - object.layout.size()) * fit as usize / u16::MAX as usize;
        Layout::from_size_align(object.layout.size() + more, object.layout.align()).unwrap()
    }

    fn free(&mut self, at: usize, fit: u16) {
        let object = self.objects.swap_remove(at);
        check(object, object.layout.size());
        self.taken.remove(&object.ptr.addr().get());
        // SAFETY: the object is live, and its layout fits.
        unsafe { self.layer.deallocate(object.ptr, self.fit(object, fit)) };
    }

    fn grow(&mut self, at: usize, size: Size, align_log2: Option<u8>, zeroed: bool) {
        let old = self.objects[at];
        let align = align_log2.map_or(old.layout.align(), |log2| 1 << (log2 % 18));
        let bytes = size.bytes().max(old.layout.size());
        let Ok(new) = Layout::from_size_align(bytes, align) else { return };
        // SAFETY: the object is live with this layout, and the new one is no shorter.
        let answer = unsafe {
            if zeroed {
                self.layer.grow_zeroed(old.ptr, old.layout, new)
            } else {
                self.layer.grow(old.ptr, old.layout, new)
            }
        };
        let Some(slice) = self.resized(at, answer, old.layout.size()) else { return };
        if zeroed {
            // SAFETY: what lies behind the old object is initialised, to zero.
            let bytes = unsafe { slice.as_ref() };
            assert!(bytes[old.layout.size()..].iter().all(|byte| *byte == 0), "not zeroed");
        }
        self.begin(slice, new);
    }

    fn shrink(&mut self, at: usize, keep: u16, align_log2: Option<u8>) {
        let old = self.objects[at];
        let align = align_log2.map_or(old.layout.align(), |log2| 1 << (log2 % 18));
        let bytes = old.layout.size() * keep as usize / u16::MAX as usize;
        let Ok(new) = Layout::from_size_align(bytes, align) else { return };
        // SAFETY: the object is live with this layout, and the new one is no longer.
        let answer = unsafe { self.layer.shrink(old.ptr, old.layout, new) };
        if let Some(slice) = self.resized(at, answer, bytes) {
            self.begin(slice, new);
        }
    }

    /// After a resize: the old object is as it was, or gone with its contents kept in the answer.
    fn resized(
        &mut self,
        at: usize,
        answer: Result<NonNull<[u8]>, AllocError>,
        kept_bytes: usize,
    ) -> Option<NonNull<[u8]>> {
        let old = self.objects[at];
        let Ok(slice) = answer else {
            check(old, old.layout.size());
            return None;
        };
        self.objects.swap_remove(at);
        self.taken.remove(&old.ptr.addr().get());
        check(Object { ptr: slice.cast(), ..old }, kept_bytes);
        Some(slice)
    }

    /// Checks what was handed out, fills it, and remembers it.
    fn begin(&mut self, slice: NonNull<[u8]>, layout: Layout) {
        let (ptr, bytes) = (slice.cast::<u8>(), slice.len());
        assert_eq!(bytes, self.layer.usable_size(layout), "a slice of another length (L1)");
        assert!(ptr.addr().get().is_multiple_of(layout.align()), "a pointer that is not aligned");
        assert!(bytes >= layout.size());
        if bytes > 0 {
            self.claim(ptr, bytes);
        }
        let byte = self.next_byte;
        self.next_byte = self.next_byte.wrapping_add(1);
        // SAFETY: so many bytes were just handed out, and overlap nobody else's.
        unsafe { ptr.write_bytes(byte, bytes) };
        self.objects.push(Object { ptr, layout, byte });
        if self.live_bytes() > MOST_LIVE_BYTES {
            self.free(self.objects.len() - 1, 0);
        }
    }

    /// Takes an address range for an object: nobody else may have any of it.
    fn claim(&mut self, ptr: NonNull<u8>, bytes: usize) {
        let start = ptr.addr().get();
        let before = self.taken.range(..start + bytes).next_back();
        assert!(before.is_none_or(|(at, length)| at + length <= start), "objects overlap");
        self.taken.insert(start, bytes);
        // SAFETY: the last byte of what was handed out.
        let last = unsafe { ptr.add(bytes - 1) };
        assert!(self.layer.owns(ptr) && self.layer.owns(last), "an address is denied (L4)");
    }
}

/// Bytes that a heap has handed out: slots, those in caches too, and large allocations.
pub fn used_bytes(stack: &impl Layer) -> u64 {
    let tree = Tree::of(stack);
    let figure = |name: &str| tree.figure("SizeClassHeap", name).expect("a heap reports it");
    figure("slots in use (caches included)") + figure("large bytes")
}

/// Whether the first bytes of an object are what they were.
fn check(object: Object, bytes: usize) {
    // SAFETY: the object is live, or is what a resize made of it, and was filled by `begin`.
    let contents = unsafe { std::slice::from_raw_parts(object.ptr.as_ptr(), bytes) };
    assert!(contents.iter().all(|byte| *byte == object.byte), "contents were lost");
}
