//! The C error word of the calling thread.
//!
//! Above: the symbols, which set it when they fail and keep it when they free.
//! Below: libc's own thread-local.

use libc::c_int;

/// Sets `errno` to `code`.
#[cold]
pub(crate) fn set(code: c_int) {
    // SAFETY: libc's word of this thread: valid, aligned, and no other thread's business.
    unsafe { *libc::__errno_location() = code }
}

/// Runs `body` and leaves `errno` as it was before.
pub(crate) fn preserved<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: as in `set`.
    let word = unsafe { libc::__errno_location() };
    // SAFETY: as in `set`; the word lives as long as this thread.
    let before = unsafe { word.read() };
    let result = body();
    // SAFETY: as above.
    unsafe { word.write(before) };
    result
}
