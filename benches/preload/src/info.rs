//! Questions about memory, and the request to give some back.
//!
//! Above: the program. Below: `stack.rs` (or the watcher) for one allocation, `Layer::report` for figures.

use crate::hardened::HARDENED;
use crate::stack::STACK;
use crate::{detour, gate, hardened, report};
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
    NonNull::new(ptr.cast()).map_or(0, |ptr| unsafe { detour::usable_bytes(ptr) })
}

/// Gives cached memory back to the system; returns 1 if there was any, else 0. There is no top of
/// the heap here, so there is nothing of which `_pad` bytes could be kept.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    let hardened_bytes = if gate::is_hardened() { hardened::reclaim() } else { 0 };
    c_int::from(STACK.reclaim(usize::MAX) + hardened_bytes > 0)
}

/// Prints the stack's report on standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    report::write_to(libc::STDERR_FILENO);
}

/// glibc's figures, told of this stack: `arena` is the memory that it holds of the system;
/// `uordblks` of it is in use (slots in thread caches included), `fordblks` is not, and `keepcost`
/// is what the arena can give back at once. Figures of lists that only glibc has are 0, and memory
/// with a mapping of its own is not told apart.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let mut figures = Figures::default();
    match gate::is_hardened() {
        true => HARDENED.report(&mut Report::new(&mut figures)),
        false => STACK.report(&mut Report::new(&mut figures)),
    }
    // The tables are address space, of which a thousandth is ever touched.
    let held_bytes = (figures.used + figures.dirty + figures.dedicated)
        .saturating_sub(figures.tables)
        + figures.guarded;
    // The figures of the layers were read one after the other, while other threads went on.
    let in_use_bytes = (figures.slots + figures.large + figures.guarded).min(held_bytes);
    libc::mallinfo2 {
        arena: held_bytes,
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: 0,
        usmblks: 0,
        fsmblks: 0,
        uordblks: in_use_bytes,
        fordblks: held_bytes - in_use_bytes,
        keepcost: figures.dirty,
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

/// What `mallinfo2` picks from the report, in bytes. Every name that is picked stands in the report
/// of one layer only.
#[derive(Default)]
struct Figures {
    slots: usize,
    large: usize,
    used: usize,
    dirty: usize,
    dedicated: usize,
    tables: usize,
    guarded: usize,
}

impl Sink for Figures {
    fn enter(&mut self, _name: &str) {}
    fn figure(&mut self, name: &str, value: u64, _unit: Unit) {
        let picked = match name {
            "slots in use (caches included)" | "slots in use (bags included)" => &mut self.slots,
            "guarded bytes" => &mut self.guarded,
            "large bytes" => &mut self.large,
            "used" => &mut self.used,
            "dirty" => &mut self.dirty,
            "dedicated" => &mut self.dedicated,
            "side tables (address space)" => &mut self.tables,
            _ => return,
        };
        *picked = value as usize;
    }
    fn leave(&mut self) {}
}
