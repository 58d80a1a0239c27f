//! The least that an arena could do: move a pointer through memory that was touched before.
//!
//! Above: the measures. Below: one vector. Neither is an arena for anyone else: they never grow, and do not even know where
//! their memory ends.

use super::{Alloc, Arena};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// What all addresses are multiples of; so are all sizes.
const ALIGN: usize = 8;

/// A pointer, no more, in a cell that others may see: so is everyone's whose `alloc` takes `&self`.
pub(in crate::arenas) struct Raw {
    at: Cell<NonNull<u8>>,
    start: NonNull<u8>,
    _memory: Box<[MaybeUninit<u64>]>,
}

/// The same, of which nobody else knows, so that the pointer can stay in a register.
pub(in crate::arenas) struct Register(Raw);

/// So many bytes that were touched, and a word more. Pages are not asked for in huge ones.
fn touched(bytes: usize) -> Box<[MaybeUninit<u64>]> {
    vec![MaybeUninit::new(1); bytes / size_of::<u64>() + 1].into_boxed_slice()
}

fn start_of(memory: &mut [MaybeUninit<u64>]) -> NonNull<u8> {
    NonNull::from(std::hint::black_box(memory)).cast()
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
}

impl<T: Copy> Alloc<T> for Raw {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        const { assert!(align_of::<T>() <= ALIGN && size_of::<T>().is_multiple_of(ALIGN)) };
        let place = self.at.get();
        // SAFETY: a program takes no more bytes than the arena was made for, and each once until it is reset.
        unsafe {
            self.at.set(place.add(size_of::<T>()));
            place.cast::<T>().write(value);
            place.cast::<T>().as_mut()
        }
    }
}

impl Arena for Register {
    fn for_bytes(bytes: usize) -> Self {
        Self(Raw::for_bytes(bytes))
    }
    #[inline(always)]
    fn reset(&mut self) {
        self.0.reset();
    }
    #[inline(always)]
    fn seen(&mut self) -> &mut Self {
        self
    }
}

impl<T: Copy> Alloc<T> for Register {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        self.0.alloc(value)
    }
}
