//! `STRATA_PROFILE=PATH`: where the heap profile goes, and when.
//!
//! Above: `watch/mod.rs`. Below: `alloc_core::Profile`, `record/file.rs` for the file, `idle.rs` for a thread without signals.
//!
//! The file is written at the end of the process that opened it (a return from `main`, `exit`, `_exit`, `quick_exit`,
//! `abort`), and whenever the signal of `STRATA_PROFILE_SIGNAL` arrives: each time anew. The signal's handler posts a
//! semaphore, and nothing else; a thread of the library waits for it and writes. A forked child writes nothing. With
//! `STRATA_PROFILE_NAMES=0` there are addresses in it alone: pprof looks for the names.

use super::count::Due;
use super::{Below, WATCHED, Watcher, Wish, variable};
use crate::record::{exit, file::TraceFile};
use crate::{idle, report, stack};
use alloc_core::sync::{AtomicBool, AtomicU32, Lock, Ordering};
use alloc_core::{AllocError, Layout, Profile};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use libc::c_int;
use std::sync::OnceLock;

/// The profiler.
pub(super) type Layered = Profile<Below>;

/// What is written to. Only the process of this number takes the lock: a child may find it held for good.
static FILE: Lock<Option<TraceFile>> = Lock::new(None);
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// The profile, for the thread that waits for the signal, and for who asks for it without a watcher.
static PROFILE: OnceLock<&'static Layered> = OnceLock::new();

/// Whether names are looked up.
static IS_NAMED: AtomicBool = AtomicBool::new(true);

/// The profiler that the environment asks for.
pub(super) fn configure() -> Option<&'static Layered> {
    let path = variable("STRATA_PROFILE")?;
    let mean_bytes = match variable("STRATA_PROFILE_BYTES") {
        None => Layered::DEFAULT_MEAN_BYTES,
        Some(value) => {
            let number = value.to_str().and_then(|value| value.parse().ok());
            let Some(number) = number else {
                report::say(format_args!("strata: STRATA_PROFILE_BYTES is no number: {value:?}\n"));
                return None;
            };
            number
        }
    };
    match TraceFile::create(path.into()) {
        Ok(file) => *FILE.lock() = Some(file),
        Err(error) => {
            report::say(format_args!("strata: cannot write a profile: {error}\n"));
            return None;
        }
    }
    let profile: &'static Layered =
        Box::leak(Box::new(Profile::new(&WATCHED).with_mean_bytes(mean_bytes)));
    // It is set once, by the one call at the start.
    let _ = PROFILE.set(profile);
    // ORDERING: Relaxed; there is one thread, and those that it starts see what it did.
    PROCESS.store(std::process::id(), Ordering::Relaxed);
    let is_named = variable("STRATA_PROFILE_NAMES").is_none_or(|value| value != "0");
    // ORDERING: Relaxed, as above.
    IS_NAMED.store(is_named, Ordering::Relaxed);
    exit::register();
    if let Some(value) = variable("STRATA_PROFILE_SIGNAL") {
        match value.to_str().and_then(number) {
            Some(signal) => write_on(signal),
            None => report::say(format_args!("strata: no signal for a profile: {value:?}\n")),
        }
    }
    Some(profile)
}

/// Whether a sample of the profile starts there, if there is a profile.
#[inline(always)]
pub(super) fn is_sample(ptr: NonNull<u8>) -> bool {
    PROFILE.get().is_some_and(|profile| profile.sampled_bytes(ptr).is_some())
}

impl Watcher for Layered {
    fn known(&self, ptr: NonNull<u8>) -> Option<Layout> {
        // SAFETY: the bytes of an allocation that exists.
        self.sampled_bytes(ptr).map(|bytes| unsafe { stack::natural(bytes) })
    }

    fn bytes_to_pass(&self) -> isize {
        self.draw_distance().cast_signed()
    }

    fn make(&self, wish: Wish, due: Due) -> Option<Result<NonNull<[u8]>, AllocError>> {
        due.bytes.then(|| self.allocate_sampled(wish.layout, wish.zeroed))
    }

    fn finish(&self) {
        write(self);
    }

    fn freeze_alone(&self) {
        self.freeze_ledger();
    }

    unsafe fn thaw_alone(&self) {
        // SAFETY: the caller's promise: `freeze_alone` took the lock.
        unsafe { self.thaw_ledger() };
    }
}

/// Writes the profile, if this process is the one that opened the file.
fn write(profile: &Layered) {
    // ORDERING: Relaxed, as in `configure`.
    if PROCESS.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    let mut bytes = Vec::new();
    let mut file = FILE.lock();
    let Some(file) = file.as_mut() else { return };
    // ORDERING: Relaxed, as in `configure`.
    let written = match IS_NAMED.load(Ordering::Relaxed) {
        true => profile.write(&mut bytes),
        false => profile.write_addresses(&mut bytes),
    };
    let done = written.and_then(|()| file.replace(&bytes));
    if let Err(error) = done {
        report::say(format_args!("strata: the profile is not written: {error}\n"));
    }
}

/// The number of a signal, by its number or by its name.
fn number(text: &str) -> Option<c_int> {
    match text {
        "SIGHUP" => Some(libc::SIGHUP),
        "SIGUSR1" => Some(libc::SIGUSR1),
        "SIGUSR2" => Some(libc::SIGUSR2),
        "SIGPROF" => Some(libc::SIGPROF),
        _ => text.parse().ok().filter(|number| (1..=libc::SIGRTMAX()).contains(number)),
    }
}

/// A semaphore in a static: the system's own, which a handler may post.
struct Semaphore(UnsafeCell<MaybeUninit<libc::sem_t>>);

// SAFETY: POSIX: a semaphore is used by its address, by any number of threads.
unsafe impl Sync for Semaphore {}

static ASKED: Semaphore = Semaphore(UnsafeCell::new(MaybeUninit::uninit()));

/// Has the profile written when `signal` arrives.
fn write_on(signal: c_int) {
    // SAFETY: there is one thread, and nobody uses the semaphore yet.
    unsafe { libc::sem_init(ASKED.0.get().cast(), 0, 0) };
    let waits = || {
        std::thread::Builder::new().name("strata-profile".into()).spawn(|| {
            loop {
                // SAFETY: initialised before the thread was started.
                let woken = unsafe { libc::sem_wait(ASKED.0.get().cast()) } == 0;
                if let (true, Some(profile)) = (woken, PROFILE.get()) {
                    write(profile);
                }
            }
        })
    };
    if let Err(error) = idle::without_signals(waits) {
        return report::say(format_args!("strata: no thread for STRATA_PROFILE_SIGNAL: {error}\n"));
    }
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes is an action without flags, mask and handler, to which these fields are added; the handler is
    // a function that only posts.
    unsafe {
        let action = action.as_mut_ptr();
        (*action).sa_sigaction = asked as *const () as usize;
        (*action).sa_flags = libc::SA_RESTART;
        if libc::sigaction(signal, action, core::ptr::null_mut()) != 0 {
            report::say(format_args!("strata: signal {signal} cannot be had for a profile\n"));
        }
    }
}

extern "C" fn asked(_signal: c_int) {
    // `sem_post` changes `errno` only when it fails, and it fails only when it has been posted two thousand
    // million times.
    // SAFETY: initialised before the handler was installed.
    unsafe { libc::sem_post(ASKED.0.get().cast()) };
}
