//! The stack's report on a file descriptor, and the last words of a process that has to end.
//!
//! Above: `life.rs` at exit, `malloc_stats`. Below: `alloc_core::report::Text`, which allocates
//! nothing, so that a report can be written at any time.
//!
//! `STRATA_REPORT=1` sends the report to standard error, `STRATA_REPORT=PATH` appends it to a file:
//! a program's children write theirs to the same one.

use crate::gate;
use crate::hardened::HARDENED;
use crate::stack::STACK;
use alloc_core::report::Text;
use core::fmt::{self, Write};
use libc::c_int;
use std::ffi::CString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the report goes at exit.
enum Target {
    StandardError,
    File(CString),
}

/// Set at the start: later the program may have changed its environment and its directory.
static TARGET: OnceLock<Target> = OnceLock::new();

/// Reads `STRATA_REPORT`.
pub(crate) fn configure() {
    let Some(value) = std::env::var_os("STRATA_REPORT") else { return };
    let target = match value.as_bytes() {
        b"" | b"0" => return,
        b"1" => Target::StandardError,
        _ => {
            let path = PathBuf::from(value);
            let path = std::path::absolute(&path).unwrap_or(path);
            let Ok(path) = CString::new(path.into_os_string().into_vec()) else { return };
            Target::File(path)
        }
    };
    // It is set once, by the one call at the start.
    let _ = TARGET.set(target);
}

/// Writes the report where `STRATA_REPORT` said.
pub(crate) fn at_exit() {
    match TARGET.get() {
        None => {}
        Some(Target::StandardError) => write_to(libc::STDERR_FILENO),
        Some(Target::File(path)) => {
            let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
            // SAFETY: a C string, and a mode as `O_CREAT` asks for.
            let file = unsafe { libc::open(path.as_ptr(), flags, 0o644) };
            if file >= 0 {
                write_to(file);
                // SAFETY: opened above, by this function alone.
                unsafe { libc::close(file) };
            } else {
                say(format_args!("strata: cannot write the report to {path:?}\n"));
            }
        }
    }
}

/// Writes the report to a file descriptor, under a line that names the process.
pub(crate) fn write_to(file: c_int) {
    let mut out = Out::new(file);
    let name = std::env::args_os().next().unwrap_or_default();
    // A report that cannot be written is no reason to stop a program.
    let _ = writeln!(out, "strata: process {} ({})", std::process::id(), name.display());
    let _ = match gate::is_hardened() {
        true => Text::write(&HARDENED, &mut out),
        false => Text::write(&STACK, &mut out),
    };
    out.flush();
}

/// Says one thing on standard error.
pub(crate) fn say(message: fmt::Arguments<'_>) {
    let mut out = Out::new(libc::STDERR_FILENO);
    let _ = out.write_fmt(message);
    out.flush();
}

/// Says why, and ends the process the way libc does: by `SIGABRT`.
#[cold]
pub(crate) fn die(why: fmt::Arguments<'_>) -> ! {
    say(format_args!("strata: {why}\n"));
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}

/// A file descriptor behind a small buffer on the stack of the thread.
struct Out {
    file: c_int,
    held: usize,
    buffer: [u8; 512],
}

impl Out {
    fn new(file: c_int) -> Self {
        Self { file, held: 0, buffer: [0; 512] }
    }

    fn flush(&mut self) {
        let mut rest = &self.buffer[..self.held];
        while !rest.is_empty() {
            // SAFETY: `rest` is readable for its length.
            let wrote = unsafe { libc::write(self.file, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(wrote) {
                Ok(0) => break,
                Ok(wrote) => rest = &rest[wrote..],
                Err(_) if interrupted() => {}
                Err(_) => break,
            }
        }
        self.held = 0;
    }
}

fn interrupted() -> bool {
    std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.as_bytes().chunks(self.buffer.len()) {
            if self.buffer.len() - self.held < piece.len() {
                self.flush();
            }
            self.buffer[self.held..][..piece.len()].copy_from_slice(piece);
            self.held += piece.len();
        }
        Ok(())
    }
}
