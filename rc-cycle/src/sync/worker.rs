//! The thread that makes steps in the background.
//!
//! Above: threads that list candidates. Below: `collector.rs`. It is started when a step is due for the first time, sleeps
//! when none is, and lives as long as the process. A child of `fork` has no such thread: there, `collect` is to be called.

use super::collector::{automatic_step, is_due};
use std::sync::OnceLock;
use std::thread::{self, Thread};

static WORKER: OnceLock<Option<Thread>> = OnceLock::new();

/// Has the thread look whether a step is due.
#[cold]
pub(super) fn wake() {
    let worker = WORKER.get_or_init(|| {
        let builder = thread::Builder::new().name("rc-cycle".into());
        // Without a thread, there are steps where the program asks for them.
        builder.spawn(work).ok().map(|handle| handle.thread().clone())
    });
    if let Some(worker) = worker {
        worker.unpark();
    }
}

fn work() {
    loop {
        while is_due() {
            // A destructor that unwinds was reported; the values are dropped nonetheless.
            drop(std::panic::catch_unwind(automatic_step));
        }
        crate::thread::with(|here| here.shared.tell());
        thread::park();
    }
}
