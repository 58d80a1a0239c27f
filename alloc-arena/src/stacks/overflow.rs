//! Overflows of pooled stacks, diagnosed: a signal handler that names the coroutine.
//!
//! Above: the program, which calls [`install`] once. Below: the registry of mappings;
//! `FaultHandler` of alloc-core.
//!
//! A coroutine that uses more than its stack touches the guard below it, and the system sends SIGSEGV (on some systems
//! SIGBUS). The handler looks whether the address lies in the guard of a live stack. If so, it writes what
//! it knows to the standard error output and aborts; if not, whoever handled the signal before is called.
//! What runs in the handler is async-signal-safe: it reads atomics, formats into a buffer of its own, writes, aborts.

use super::record::Whose;
use super::registry;
use crate::os::keep_errno;
use alloc_core::AllocError;
use alloc_core::signals::{FaultHandler, Info};
use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::ptr::NonNull;

static FAULTS: FaultHandler = FaultHandler::new();

/// Installs the handler for SIGSEGV and SIGBUS, for the whole process. More than once is as once.
///
/// It runs on the thread's alternate signal stack, as the coroutine's own is used up. Threads of the standard library,
/// the main thread among them, have one if the program is a Rust one; other threads need a [`SignalStack`]. Without an
/// alternate stack the system ends the process by SIGSEGV, without a message.
///
/// Faults that are no overflow of a pooled stack go to whoever handled the signal before; if that was the default, it is
/// in force again, and ends the process.
///
/// ```
/// use alloc_arena::overflow;
///
/// overflow::install()?;
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
///
/// What it writes is a line such as this one:
///
/// ```text
/// stack overflow in coroutine 'reader' (77): stack 5 of its mapping, 0x7f44a804f000 to 0x7f44a805fd00, 68864 bytes;
/// touched its guard at 0x7f44a804efa8, 88 bytes below it
/// ```
///
/// # Errors
///
/// When the system does not take the handler; and in a loom model, which has no signals.
pub fn install() -> Result<(), AllocError> {
    FAULTS.install(handle)
}

extern "C" fn handle(signal: c_int, info: *mut Info, context: *mut c_void) {
    // SAFETY: the system gives a handler with SA_SIGINFO its information.
    let address = unsafe { (*info).address() };
    match registry::find(address) {
        Some(found) if address < found.low && found.place.is(Whose::Live) => {
            say(&found, address, stack_pointer(context));
            // SAFETY: abort may be called in a handler.
            unsafe { libc::abort() }
        }
        // SAFETY: this is the handler.
        _ => keep_errno(|| unsafe { FAULTS.pass_on(signal, info, context) }),
    }
}

/// Writes what became of a stack.
#[cold]
fn say(found: &registry::Found, address: usize, stack_pointer: Option<usize>) {
    let mut text = Text { bytes: [0; 512], used_bytes: 0 };
    let place = found.place;
    let runs_elsewhere =
        stack_pointer.and_then(registry::find).filter(|there| there.place != place);
    let _ = text.write_str(match runs_elsewhere {
        None => "\nstack overflow in coroutine ",
        Some(_) => "\nstray access to the guard below the stack of coroutine ",
    });
    let _ = match (place.name(), place.number()) {
        (Some(name), 0) => write!(text, "'{name}'"),
        (Some(name), number) => write!(text, "'{name}' ({number})"),
        (None, 0) => write!(text, "(no name)"),
        (None, number) => write!(text, "{number}"),
    };
    let (low, high) = (found.low, place.high);
    let _ = write!(
        text,
        ": stack {} of its mapping, {low:#x} to {high:#x}, {} bytes; touched its guard at {address:#x}, {} bytes below it",
        found.index,
        high - low,
        low - address,
    );
    if let Some(there) = runs_elsewhere {
        let _ = write!(text, "; by code on stack {}", there.index);
        if let Some(name) = there.place.name() {
            let _ = write!(text, ", '{name}'");
        }
    }
    let _ = text.write_str("\n");
    // SAFETY: the buffer's first `used_bytes` bytes. If nobody can read them, the process ends all the same.
    let _ = unsafe { libc::write(2, text.bytes.as_ptr().cast(), text.used_bytes) };
}

/// A line of text without an allocator. What is too much is left out.
struct Text {
    bytes: [u8; 512],
    used_bytes: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = &mut self.bytes[self.used_bytes..];
        let fits = text.len().min(rest.len());
        rest[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.used_bytes += fits;
        Ok(())
    }
}

/// Where the code that faulted had its stack pointer.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn stack_pointer(context: *mut c_void) -> Option<usize> {
    let context = NonNull::new(context.cast::<libc::ucontext_t>())?;
    // SAFETY: the system gives a handler with SA_SIGINFO the context of the thread.
    Some(unsafe { context.as_ref() }.uc_mcontext.gregs[libc::REG_RSP as usize] as usize)
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn stack_pointer(context: *mut c_void) -> Option<usize> {
    let context = NonNull::new(context.cast::<libc::ucontext_t>())?;
    // SAFETY: the system gives a handler with SA_SIGINFO the context of the thread.
    Some(unsafe { context.as_ref() }.uc_mcontext.sp as usize)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn stack_pointer(_: *mut c_void) -> Option<usize> {
    None
}

/// An alternate signal stack for a thread that the standard library did not start, so that the handler can run when a
/// coroutine's stack is used up.
///
/// It is in force from [`new`](SignalStack::new) until it is dropped, in this thread, which then has again what it had
/// before. It has a guard of its own.
///
/// ```
/// use alloc_arena::overflow::SignalStack;
///
/// // At the start of a thread that C code started:
/// let _signals = SignalStack::new()?;
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
#[must_use = "without it the thread has no alternate stack"]
pub struct SignalStack {
    base: NonNull<u8>,
    bytes: usize,
    before: libc::stack_t,
    /// It is the thread's.
    thread: PhantomData<*mut ()>,
}

/// More than any set of registers takes, and what a handler of the standard library uses.
const SIGNAL_STACK_BYTES: usize = 64 << 10;

impl SignalStack {
    /// Gives this thread an alternate signal stack.
    ///
    /// # Errors
    ///
    /// When there is no memory, or the thread is on an alternate stack at this moment.
    pub fn new() -> Result<Self, AllocError> {
        use crate::{Os, Source};
        let source = Os::new();
        let guard_bytes = source.page_bytes();
        let range = source.map(SIGNAL_STACK_BYTES + guard_bytes, guard_bytes)?;
        // SAFETY: the first page of a range that was mapped just now. Without it the stack works as well.
        let _ = unsafe { source.guard(range.base, guard_bytes) };
        let mut stack = libc::stack_t {
            // SAFETY: within the range.
            ss_sp: unsafe { range.base.add(guard_bytes) }.as_ptr().cast(),
            ss_flags: 0,
            ss_size: SIGNAL_STACK_BYTES,
        };
        // SAFETY: memory of our own, which stays until `drop` has taken it out of force.
        let before = unsafe { exchange(&mut stack) };
        if before.is_err() {
            // SAFETY: mapped above, and not in force.
            let _ = unsafe { source.unreserve(range.base, range.bytes) };
        }
        Ok(Self { base: range.base, bytes: range.bytes, before: before?, thread: PhantomData })
    }
}

/// Puts an alternate stack in force. The one before.
///
/// # Safety
///
/// The stack's memory stays until another one is in force.
unsafe fn exchange(stack: &mut libc::stack_t) -> Result<libc::stack_t, AllocError> {
    // SAFETY: all-zero bytes are a valid `stack_t`.
    let mut before: libc::stack_t = unsafe { core::mem::zeroed() };
    // SAFETY: both are `stack_t`s that live through the call.
    let result = keep_errno(|| unsafe { libc::sigaltstack(stack, &mut before) });
    if result == 0 { Ok(before) } else { Err(AllocError) }
}

impl fmt::Debug for SignalStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The oldest libc that may come has no `Debug` for the one before.
        f.debug_struct("SignalStack")
            .field("base", &self.base)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        use crate::{Os, Source};
        // SAFETY: what was in force before, or nothing (SS_DISABLE); it is the same thread.
        if unsafe { exchange(&mut self.before) }.is_ok() {
            // SAFETY: mapped by `new`, and not in force any more. If the system refuses, memory is lost.
            let _ = unsafe { Os::new().unreserve(self.base, self.bytes) };
        }
    }
}
