//! A program without the standard library, and without `alloc`, on a stack over a static buffer.
//!
//! Above: `check`, which runs it and looks at its symbols. Below: alloc-core, alloc-arena's `Fixed`,
//! alloc-sizeclass and pool-prealloc without features, and of the C library `main`, `write` and `_exit`.
//! In `pools.rs`: the pools that need no allocator.
//! It ends with 0, or with 1 after a line that says what did not hold.

#![no_std]
#![no_main]

mod pools;

use alloc_arena::{Arena, Fixed, Ground};
use alloc_core::report::Text;
use alloc_core::{Allocator, Layer, Layout, Limit, Observe, Reclaiming};
use alloc_sizeclass::{Compact, SizeClassHeap};
use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};
use core::ptr::NonNull;

// SAFETY: these are POSIX's own signatures.
unsafe extern "C" {
    fn write(file: c_int, bytes: *const c_void, length: usize) -> isize;
    fn _exit(code: c_int) -> !;
}

const GROUND_BYTES: usize = 1 << 20;
const LIMIT_BYTES: usize = 512 << 10;

static GROUND: Ground<GROUND_BYTES> = Ground::new();

type Heap = SizeClassHeap<Arena<Fixed<'static>>, Compact>;
type Stack = Reclaiming<Observe<Limit<Heap>>>;

static STACK: Stack = Reclaiming::new(Observe::new(Limit::new(
    LIMIT_BYTES,
    SizeClassHeap::new(Arena::new(Fixed::of(&GROUND).with_page_bytes(1024))),
)));

/// The C library's `write`, as a place to print.
struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the bytes are `text`'s, and so many.
        let written = unsafe { write(1, text.as_ptr().cast(), text.len()) };
        if written == text.len() as isize { Ok(()) } else { Err(fmt::Error) }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Out, "{info}");
    // SAFETY: it takes any code, and does not return.
    unsafe { _exit(1) }
}

/// Core as it is shipped names the routine that unwinds, which is std's. Nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// An allocation, and the byte that it is full of.
#[derive(Clone, Copy)]
struct Piece {
    ptr: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Piece {
    fn new(bytes: usize, align_bytes: usize, byte: u8) -> Option<Self> {
        let layout = Layout::from_size_align(bytes, align_bytes).ok()?;
        let slice = STACK.allocate(layout).ok()?;
        assert_eq!(slice.len(), STACK.usable_size(layout));
        assert!(slice.cast::<u8>().is_aligned_to_bytes(align_bytes) && STACK.owns(slice.cast()));
        // SAFETY: just allocated, and so many bytes long.
        unsafe { slice.cast::<u8>().write_bytes(byte, bytes) };
        Some(Self { ptr: slice.cast(), layout, byte })
    }

    fn grow(self, bytes: usize) -> Option<Self> {
        let new = Layout::from_size_align(bytes, self.layout.align()).ok()?;
        // SAFETY: the piece is live with this layout, and the new one is larger; on success the
        // first `old` bytes are what they were, and the rest is ours to fill.
        unsafe {
            let ptr = STACK.grow(self.ptr, self.layout, new).ok()?.cast::<u8>();
            let old = self.layout.size();
            ptr.add(old).write_bytes(self.byte, bytes - old);
            Some(Self { ptr, layout: new, byte: self.byte })
        }
    }

    fn free(self) {
        // SAFETY: the piece is live, was filled when it was made, and is freed once.
        unsafe {
            let bytes = core::slice::from_raw_parts(self.ptr.as_ptr(), self.layout.size());
            assert!(bytes.iter().all(|byte| *byte == self.byte), "contents were lost");
            STACK.deallocate(self.ptr, self.layout);
        }
    }
}

/// What `NonNull` cannot tell on stable.
trait IsAligned {
    fn is_aligned_to_bytes(self, bytes: usize) -> bool;
}

impl IsAligned for NonNull<u8> {
    fn is_aligned_to_bytes(self, bytes: usize) -> bool {
        self.as_ptr().addr().is_multiple_of(bytes)
    }
}

/// Pieces of many sizes, freed and grown out of order, with the metadata walked all the while.
fn churn() {
    let mut pieces = [None::<Piece>; 64];
    for round in 0..2000usize {
        let at = round * 37 % pieces.len();
        pieces[at] = match pieces[at] {
            None => Piece::new(1 + round * 31 % 5000, 1 << (round % 9), round as u8),
            Some(piece) if round % 3 == 0 => {
                let grown = piece.grow(piece.layout.size() * 2);
                Some(grown.unwrap_or(piece))
            }
            Some(piece) => {
                piece.free();
                None
            }
        };
        if round % 100 == 0 {
            STACK.verify().unwrap();
        }
    }
    pieces.into_iter().flatten().for_each(Piece::free);
    STACK.verify().unwrap();
    assert_eq!(STACK.below().figures().live_bytes, 0);
}

/// Takes until nothing is left; it comes back.
fn exhaust() -> usize {
    let mut pieces = [None::<Piece>; 4096];
    let taken = pieces.iter_mut().map_while(|place| {
        *place = Piece::new(700, 8, 7);
        *place
    });
    let count = taken.count();
    assert!(count * 700 > LIMIT_BYTES / 2 && count < 4096, "a limit that does not bind");
    assert!(STACK.shortages() > 0 && STACK.below().below().refused() > 0);
    pieces.into_iter().flatten().for_each(Piece::free);
    STACK.verify().unwrap();
    let large = Piece::new(100 << 10, 4096, 9).expect("memory is back");
    large.free();
    count
}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    churn();
    let count = exhaust();
    let packets = pools::run();
    let mut out = Out;
    let printed = Text::write(&STACK, &mut out);
    assert!(printed.is_ok() && STACK.below().figures().live == 0);
    let _ = writeln!(out, "no_std: {count} pieces of 700 bytes fit under the limit");
    let _ = writeln!(out, "no_std: {packets} packets went through a static pool");
    0
}
