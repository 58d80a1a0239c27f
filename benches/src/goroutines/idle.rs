//! Where workers wait when there is nothing to run, and how the end is found.
//!
//! Above: workers. Below: a mutex and a condition of the standard library; the pair of fences of alloc-core.
//!
//! * **I1** Whoever queues a task stores it, passes the light fence, and looks whether somebody sleeps; whoever goes to
//!   sleep says so, passes the heavy one, and looks at the queues again. One of both sees the other, by R1 of
//!   the fences. Where there is no heavy fence, a sleeper looks again after a moment. (No task is lost even so: who has
//!   queued it comes to it in the end.)
//! * **I2** A sleeper holds the lock from when it says so until it waits. So who calls, under the lock, is heard.
//! * **I3** The last worker that falls asleep, and finds every queue empty, knows that it is over: nobody runs who could
//!   fill one.
//!
//! The model of I1 and I2 is in alloc-core's `tests/loom.rs`, step by step as here. I3 needs no fence: what is counted, is counted
//! under the lock.

use alloc_core::sync::{AtomicUsize, Ordering, heavy_fence, light_fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a sleeper waits who may have been overlooked.
const MOMENT: Duration = Duration::from_millis(1);

pub(super) struct Idle {
    /// How many can be woken. Written under the lock.
    sleepers: AtomicUsize,
    state: Mutex<State>,
    bell: Condvar,
    workers: usize,
}

#[derive(Default)]
struct State {
    asleep: usize,
    /// So many of them have been told to get up, and have not done it.
    called: usize,
    is_over: bool,
}

impl Idle {
    pub fn new(workers: usize) -> Self {
        // The first one costs many times the others, while there are other threads.
        let _ = heavy_fence();
        let (sleepers, state, bell) = Default::default();
        Self { sleepers, state, bell, workers }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task was queued.
    #[inline]
    pub fn wake_one(&self) {
        // I1: the queue's store, this fence, this load.
        light_fence();
        // ORDERING: Relaxed, by the fence before; what follows is under the lock.
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            self.call_one();
        }
    }

    #[cold]
    fn call_one(&self) {
        let mut state = self.lock();
        if state.asleep > state.called {
            state.called += 1;
            self.publish(&state);
            self.bell.notify_one();
        }
    }

    fn publish(&self, state: &State) {
        // ORDERING: Relaxed: `sleep` has a fence behind it, which meets the one in `wake_one`.
        self.sleepers.store(state.asleep - state.called, Ordering::Relaxed);
    }

    /// Sleeps until there may be tasks (`true`), or there will be none (`false`).
    pub fn sleep(&self, has_tasks: impl Fn() -> bool) -> bool {
        let mut state = self.lock();
        state.asleep += 1;
        self.publish(&state);
        // I1: the store in `publish`, this fence, the queues' loads.
        let is_seen = heavy_fence();
        let mut gets_up = has_tasks();
        if !gets_up && state.asleep == self.workers {
            state.is_over = true;
            self.bell.notify_all();
        }
        while !gets_up && !state.is_over && state.called == 0 {
            if is_seen {
                state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                let waited = self.bell.wait_timeout(state, MOMENT);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                gets_up = true;
            }
        }
        if state.is_over {
            return false;
        }
        state.asleep -= 1;
        state.called = state.called.saturating_sub(1);
        self.publish(&state);
        true
    }
}
