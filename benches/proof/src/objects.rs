//! Objects whose contents are known: written when they are made, looked at when they are changed or freed.
//!
//! Above: the parts of the campaign, and the soak. Below: any layer.

use crate::random::Random;
use alloc_core::{AllocError, Layer, Layout};
use std::ptr::NonNull;

/// Objects up to this long are written and read as a whole, longer ones at both ends and on every page.
const WHOLE_BYTES: usize = 2 << 10;
const PAGE_BYTES: usize = 4 << 10;

/// An allocation, and the number that its contents come from.
#[derive(Debug)]
pub struct Object {
    ptr: NonNull<u8>,
    layout: Layout,
    number: u64,
}

// SAFETY: whoever has the object has its memory to himself, and layers that are `Sync` take it from any thread.
unsafe impl Send for Object {}

/// Where a long object is looked at.
fn places(bytes: usize) -> impl Iterator<Item = usize> {
    let step = if bytes <= WHOLE_BYTES { 1 } else { PAGE_BYTES };
    (0..bytes).step_by(step).chain(bytes.checked_sub(1))
}

fn byte_at(number: u64, place: usize) -> u8 {
    let mixed = (number ^ place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

impl Object {
    /// A new one. If it is to be zeroed, that is checked first.
    ///
    /// # Errors
    ///
    /// When the layer has no memory.
    pub fn make(
        layer: &impl Layer,
        layout: Layout,
        zeroed: bool,
        number: u64,
    ) -> Result<Self, AllocError> {
        let slice = if zeroed { layer.allocate_zeroed(layout) } else { layer.allocate(layout) }?;
        assert!(slice.len() >= layout.size(), "{layout:?} is too short");
        let mut object = Self { ptr: slice.cast(), layout, number };
        assert!(object.ptr.addr().get().is_multiple_of(layout.align()), "{layout:?} is askew");
        if zeroed {
            object.zero_from(0);
        }
        object.write(0);
        Ok(object)
    }

    /// Its layout.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Panics unless the contents are those that were written.
    pub fn check(&self) {
        self.check_up_to(self.layout.size());
    }

    fn check_up_to(&self, bytes: usize) {
        for place in places(self.layout.size()).filter(|&place| place < bytes) {
            // SAFETY: within the object, which is live, and was written there.
            let byte = unsafe { self.ptr.add(place).read() };
            assert_eq!(byte, byte_at(self.number, place), "{:?} at {place} changed", self.layout);
        }
    }

    fn zero_from(&self, start: usize) {
        for place in places(self.layout.size()).filter(|&place| place >= start) {
            // SAFETY: within the object, which is live, and initialised from there on.
            let byte = unsafe { self.ptr.add(place).read() };
            assert_eq!(byte, 0, "{:?} at {place} is not zero", self.layout);
        }
    }

    fn write(&mut self, start: usize) {
        for place in places(self.layout.size()).filter(|&place| place >= start) {
            // SAFETY: within the object, which is live, and this owner's.
            unsafe { self.ptr.add(place).write(byte_at(self.number, place)) };
        }
    }

    /// Has another size from now on. If that fails, it is as it was.
    ///
    /// # Errors
    ///
    /// When the layer has no memory.
    pub fn resize(
        &mut self,
        layer: &impl Layer,
        bytes: usize,
        zeroed: bool,
    ) -> Result<(), AllocError> {
        let old = self.layout;
        let new = Layout::from_size_align(bytes, old.align()).map_err(|_| AllocError)?;
        self.check();
        // SAFETY: live with its layout; the new size is on the right side of the old one.
        let result = unsafe {
            match (bytes < old.size(), zeroed) {
                (true, _) => layer.shrink(self.ptr, old, new),
                (false, true) => layer.grow_zeroed(self.ptr, old, new),
                (false, false) => layer.grow(self.ptr, old, new),
            }
        };
        let Ok(slice) = result else {
            self.check();
            return Err(AllocError);
        };
        self.ptr = slice.cast();
        // Where the old one was looked at: what was written there has come along.
        let kept = Self { ptr: self.ptr, layout: old, number: self.number };
        kept.check_up_to(old.size().min(bytes));
        self.layout = new;
        if zeroed && bytes > old.size() {
            self.zero_from(old.size());
        }
        // The places of a long object are not those of a short one.
        self.write(0);
        Ok(())
    }

    /// Checks it, and gives it back.
    pub fn free(self, layer: &impl Layer) {
        self.check();
        // SAFETY: live with that layout, and given back once: `self` is taken.
        unsafe { layer.deallocate(self.ptr, self.layout) };
    }
}

/// What a workload asks for: mostly small, now and then large, now and then aligned.
pub fn layout(random: &mut Random) -> Layout {
    let bytes = match random.below(100) {
        0..60 => 1 + random.below(200),
        60..85 => 1 + random.below(4 << 10),
        85..95 => 1 + random.below(64 << 10),
        95..99 => 1 + random.below(700 << 10),
        _ => 1 + random.below(3 << 20),
    };
    let align = if random.one_in(12) { 1 << random.below(17) } else { 1 << random.below(5) };
    Layout::from_size_align(bytes, align).expect("an alignment is a power of two")
}

/// Objects that are made, resized and freed at random.
#[derive(Debug)]
pub struct Objects {
    live: Vec<Object>,
    random: Random,
    most: usize,
    made: u64,
    /// How many requests were refused so far.
    pub refused: usize,
}

impl Objects {
    /// None yet; at most `most` at a time.
    pub fn new(seed: u64, most: usize) -> Self {
        let random = Random::new(seed);
        Self { live: Vec::with_capacity(most), random, most, made: seed << 32, refused: 0 }
    }

    /// A step: one object is made, resized or freed.
    pub fn step(&mut self, layer: &impl Layer) {
        let wanted = self.random.below(10);
        if self.live.is_empty() || (wanted < 5 && self.live.len() < self.most) {
            return self.make(layer);
        }
        let which = self.random.below(self.live.len());
        if wanted < 7 {
            let layout = layout(&mut self.random);
            let zeroed = self.random.one_in(2);
            let result = self.live[which].resize(layer, layout.size(), zeroed);
            self.refused += usize::from(result.is_err());
        } else {
            self.live.swap_remove(which).free(layer);
        }
    }

    fn make(&mut self, layer: &impl Layer) {
        let layout = layout(&mut self.random);
        let zeroed = self.random.one_in(3);
        self.made += 1;
        match Object::make(layer, layout, zeroed, self.made) {
            Ok(object) => self.live.push(object),
            Err(AllocError) => self.refused += 1,
        }
    }

    /// Panics unless all contents are as written.
    pub fn check(&self) {
        self.live.iter().for_each(Object::check);
    }

    /// Frees what is live.
    pub fn clear(&mut self, layer: &impl Layer) {
        self.live.drain(..).for_each(|object| object.free(layer));
    }
}
