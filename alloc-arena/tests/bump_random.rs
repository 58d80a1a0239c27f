//! A bump under random calls, with nested checkpoints, over a layer whose slices are longer than asked and that refuses at
//! times: contents, owners, counts and metadata after each step.

#[path = "common/rounds.rs"]
mod rounds;

use alloc_arena::{Bump, Checkpoint, Lifo};
use alloc_core::{Allocator, Failing, Layer, Layout, Observe, Schedule};
use rounds::Rounds;
use std::ptr::NonNull;
use std::slice;

type Below = Observe<Failing<Rounds>>;

struct Object {
    ptr: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Object {
    /// What lies there.
    fn bytes(&self) -> &[u8] {
        // SAFETY: it is live, and all of it was written.
        unsafe { slice::from_raw_parts(self.ptr.as_ptr(), self.layout.size()) }
    }
}

struct Mark {
    checkpoint: Checkpoint,
    objects: usize,
}

struct Run<'b> {
    bump: Bump<&'b Below>,
    objects: Vec<Object>,
    marks: Vec<Mark>,
    state: u64,
}

impl Run<'_> {
    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 20) as usize % below
    }

    fn layout(&mut self) -> Layout {
        let most = [40, 600, 9000][self.random(3)];
        let (size, align_log2) = (self.random(most), self.random(10));
        Layout::from_size_align(size, 1 << align_log2).unwrap()
    }

    /// One of those that no checkpoint knows of; mostly the last one.
    fn which(&mut self) -> Option<usize> {
        let floor = self.marks.last().map_or(0, |mark| mark.objects);
        let young = self.objects.len().checked_sub(floor).filter(|young| *young > 0)?;
        let any = self.random(2) == 0;
        Some(if any { floor + self.random(young) } else { self.objects.len() - 1 })
    }

    fn allocate(&mut self, byte: u8) {
        let (layout, zeroed) = (self.layout(), self.random(2) == 0);
        let slice =
            if zeroed { self.bump.allocate_zeroed(layout) } else { self.bump.allocate(layout) };
        let Ok(slice) = slice else { return };
        assert_eq!(slice.len(), layout.size());
        let object = Object { ptr: slice.cast(), layout, byte };
        assert!(!zeroed || object.bytes().iter().all(|at| *at == 0));
        // SAFETY: just allocated.
        unsafe { object.ptr.write_bytes(byte, layout.size()) };
        self.objects.push(object);
    }

    fn free(&mut self) {
        let Some(at) = self.which() else { return };
        let Object { ptr, layout, .. } = self.objects.remove(at);
        // SAFETY: allocated with this layout.
        unsafe { self.bump.deallocate(ptr, layout) };
    }

    fn resize(&mut self) {
        let (Some(at), new) = (self.which(), self.layout()) else { return };
        let Object { ptr, layout: old, byte } = self.objects[at];
        // SAFETY: allocated with this layout.
        let resized = unsafe {
            if new.size() >= old.size() {
                self.bump.grow(ptr, old, new)
            } else {
                self.bump.shrink(ptr, old, new)
            }
        };
        let Ok(slice) = resized else { return };
        let kept = Layout::from_size_align(new.size().min(old.size()), 1).unwrap();
        let object = Object { ptr: slice.cast(), layout: kept, byte };
        assert!(object.bytes().iter().all(|at| *at == byte));
        assert!(object.ptr.as_ptr().addr().is_multiple_of(new.align()));
        // SAFETY: as long as this now.
        unsafe { object.ptr.write_bytes(byte, new.size()) };
        self.objects[at] = Object { layout: new, ..object };
    }

    fn roll_back(&mut self) {
        let Some(mark) = self.marks.pop() else { return };
        self.objects.truncate(mark.objects);
        // SAFETY: nothing before the mark was touched since (`which`), what is younger is gone from the list, and nothing
        // was reclaimed (`step`).
        unsafe { self.bump.rollback(mark.checkpoint) };
    }

    fn step(&mut self, byte: u8) {
        match self.random(12) {
            0..4 => self.allocate(byte),
            4..6 => self.free(),
            6..9 => self.resize(),
            9 => {
                let (checkpoint, objects) = (self.bump.checkpoint(), self.objects.len());
                self.marks.push(Mark { checkpoint, objects });
            }
            10 => self.roll_back(),
            _ if self.marks.is_empty() => drop(self.bump.reclaim(usize::MAX)),
            _ => {}
        }
    }

    fn check(&self) {
        self.bump.verify().unwrap();
        assert_eq!(self.bump.below().figures().live_bytes, self.bump.chunk_bytes());
        for object in &self.objects {
            let bytes = object.bytes();
            assert!(bytes.iter().all(|at| *at == object.byte));
            let owns = |at: Option<&u8>| at.is_none_or(|at| self.bump.owns(NonNull::from(at)));
            assert!(owns(bytes.first()) && owns(bytes.last()));
        }
    }
}

#[test]
fn bump_random_calls_with_checkpoints() {
    for seed in 0..200_u64 {
        let refusals = if seed.is_multiple_of(2) { 0 } else { seed << 3 };
        let below = Observe::new(Failing::new(Schedule::Bits(refusals), Rounds));
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let most_bytes = [256, 1024, 4096, 1 << 20][seed as usize / 2 % 4];
        let limit_bytes = if seed % 3 == 0 { 2 << 20 } else { usize::MAX };
        let bump =
            Bump::new(&below).with_chunk_bytes(256, most_bytes).with_limit_bytes(limit_bytes);
        let mut run = Run { bump, objects: Vec::new(), marks: Vec::new(), state };
        for step in 0..400_u32 {
            run.step(step as u8);
            run.check();
            assert!(run.bump.chunk_bytes() <= limit_bytes);
        }
        drop(run);
        assert_eq!(below.figures().live_bytes, 0);
    }
}
