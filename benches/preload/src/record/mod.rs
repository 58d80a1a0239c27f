//! The trace of the program's allocations: `STRATA_RECORD=PATH`.
//!
//! Above: the cold halves of the symbols, which the gate sends here while a recording runs.
//! Below: `stack.rs` for the call itself, `strata_trace::Recording` for the event, `file.rs` for
//! the bytes.
//!
//! * **T1.** The gate is shut for the recorder exactly while a recording runs (and a moment longer). From its
//!   start on no thread has lists, so that every call misses and comes to the gate.
//! * **T2.** An event is written under one lock, which makes the order of the trace: a free
//!   before it happens, an allocation after, so that no address has two objects at once.
//! * **T3.** While a thread is inside the recorder, its own calls (the recorder's tables, zstd's
//!   buffers, a signal handler's) go straight to the stack: `BUSY`. It also never waits for a
//!   lock that it holds.
//! * **T4.** A trace belongs to the process that opened it. A forked child drops the recording
//!   without a byte written; a child of `vfork`, which shares our memory, leaves it alone.
//!
//! Not here: which allocation functions there are. The trace knows sizes, alignments and zeroes.

pub(crate) mod exit;
pub(crate) mod file;

use crate::{errno, gate, report, stack};
use alloc_core::Layout;
use alloc_core::sync::Lock;
use core::cell::Cell;
use core::ptr::NonNull;
use file::TraceFile;
use libc::c_void;
use std::io;
use strata_trace::{Header, Moving, Recording, Writer};

/// What is recorded to, and by which process (T4).
struct Running {
    recording: Box<Recording<TraceFile>>,
    process: u32,
}

static RUNNING: Lock<Option<Running>> = Lock::new(None);

thread_local! {
    /// Whether this thread is inside the recorder (T3).
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Starts a recording if `STRATA_RECORD` asks for one.
pub(crate) fn configure() {
    let Some(path) = std::env::var_os("STRATA_RECORD").filter(|path| !path.is_empty()) else {
        return;
    };
    let command = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let started = TraceFile::create(path.into())
        .and_then(|file| Writer::new(file, &Header::now(command)))
        .map(Recording::new);
    match started {
        Ok(recording) => {
            let running = Running { recording: Box::new(recording), process: std::process::id() };
            *RUNNING.lock() = Some(running);
            exit::register();
            stack::miss_always();
            gate::record();
        }
        Err(error) => report::say(format_args!("strata: cannot record: {error}\n")),
    }
}

/// Ends the recording, if this process has one: writes what is held back, and the footer.
pub(crate) fn finish() {
    if !gate::is_recorded() {
        return;
    }
    alone(|| {
        let mut running = RUNNING.lock();
        if running.as_ref().is_some_and(|running| running.process == std::process::id()) {
            let ended = running.take();
            gate::open();
            drop(running);
            if let Some(Err(error)) = ended.map(|running| running.recording.finish()) {
                report::say(format_args!("strata: the trace is cut short: {error}\n"));
            }
        }
    });
}

/// Allocates, and records it.
pub(crate) fn allocate(layout: Layout, zeroed: bool) -> *mut c_void {
    let ptr = match zeroed {
        // SAFETY: `calloc` alone asks for zeroes, and has bounded the size.
        true => unsafe { stack::allocate_zeroed(layout.size()) },
        false => stack::allocate(layout),
    };
    if !ptr.is_null() {
        event(|r, me| r.alloc(me, ptr.addr(), layout.size(), layout.align(), zeroed));
    }
    ptr
}

/// Records a free, and frees.
///
/// # Safety
///
/// As for [`stack::deallocate`].
pub(crate) unsafe fn deallocate(ptr: NonNull<u8>) {
    event(|r, me| r.free(me, ptr.addr().get()));
    // SAFETY: the caller's promise.
    unsafe { stack::deallocate(ptr) }
}

/// Reallocates, and records it.
///
/// # Safety
///
/// As for [`stack::reallocate`].
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    let mut moving: Option<Moving> = None;
    event(|r, _| {
        moving = Some(r.realloc_begins(ptr.addr().get()));
        Ok(())
    });
    // SAFETY: the caller's promise.
    let now = unsafe { stack::reallocate(ptr, size) };
    if let Some(moving) = moving {
        // SAFETY: the caller bounds `size`.
        let align = unsafe { stack::natural(size) }.align();
        event(|r, me| {
            if now.is_null() {
                r.realloc_fails(moving);
                Ok(())
            } else {
                r.realloc_ends(moving, me, now.addr(), size, align)
            }
        });
    }
    now
}

/// Gives `write` the recording and this thread's name, unless nothing is recorded or the thread is
/// inside the recorder already. The first error ends the recording.
fn event(write: impl FnOnce(&mut Recording<TraceFile>, u64) -> io::Result<()>) {
    if !gate::is_recorded() {
        return;
    }
    alone(|| {
        let mut running = RUNNING.lock();
        let Some(Running { recording, .. }) = running.as_mut() else { return };
        // SAFETY: no preconditions. A thread's handle is its own until it has ended; a later
        // thread that gets the same handle carries on with the same number in the trace.
        let me = unsafe { libc::pthread_self() };
        if let Err(error) = write(recording, me) {
            let ended = running.take();
            gate::open();
            drop(running);
            report::say(format_args!("strata: the recording ends here: {error}\n"));
            drop(ended);
        }
    });
}

/// Runs `body` with this thread marked as busy (T3) and `errno` kept; not at all if it is marked.
fn alone(body: impl FnOnce()) {
    if !BUSY.replace(true) {
        errno::preserved(body);
        BUSY.set(false);
    }
}

/// Takes the recorder's lock for a `fork`.
pub(crate) fn freeze() {
    RUNNING.acquire();
}

/// Frees the lock in the parent.
///
/// # Safety
///
/// This thread called [`freeze`], and neither this nor [`abandon`] since.
pub(crate) unsafe fn thaw() {
    // SAFETY: the caller's promise.
    unsafe { RUNNING.release() }
}

/// In the child: frees the lock, and drops the recording without a byte written (T4).
///
/// # Safety
///
/// This thread is the copy of the one that called [`freeze`]; it has not called [`thaw`].
pub(crate) unsafe fn abandon() {
    // SAFETY: the caller's promise.
    unsafe { RUNNING.release() }
    if gate::is_recorded() {
        gate::open();
    }
    alone(|| drop(RUNNING.lock().take()));
}
