//! What the threads of a workload share: the heap under test, counts of live bytes, the watch.
//!
//! Above: the workloads. Below: `candidates`, `watch`.

use super::live::Live;
use super::object::{Hands, Object};
use super::outcome::Outcome;
use super::watch::Watch;
use super::{Scale, Workload};
use crate::candidates::Candidate;
use crate::heap::Heap;
use crate::measure::Usage;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many threads can have a count of their own.
const LANES: usize = 1024;

/// A workload's process.
pub struct Stage {
    heap: Box<dyn Heap>,
    reclaim: fn(&dyn Heap),
    /// How much to do.
    pub scale: Scale,
    live: Vec<Live>,
    watch: Mutex<Watch>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}

impl Stage {
    /// Runs a workload on a candidate, once in a process.
    ///
    /// # Errors
    ///
    /// What the heap finds wrong with its metadata in the end.
    pub fn run(workload: &Workload, on: &Candidate, scale: Scale) -> Result<Outcome, String> {
        let stage = Self {
            heap: (on.heap)(),
            reclaim: on.reclaim,
            scale,
            live: (0..=LANES).map(|_| Live::default()).collect(),
            watch: Mutex::new(Watch::new()),
        };
        let (start, usage) = (Instant::now(), Usage::now());
        (workload.run)(&stage);
        let (wall, used) = (start.elapsed(), Usage::now().since(&usage));
        stage.heap.verify()?;
        let watch = stage.watch.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Outcome {
            wall_ns: wall.as_nanos() as u64,
            cpu_ns: (used.user + used.sys).as_nanos() as u64,
            sys_ns: used.sys.as_nanos() as u64,
            minor_faults: used.minor_faults,
            ..watch.end()
        })
    }

    /// The hands of the thread that counts in `lane`.
    pub fn hands(&self, lane: usize) -> Hands<'_> {
        Hands::new(&*self.heap, &self.live[lane % LANES])
    }

    /// The hands of the thread that leads.
    pub fn leader(&self) -> Hands<'_> {
        Hands::new(&*self.heap, &self.live[LANES])
    }

    /// Asks the heap to give back what it can spare, as far as this thread can ask.
    pub fn reclaim(&self) {
        (self.reclaim)(&*self.heap);
    }

    /// Live bytes over all threads.
    pub fn live_bytes(&self) -> usize {
        let live = self.live.iter().map(Live::bytes).fold(0, usize::wrapping_add);
        // Another thread may be between its count and ours: never below zero for long.
        if live > isize::MAX as usize { 0 } else { live }
    }

    /// From here on memory counts as the workload's. Returns what there was before.
    pub fn begin(&self) -> u64 {
        self.watch().begin()
    }

    /// From here on, what is above an older baseline counts.
    pub fn resume(&self, baseline_bytes: u64) {
        self.watch().resume(baseline_bytes);
    }

    /// Looks at memory while threads run.
    pub fn sample(&self) {
        self.watch().sample(self.live_bytes());
    }

    /// Looks at memory while nothing runs. `objects` are all that there are.
    pub fn read<'o>(&self, at: &str, objects: impl Iterator<Item = &'o Object>) {
        let report = self.heap.report().map(|tree| tree.to_string());
        self.watch().read(at, self.live_bytes(), objects.map(Object::extent), report);
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
