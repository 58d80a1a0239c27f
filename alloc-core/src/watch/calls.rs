//! Who allocates: the return addresses on the calling thread's stack, and their names.
//!
//! Above: the watchers. Below: the `backtrace` crate, which reads the unwind tables of each object file.
//! Reading a stack takes no lock of ours; what it may allocate is not watched ([`Inside`]). Names are looked up
//! only when somebody writes a report.

use core::cell::Cell;
use core::ffi::c_void;

/// The most return addresses that are kept of a stack: the innermost ones.
pub(crate) const MAX_DEPTH: usize = 64;

/// Frames of the watcher itself, at most.
const OWN_DEPTH: usize = 12;

/// Marks that the calling thread is inside a watcher, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Inside(());

std::thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Inside {
    /// `None` if the thread is inside one already.
    pub(crate) fn enter() -> Option<Self> {
        let was = INSIDE.with(|inside| inside.replace(true));
        // Not `then_some`: that makes a mark in any case, and dropping it takes another's away.
        (!was).then(|| Self(()))
    }

    /// Runs `body` inside a watcher, whether or not the thread was inside one.
    pub(crate) fn run<R>(body: impl FnOnce() -> R) -> R {
        let _inside = Self::enter();
        body()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.set(false));
    }
}

/// The calls that led here, innermost first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    frames: [usize; MAX_DEPTH],
    depth: usize,
}

impl Calls {
    /// No calls.
    #[cfg(feature = "sampled")]
    pub(crate) const fn none() -> Self {
        Self { frames: [0; MAX_DEPTH], depth: 0 }
    }

    /// Reads the calling thread's stack. `above` is the watcher's own function: its frame, and those that it
    /// called, are left out, if it is to be seen.
    #[inline(never)]
    pub(crate) fn here(above: *const c_void) -> Self {
        let mut calls = Self { frames: [0; MAX_DEPTH], depth: 0 };
        calls.read(above);
        calls
    }

    /// As [`here`](Self::here), in place: for who has little stack.
    #[inline(never)]
    pub(crate) fn read(&mut self, above: *const c_void) {
        self.depth = 0;
        let mut searches = !above.is_null();
        walk(|frame| {
            // Asking for a frame's function takes as long as finding the frame.
            if searches && frame.symbol_address().cast_const() == above {
                self.depth = 0;
                searches = false;
                return true;
            }
            searches &= self.depth < OWN_DEPTH;
            // A return address stands behind its call. The instruction before it is the call's.
            self.frames[self.depth] = frame.ip().addr().wrapping_sub(1);
            self.depth += 1;
            self.depth < MAX_DEPTH
        });
    }

    /// Addresses within the calling instructions, innermost first.
    pub(crate) fn frames(&self) -> &[usize] {
        &self.frames[..self.depth]
    }
}

#[cfg(unix)]
fn walk(visit: impl FnMut(&backtrace::Frame) -> bool) {
    // SAFETY: what is unsynchronised is the debugging library of Windows; unwinding on Unix may run on any
    // number of threads.
    unsafe { backtrace::trace_unsynchronized(visit) }
}

#[cfg(not(unix))]
fn walk(visit: impl FnMut(&backtrace::Frame) -> bool) {
    backtrace::trace(visit);
}

/// A function at an address: several, innermost first, where the compiler inlined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The function's name.
    pub(crate) function: String,
    /// The name that its object file has for it.
    pub(crate) symbol: String,
    /// Its file, if the debug information says.
    pub(crate) file: String,
    /// The line, or 0.
    pub(crate) line: u32,
}

/// The functions at an address, as far as this process can tell. Allocates; call it inside a watcher only.
pub(crate) fn places(address: usize) -> Vec<Place> {
    let mut places = Vec::new();
    backtrace::resolve(core::ptr::without_provenance_mut(address), |symbol| {
        let Some(name) = symbol.name() else { return };
        places.push(Place {
            function: format!("{name:#}"),
            symbol: name.as_str().unwrap_or_default().to_owned(),
            file: symbol.filename().map(|file| file.display().to_string()).unwrap_or_default(),
            line: symbol.lineno().unwrap_or(0),
        });
    });
    places
}

/// Writes a stack of calls, a line for each function. Allocates; call it inside a watcher only.
#[cfg(any(feature = "calls", feature = "leaks", all(feature = "sampled", unix)))]
pub(crate) fn write(calls: &[usize], out: &mut impl core::fmt::Write) -> core::fmt::Result {
    for address in calls {
        let places = places(*address);
        if places.is_empty() {
            writeln!(out, "    {address:#x}")?;
        }
        for Place { function, file, line, .. } in places {
            write!(out, "    {address:#x} {function}")?;
            match file.is_empty() {
                true => writeln!(out)?,
                false => writeln!(out, " ({file}:{line})")?,
            }
        }
    }
    Ok(())
}

/// Writes who called the function `above` on this thread, a line for each function. It allocates, and is not watched.
///
/// # Errors
///
/// When `out` has one.
#[cfg(feature = "calls")]
pub fn write_calls(above: *const c_void, out: &mut impl core::fmt::Write) -> core::fmt::Result {
    Inside::run(|| write(Calls::here(above).frames(), out))
}
