//! Questions about memory, and the request to give some back.
//!
//! Above: the program. Below: `stack.rs` for one allocation, `Layer::report` for figures.

use crate::report;
use crate::stack::{self, STACK};
use alloc_core::Layer;
use alloc_core::report::{Report, Sink, Unit};
use core::ptr::NonNull;
use libc::{c_int, c_void};

/// The bytes that may be used at `ptr`, at least those asked for; 0 for null. `realloc` keeps all
/// of them.
///
/// # Safety
///
/// As for `free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(ptr: *mut c_void) -> usize {
    // SAFETY: the caller's promise.
    NonNull::new(ptr.cast()).map_or(0, |ptr| unsafe { stack::usable_bytes(ptr) })
}

/// Gives cached memory back to the system; returns 1 if there was any, else 0. There is no top of
/// the heap here, so there is nothing of which `_pad` bytes could be kept.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(STACK.reclaim(usize::MAX) > 0)
}

/// Prints the stack's report on standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    report::write_to(libc::STDERR_FILENO);
}

/// glibc's figures: `arena` is what the stack holds of the system's memory, `uordblks` and
/// `fordblks` the bytes of it in use and not, `keepcost` what `malloc_trim` could give back. The
/// figures that only glibc's own lists have are 0.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let mut figures = Figures::default();
    STACK.report(&mut Report::new(&mut figures));
    libc::mallinfo2 {
        arena: figures.held_bytes,
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: 0,
        usmblks: 0,
        fsmblks: 0,
        uordblks: figures.held_bytes.saturating_sub(figures.free_bytes()),
        fordblks: figures.free_bytes(),
        keepcost: figures.idle_bytes,
    }
}

/// `mallinfo2` in figures of `int`; those that do not fit are the largest `int`.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> libc::mallinfo {
    let wide = mallinfo2();
    let narrow = |figure: usize| c_int::try_from(figure).unwrap_or(c_int::MAX);
    libc::mallinfo {
        arena: narrow(wide.arena),
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: 0,
        usmblks: 0,
        fsmblks: 0,
        uordblks: narrow(wide.uordblks),
        fordblks: narrow(wide.fordblks),
        keepcost: narrow(wide.keepcost),
    }
}

/// What `mallinfo2` picks from the report.
#[derive(Default)]
struct Figures {
    held_bytes: usize,
    idle_bytes: usize,
    cached_bytes: usize,
}

impl Figures {
    fn free_bytes(&self) -> usize {
        self.idle_bytes + self.cached_bytes
    }
}

impl Sink for Figures {
    fn enter(&mut self, _name: &str) {}
    fn figure(&mut self, name: &str, value: u64, _unit: Unit) {
        let value = value as usize;
        match name {
            "committed" => self.held_bytes += value,
            "dirty" => self.idle_bytes += value,
            "cached" => self.cached_bytes += value,
            _ => {}
        }
    }
    fn leave(&mut self) {}
}
