//! The least that an arena could do: move a pointer through memory that was touched before.
//!
//! Above: the measures. Below: one vector. Neither is an arena for anyone else: they never grow, and `Raw` does not even know
//! where its memory ends.

use super::{Alloc, Arena};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// What all addresses are multiples of; so are all sizes.
const ALIGN: usize = 8;

/// A pointer, no more. Nobody else knows of it, so that it can stay in a register.
pub(in crate::arenas) struct Raw {
    at: Cell<NonNull<u8>>,
    start: NonNull<u8>,
    _memory: Box<[MaybeUninit<u64>]>,
}

/// So many bytes that were touched, and a word more. Pages are not asked for in huge ones.
fn touched(bytes: usize) -> Box<[MaybeUninit<u64>]> {
    vec![MaybeUninit::new(1); bytes / size_of::<u64>() + 1].into_boxed_slice()
}

fn start_of(memory: &mut [MaybeUninit<u64>]) -> NonNull<u8> {
    NonNull::from_mut(std::hint::black_box(memory)).cast()
}

impl Arena for Raw {
    fn for_bytes(bytes: usize) -> Self {
        let mut memory = touched(bytes);
        let start = start_of(&mut memory);
        Self { at: Cell::new(start), start, _memory: memory }
    }
    #[inline(always)]
    fn reset(&mut self) {
        self.at.set(self.start);
    }
    #[inline(always)]
    fn seen(&mut self) -> &mut Self {
        self
    }
}

impl<T: Copy> Alloc<T> for Raw {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        const { assert!(align_of::<T>() <= ALIGN && size_of::<T>() % ALIGN == 0) };
        let place = self.at.get();
        // SAFETY: a program takes no more bytes than the arena was made for, and each once until it is reset.
        unsafe {
            self.at.set(place.add(size_of::<T>()));
            place.cast::<T>().write(value);
            place.cast::<T>().as_mut()
        }
    }
}

/// The same behind a reference that others may have, with a comparison with the end: what an arena cannot do without whose
/// `alloc` takes `&self`.
pub(in crate::arenas) struct Checked {
    at: Cell<NonNull<u8>>,
    end: Cell<NonNull<u8>>,
    start: NonNull<u8>,
    _memory: Box<[MaybeUninit<u64>]>,
}

impl Arena for Checked {
    fn for_bytes(bytes: usize) -> Self {
        let mut memory = touched(bytes);
        let start = start_of(&mut memory);
        // SAFETY: the memory is a word longer than this.
        let end = unsafe { start.add(bytes) };
        Self { at: Cell::new(start), end: Cell::new(end), start, _memory: memory }
    }
    #[inline(always)]
    fn reset(&mut self) {
        self.at.set(self.start);
    }
}

impl<T: Copy> Alloc<T> for Checked {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        const { assert!(align_of::<T>() <= ALIGN && size_of::<T>() % ALIGN == 0) };
        let place = self.at.get();
        let left_bytes = self.end.get().addr().get() - place.addr().get();
        if size_of::<T>() > left_bytes {
            full();
        }
        // SAFETY: so many bytes are left (compared), and each is taken once until it is reset.
        unsafe {
            self.at.set(place.add(size_of::<T>()));
            place.cast::<T>().write(value);
            place.cast::<T>().as_mut()
        }
    }
}

#[cold]
#[inline(never)]
fn full() -> ! {
    panic!("an arena that cannot grow is given more than it was made for")
}
