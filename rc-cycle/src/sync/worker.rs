//! The thread that makes steps in the background.
//!
//! Above: the collector, which wakes it, and says what it does then. Below: std's threads. It is started when a step is
//! due for the first time, sleeps when none is, and lives as long as the process. A child of `fork` has no such thread:
//! there, `collect` is to be called.

use alloc_core::sync::Lock;
use std::sync::OnceLock;
use std::thread::{self, Thread};

static WORKER: OnceLock<Thread> = OnceLock::new();

/// Held by who starts it.
static STARTING: Lock<()> = Lock::new(());

/// Has the thread do its work, which is always the same. Whether there is one.
#[cold]
pub(super) fn wake(work: fn()) -> bool {
    let worker = WORKER.get().or_else(|| start(work));
    worker.inspect(|worker| worker.unpark()).is_some()
}

/// Without a thread, there are steps where the program asks for them; and the next one who is to wake it tries again.
fn start(work: fn()) -> Option<&'static Thread> {
    // Another thread may be at it, or has been when this process was forked.
    let _alone = STARTING.try_lock()?;
    if WORKER.get().is_none() {
        let builder = thread::Builder::new().name("rc-cycle".into());
        let worker = builder.spawn(move || run(work)).ok()?;
        // It is set here alone.
        drop(WORKER.set(worker.thread().clone()));
    }
    WORKER.get()
}

fn run(work: fn()) {
    loop {
        work();
        thread::park();
    }
}
