//! The handler of faults in a pool.
//!
//! Above: the processor. Below: `report.rs`, which says what happened. Not here: errors that a free finds (`layer.rs`).
//!
//! The handler runs on the thread that made the mistake, perhaps on its small alternate stack. So it only finds the
//! pool, copies the record and reads the stack of calls; a thread of its own writes the report, and the
//! handler waits for it, but not for ever. Then it aborts. The thread that faulted was in the program's code, and not in an
//! allocator's, so that the report may allocate.
//!
//! A fault that is no pool's goes to the handler that was there before, or to the system's default. In `table.rs`: the pools.

use super::record::{Record, State};
use super::report::{self, Kind, Mistake};
use super::table::{Entry, Known};
use crate::signals::{FaultHandler, Info};
use crate::sync::language::{AtomicBool, Ordering};
use crate::watch::calls::{Above, Calls};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Pools that are diagnosed at the same time; faults in more of them end the process without a diagnosis.
const POOLS: usize = 64;

crate::static_array! {
    /// The pools of this process. In a model there are none, as there are no signals.
    fn entries() -> [Entry<Record>; POOLS];
}

/// Enters a pool, and sees to it that there is a handler.
pub(super) fn watch(base: usize, bytes: usize, page_bytes: usize, records: NonNull<Record>) {
    // Without a handler a fault ends the process all the same, without a word.
    let _ = FAULTS.install(handle);
    let pool = Known { base, bytes, page_bytes, records: records.as_ptr() };
    let _ = entries().iter().any(|entry| entry.claim(pool));
}

/// Takes a pool out.
pub(super) fn forget(base: usize) {
    entries().iter().for_each(|entry| entry.free(base));
}

/// What is found out in the handler: little, for its stack may be small.
#[derive(Clone, Copy)]
struct Found {
    kind: Kind,
    /// The record of the object, or null.
    record: *const Record,
}

const WILD: Found = Found { kind: Kind::Wild, record: core::ptr::null() };

/// What the pool that the address lies in knows of it.
fn find(address: usize) -> Option<Found> {
    entries().iter().find_map(|entry| {
        let Known { base, bytes, page_bytes, records } = entry.read()?;
        if address.wrapping_sub(base) >= bytes {
            return None;
        }
        let pages = bytes / page_bytes / 2;
        // The record of a page that was used.
        let known = |page: usize| {
            if page >= pages {
                return None;
            }
            // SAFETY: within the records of a pool that is in the table, all of them initialised: the four words are of
            // one pool (T2 in `table.rs`), and a pool that is dropped while a thread faults in it is dropped in use. Another
            // thread may change one meanwhile: then the report says something odd of a program that is broken anyway.
            let record = unsafe { &*records.add(page) };
            (record.state != State::Fresh).then_some(record)
        };
        let at = (address - base) / page_bytes;
        Some(if at % 2 == 1 {
            // A page: it is inaccessible, so nothing lives there.
            known(at / 2).map_or(WILD, |record| Found { kind: Kind::UseAfterFree, record })
        } else {
            between(address, (at / 2).checked_sub(1).and_then(known), known(at / 2))
        })
    })
}

/// A fault in a guard: the object that is nearer is meant, a live one rather than one that is freed.
fn between(address: usize, left: Option<&Record>, right: Option<&Record>) -> Found {
    let beyond = left.map(|record| {
        let far = (address + 1).saturating_sub(record.start + record.bytes);
        (record.state != State::Live, far, Found { kind: Kind::Overflow, record })
    });
    let before = right.map(|record| {
        let far = record.start.saturating_sub(address);
        (record.state != State::Live, far, Found { kind: Kind::Underflow, record })
    });
    let nearest = beyond.into_iter().chain(before).min_by_key(|(freed, far, _)| (*freed, *far));
    nearest.map_or(WILD, |(.., found)| found)
}

static FAULTS: FaultHandler = FaultHandler::new();

extern "C" fn handle(signal: libc::c_int, info: *mut Info, context: *mut c_void) {
    // SAFETY: `SA_SIGINFO`: the system passes the signal's information.
    let address = unsafe { (*info).address() };
    match find(address) {
        Some(found) => diagnose(address, found),
        // SAFETY: this is the handler.
        None => unsafe { FAULTS.pass_on(signal, info, context) },
    }
}

/// Whether a thread is at it already.
static DIAGNOSED: AtomicBool = AtomicBool::new(false);
/// Whether the report is written.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// What the thread that writes is given.
struct Given {
    address: usize,
    found: Found,
    calls: Calls,
}

struct Desk(UnsafeCell<Given>);

// SAFETY: written by the one thread that diagnoses, before it starts the one that reads.
unsafe impl Sync for Desk {}

static DESK: Desk = Desk(UnsafeCell::new(Given { address: 0, found: WILD, calls: Calls::none() }));

/// How long the report may take.
const PATIENCE_MS: u32 = 30_000;

#[cold]
#[inline(never)]
fn diagnose(address: usize, found: Found) -> ! {
    // ORDERING: Relaxed; one thread gets through, and the rest is its own.
    if DIAGNOSED.swap(true, Ordering::Relaxed) {
        // Another thread's mistake is being written down; it will end the process.
        loop {
            sleep_ms(1000);
        }
    }
    // SAFETY: this thread got through, and nobody else.
    let given = unsafe { &mut *DESK.0.get() };
    (given.address, given.found) = (address, found);
    given.calls.read(Above::Function(handle as *const c_void));
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the function has the type that is asked for, and needs no argument.
    let started = unsafe {
        libc::pthread_create(thread.as_mut_ptr(), core::ptr::null(), write, core::ptr::null_mut())
    } == 0;
    for _ in 0..if started { PATIENCE_MS } else { 0 } {
        // ORDERING: Acquire meets the Release of `write`.
        if WRITTEN.load(Ordering::Acquire) {
            break;
        }
        sleep_ms(1);
    }
    report::end()
}

extern "C" fn write(_: *mut c_void) -> *mut c_void {
    // SAFETY: written by `diagnose` before it started this thread, and never again.
    let Given { address, found, calls } = unsafe { &*DESK.0.get() };
    // SAFETY: a record of the pool, as in `find`, or null.
    let record = unsafe { found.record.as_ref() }.copied();
    report::write(&Mistake { kind: found.kind, address: *address, record, calls: *calls });
    // ORDERING: Release meets the Acquire of `diagnose`.
    WRITTEN.store(true, Ordering::Release);
    core::ptr::null_mut()
}

fn sleep_ms(ms: u32) {
    let time =
        libc::timespec { tv_sec: (ms / 1000).into(), tv_nsec: (ms % 1000 * 1_000_000).into() };
    // SAFETY: the time is valid; what is left of it is not asked for.
    unsafe { libc::nanosleep(&raw const time, core::ptr::null_mut()) };
}
