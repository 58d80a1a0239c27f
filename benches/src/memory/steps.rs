//! Threads that take steps together, and a leader that looks at memory in between.
//!
//! Above: the workloads. Below: `stage`.

use super::object::{Hands, Object};
use super::stage::Stage;
use super::watch::room;
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an idle moment lasts.
const IDLE: Duration = Duration::from_secs(1);

/// What a moment is called at which nothing has run for a second.
pub(super) const IDLE_NAME: &str = "idle 1 s";
/// What a moment is called at which memory was asked back.
pub(super) const RECLAIMED_NAME: &str = "reclaimed";

/// What the threads have, by lane; the leader reads it between steps.
pub(super) struct Lanes(Vec<Mutex<Vec<Object>>>);

impl Lanes {
    /// `count` lanes with room for `objects` objects each.
    pub fn new(count: usize, objects: usize) -> Self {
        Self((0..count).map(|_| Mutex::new(room(objects))).collect())
    }

    pub fn of(&self, lane: usize) -> MutexGuard<'_, Vec<Object>> {
        self.0[lane].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Reads memory. No thread may be at work.
    pub fn read(&self, stage: &Stage, at: &str) {
        let lanes: Vec<_> = (0..self.count()).map(|lane| self.of(lane)).collect();
        stage.read(at, lanes.iter().flat_map(|lane| lane.iter()));
    }
}

/// What a thread does at each step: its lane, the number of the step, its hands, what it has.
pub(super) type Act<'a> = &'a (dyn Fn(usize, usize, &mut Hands<'_>, &mut Vec<Object>) + Sync);

/// Starts a thread for each lane, which take `names.len()` steps together. Before the first step the
/// baseline is taken, and after each the leader reads memory under its name. The threads end after
/// the last step, and before the last reading if `ended`.
pub(super) fn together(stage: &Stage, lanes: &Lanes, names: &[&str], ended: bool, act: Act<'_>) {
    let gate = Barrier::new(lanes.count() + 1);
    let gate = &gate;
    // Without the threads, whose stacks are no part of the figures.
    let alone_bytes = stage.begin();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..lanes.count())
            .map(|lane| {
                scope.spawn(move || {
                    let mut hands = stage.hands(lane);
                    touch_stack(lane);
                    gate.wait();
                    for number in 0..names.len() {
                        gate.wait();
                        // While this is at work the leader waits.
                        act(lane, number, &mut hands, &mut lanes.of(lane));
                        gate.wait();
                    }
                    gate.wait();
                })
            })
            .collect();
        let last = names.len().wrapping_sub(1);
        gate.wait();
        stage.begin();
        for (number, name) in names.iter().enumerate() {
            gate.wait();
            gate.wait();
            if number < last || !ended {
                lanes.read(stage, name);
            }
        }
        gate.wait();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    if let (true, Some(name)) = (ended, names.last()) {
        stage.resume(alone_bytes);
        lanes.read(stage, name);
    }
}

/// Uses as much stack as a workload will.
pub(super) fn touch_stack(number: usize) {
    std::hint::black_box([number; 1024]);
}

/// Lets a second go by.
pub(super) fn idle() {
    std::thread::sleep(IDLE);
}
