//! Where the code of this library is.
//!
//! Above: `watch/mod.rs`, which has it left out of lists of calls. Below: the dynamic loader's list of what is mapped.

use core::ffi::{c_int, c_void};
use core::ops::Range;

/// From the first to the last instruction of this library; empty if the loader does not know.
pub(super) fn own() -> Range<usize> {
    let mut found = 0..0;
    // SAFETY: `look` gets what it expects: the loader's description, and a range.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut found).cast()) };
    found
}

/// Enters the range if the object is the one that has this very function in it.
///
/// # Safety
///
/// The loader calls it, with its description of an object, and `found` is a range that nobody else uses.
unsafe extern "C" fn look(
    object: *mut libc::dl_phdr_info,
    _bytes: usize,
    found: *mut c_void,
) -> c_int {
    let me = look as *const () as usize;
    // SAFETY: the caller's promise; the description is valid during the call, and has so many headers.
    unsafe {
        let headers = core::slice::from_raw_parts((*object).dlpi_phdr, (*object).dlpi_phnum.into());
        for header in headers {
            if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_X == 0 {
                continue;
            }
            let start = (*object).dlpi_addr as usize + header.p_vaddr as usize;
            let code = start..start + header.p_memsz as usize;
            if code.contains(&me) {
                found.cast::<Range<usize>>().write(code);
                return 1;
            }
        }
    }
    0
}
