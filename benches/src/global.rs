//! This program's own allocator: the system's, unless a child of `collectors`, `counted` or `pools` asks for another.
//!
//! Above: `main`, which makes it the global one. Below: `stacks`, mimalloc.
//!
//! The choice is made at the first allocation, from the environment, and never changes, so memory goes
//! back where it came from. All choices pay the same: one load and a branch that is always right.

use crate::stacks;
use alloc_core::sync::{AtomicU8, AtomicU64, Ordering};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};

/// The value for the system's, with [`counted_bytes`].
pub const COUNTING: &str = "counting";

/// The variable that holds the choice: `mimalloc`, `strata` or [`COUNTING`]; anything else is the system's.
pub const VARIABLE: &str = "STRATA_BENCH_GLOBAL";
const C_VARIABLE: &std::ffi::CStr = c"STRATA_BENCH_GLOBAL";

const OPEN: u8 = 0;
const SYSTEM: u8 = 1;
const MIMALLOC: u8 = 2;
const STRATA: u8 = 3;
const COUNTED: u8 = 4;

static CHOICE: AtomicU8 = AtomicU8::new(OPEN);
static STACK: stacks::AsGlobalDefault = stacks::global();

static LIVE_BYTES: AtomicU64 = AtomicU64::new(0);

/// What was asked for and not given back, if the choice was to count; else 0.
#[must_use]
pub fn counted_bytes() -> u64 {
    // ORDERING: Relaxed: a number for the thread that changes it.
    LIVE_BYTES.load(Ordering::Relaxed)
}

/// Counts memory that comes and memory that goes.
fn count(more_bytes: usize, less_bytes: usize) {
    let change = (more_bytes as u64).wrapping_sub(less_bytes as u64);
    // ORDERING: Relaxed, as in `counted_bytes`.
    LIVE_BYTES.fetch_add(change, Ordering::Relaxed);
}

/// The allocator.
#[derive(Debug)]
pub struct Chosen;

#[inline(always)]
fn choice() -> u8 {
    // ORDERING: Relaxed: a constant that every thread would compute alike; no other memory depends on it.
    match CHOICE.load(Ordering::Relaxed) {
        OPEN => choose(),
        choice => choice,
    }
}

#[cold]
#[inline(never)]
fn choose() -> u8 {
    // SAFETY: the name is a C string. The program changes no variable of its own environment.
    let value = unsafe { libc::getenv(C_VARIABLE.as_ptr()) };
    let choice = if value.is_null() {
        SYSTEM
    } else {
        // SAFETY: what is not null is a C string, which stays as long as nobody changes it.
        match unsafe { std::ffi::CStr::from_ptr(value) }.to_bytes() {
            b"mimalloc" => MIMALLOC,
            b"strata" => STRATA,
            b"counting" => COUNTED,
            _ => SYSTEM,
        }
    };
    // ORDERING: Relaxed, as in `choice`.
    CHOICE.store(choice, Ordering::Relaxed);
    choice
}

macro_rules! forward {
    ($call:ident($($argument:expr),*), $more_bytes:expr, $less_bytes:expr) => {
        // SAFETY: the caller's promises are passed on; the choice never changes, so each call for a
        // piece of memory reaches the same allocator.
        unsafe {
            match choice() {
                MIMALLOC => MiMalloc.$call($($argument),*),
                STRATA => STACK.$call($($argument),*),
                COUNTED => {
                    count($more_bytes, $less_bytes);
                    System.$call($($argument),*)
                }
                _ => System.$call($($argument),*),
            }
        }
    };
}

// SAFETY: every call goes to one allocator, always the same, which keeps the contract.
unsafe impl GlobalAlloc for Chosen {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        forward!(alloc(layout), layout.size(), 0)
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        forward!(alloc_zeroed(layout), layout.size(), 0)
    }
    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        forward!(dealloc(ptr, layout), 0, layout.size())
    }
    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        forward!(realloc(ptr, layout, new_bytes), new_bytes, layout.size())
    }
}
