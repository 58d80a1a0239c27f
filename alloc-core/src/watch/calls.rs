//! Who allocates: the return addresses on the calling thread's stack, and their names.
//!
//! Above: the watchers. Below: rules of frames (`unwind.rs`); where there are none, the `backtrace` crate, by which the C
//! compiler's library reads the unwind tables of each object file.
//! Reading a stack takes no lock of ours; what it may allocate is not watched ([`Inside`]). Names are looked up
//! only when somebody writes a report.

use super::unwind;
use crate::sync::language::{AtomicUsize, Ordering};
use core::cell::Cell;
use core::ffi::c_void;
use core::ops::Range;

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

/// Where the calls begin that are of interest; those before are the watcher's own.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "which are made, is a matter of features")]
pub(crate) enum Above {
    /// Outside of this function and of what it called, if its frame can be told.
    Function(*const c_void),
    /// Outside of the frame that had its end here: [`Above::this_frame`].
    Stack(usize),
}

impl Above {
    /// Outside of the function that calls this, which has to have a frame of its own: it is never inlined.
    #[allow(dead_code, reason = "as above")]
    #[inline(always)]
    pub(crate) fn this_frame() -> Self {
        let end: usize;
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: reads a register.
        unsafe {
            core::arch::asm!("mov {}, rsp", out(reg) end, options(nomem, nostack, preserves_flags));
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        // SAFETY: reads a register.
        unsafe {
            core::arch::asm!("mov {}, sp", out(reg) end, options(nomem, nostack, preserves_flags));
        }
        #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        {
            let mark = 0_u8;
            end = core::hint::black_box(&raw const mark).addr();
        }
        Self::Stack(end)
    }
}

/// The code of a library that is an allocator: a start and an end.
static OWN_CODE: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Leaves calls that are made in this code out where they are innermost: for a shared library that is an allocator, whose own
/// functions are of no interest to the program that it serves. Once, before anything is watched.
pub fn leave_out_code(code: Range<usize>) {
    // ORDERING: Relaxed; there is one thread, and those that it starts see what it did.
    OWN_CODE[0].store(code.start, Ordering::Relaxed);
    OWN_CODE[1].store(code.end, Ordering::Relaxed);
    unwind::prepare();
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

    /// Reads the calling thread's stack, without the watcher's own calls.
    #[inline(never)]
    pub(crate) fn here(above: Above) -> Self {
        let mut calls = Self { frames: [0; MAX_DEPTH], depth: 0 };
        calls.read(above);
        calls
    }

    /// As [`here`](Self::here), in place: for who has little stack.
    #[inline(never)]
    pub(crate) fn read(&mut self, above: Above) {
        // ORDERING: Relaxed, as in `leave_out_code`.
        let own_code = OWN_CODE[0].load(Ordering::Relaxed)..OWN_CODE[1].load(Ordering::Relaxed);
        self.depth = 0;
        if let Above::Stack(end) = above {
            // Where a frame's stack ended, in what it was doing: further down than that of all who called it.
            if unwind::walk(|ip, sp| sp <= end || self.add(ip, &own_code)) {
                return;
            }
            self.depth = 0;
        }
        let mut searches = true;
        walk(|frame| {
            match above {
                Above::Stack(end) if searches && frame.sp().addr() <= end => return true,
                // Asking for a frame's function takes as long as finding the frame.
                Above::Function(function)
                    if searches && frame.symbol_address().cast_const() == function =>
                {
                    self.depth = 0;
                    searches = false;
                    return true;
                }
                _ => {}
            }
            searches &= matches!(above, Above::Function(_)) && self.depth < OWN_DEPTH;
            self.add(frame.ip().addr(), &own_code)
        });
    }

    /// Adds a call, by its return address, unless it is one of those to be left out. `false`: no more is wanted.
    #[inline(always)]
    fn add(&mut self, return_address: usize, own_code: &Range<usize>) -> bool {
        // A return address stands behind its call. The instruction before it is the call's.
        let address = return_address.wrapping_sub(1);
        if self.depth == 0 && own_code.contains(&address) {
            return true;
        }
        // Behind the outermost function, some unwinders find a call from nowhere.
        if address != usize::MAX {
            self.frames[self.depth] = address;
            self.depth += 1;
        }
        self.depth < MAX_DEPTH
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

/// The functions at an address, as far as this process can tell, without those of the watchers. Allocates; call it inside a watcher
/// only. `None` if the address is within a watcher, and nothing else.
pub(crate) fn places(address: usize) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    let mut seen = 0;
    backtrace::resolve(core::ptr::without_provenance_mut(address), |symbol| {
        let Some(name) = symbol.name() else { return };
        let file = symbol.filename().map(|file| file.display().to_string()).unwrap_or_default();
        let function = format!("{name:#}");
        seen += 1;
        // Innermost first: what a watcher calls in turn is its own, too.
        if is_own(&function, &file) {
            places.clear();
            return;
        }
        places.push(Place {
            function,
            symbol: name.as_str().unwrap_or_default().to_owned(),
            file,
            line: symbol.lineno().unwrap_or(0),
        });
    });
    (seen == 0 || !places.is_empty()).then_some(places)
}

/// Whether it is a watcher's function, or that of a layer which passes calls on to one: by its name, or, where an inlined function
/// has but the last part of it, by its file.
fn is_own(function: &str, file: &str) -> bool {
    let name = function.trim_start_matches(['<', '&', '_']);
    let is_named =
        ["alloc_core::watch::", "alloc_core::combine::"].iter().any(|own| name.starts_with(own));
    let folder = file!().strip_suffix("watch/calls.rs").filter(|folder| !folder.is_empty());
    let is_there = folder.is_some_and(|folder| {
        ["watch/", "combine/"].iter().any(|own| {
            file.rfind(folder).is_some_and(|at| file[at + folder.len()..].starts_with(own))
        })
    });
    is_named || is_there
}

/// Writes a stack of calls, a line for each function. Allocates; call it inside a watcher only.
#[cfg(any(feature = "calls", feature = "leaks", all(feature = "sampled", unix)))]
pub(crate) fn write(calls: &[usize], out: &mut impl core::fmt::Write) -> core::fmt::Result {
    for address in calls {
        let Some(places) = places(*address) else { continue };
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
    Inside::run(|| write(Calls::here(Above::Function(above)).frames(), out))
}
