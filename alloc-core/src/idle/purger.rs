//! A thread that looks after a stack while nothing is allocated.
//!
//! Above: a program that wants one. Below: [`Idle`], which says what to do and when.

use super::Idle;
use crate::Layer;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that has a stack give memory back while nothing is allocated, and, while something is, what
/// is due by its age ([`Idle`] says when). It ends when this value is dropped.
///
/// ```
/// use alloc_core::{Observe, Purger, Shared, api2::alloc::System};
/// use std::time::Duration;
///
/// let stack = Shared::new(Observe::new(System)); // or a `&'static` one
/// let purger = Purger::start(stack.clone(), Duration::from_millis(400))?;
/// // … whatever uses the stack. What it frees for good is with the system within a second.
/// drop(purger); // the thread has ended when this returns
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The thread sleeps between looks, and allocates nothing. It may give back for the stack that is the
/// program's global allocator.
///
/// **Forks.** A child of a fork has no such thread: dropping its copy of this value does nothing, and it
/// may start one of its own. As ever, forks need a stack that is frozen meanwhile (the module `forks`; a
/// static thread cache sees to that).
#[derive(Debug)]
#[must_use = "the thread ends when this is dropped"]
pub struct Purger {
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread.
    process: u32,
}

/// Whether the thread has to end, and a way to wake it.
#[derive(Debug, Default)]
struct End {
    wished: Mutex<bool>,
    changed: Condvar,
}

impl Purger {
    /// Starts a thread that looks after `layer`, which is idle when nothing has happened for the time
    /// `after`: memory begins to go back after that, and at most twice that time.
    ///
    /// # Errors
    ///
    /// When the system refuses to start a thread.
    pub fn start<L>(layer: L, after: Duration) -> io::Result<Self>
    where
        L: Layer + Send + Sync + 'static,
    {
        let end = Arc::new(End::default());
        let seen = Arc::clone(&end);
        let thread = thread::Builder::new().name("strata-purger".into());
        let thread = thread.spawn(move || seen.look_after(&layer, after))?;
        Ok(Self { end, thread: Some(thread), process: std::process::id() })
    }
}

impl End {
    fn look_after<L: Layer>(&self, layer: &L, after: Duration) {
        let (mut idle, start) = (Idle::new(after), Instant::now());
        loop {
            let wait = idle.look(layer, start.elapsed());
            let wished = self.wished.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_timeout_while(wished, wait, |wished| !*wished);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return;
            }
        }
    }

    fn wish(&self) {
        *self.wished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Drop for Purger {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.process != std::process::id() {
            // In the child of a fork. The thread may have held the lock; and there is nobody to join.
            core::mem::forget(thread);
            return;
        }
        self.end.wish();
        // It cannot have panicked: `Layer` does not (L5), nor does a sink of `Idle`.
        let _ = thread.join();
    }
}
