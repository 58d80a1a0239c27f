//! This program's own allocator: the system's, unless a child of `collectors` asks for another.
//!
//! Above: `main`, which makes it the global one. Below: `stacks`, mimalloc.
//!
//! The choice is made at the first allocation, from the environment, and never changes, so memory goes
//! back where it came from. All choices pay the same: one load and a branch that is always right.

use crate::stacks;
use alloc_core::sync::{AtomicU8, Ordering};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};

/// The variable that holds the choice: `mimalloc` or `strata`; anything else is the system's.
pub const VARIABLE: &str = "STRATA_BENCH_GLOBAL";
const C_VARIABLE: &std::ffi::CStr = c"STRATA_BENCH_GLOBAL";

const OPEN: u8 = 0;
const SYSTEM: u8 = 1;
const MIMALLOC: u8 = 2;
const STRATA: u8 = 3;

static CHOICE: AtomicU8 = AtomicU8::new(OPEN);
static STACK: stacks::AsGlobalDefault = stacks::global();

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
            _ => SYSTEM,
        }
    };
    // ORDERING: Relaxed, as in `choice`.
    CHOICE.store(choice, Ordering::Relaxed);
    choice
}

macro_rules! forward {
    ($call:ident($($argument:expr),*)) => {
        // SAFETY: the caller's promises are passed on; the choice never changes, so each call for a
        // piece of memory reaches the same allocator.
        unsafe {
            match choice() {
                MIMALLOC => MiMalloc.$call($($argument),*),
                STRATA => STACK.$call($($argument),*),
                _ => System.$call($($argument),*),
            }
        }
    };
}

// SAFETY: every call goes to one allocator, always the same, which keeps the contract.
unsafe impl GlobalAlloc for Chosen {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        forward!(alloc(layout))
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        forward!(alloc_zeroed(layout))
    }
    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        forward!(dealloc(ptr, layout))
    }
    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        forward!(realloc(ptr, layout, new_bytes))
    }
}
