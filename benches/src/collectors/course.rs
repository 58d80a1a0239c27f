//! The course of a run: how much memory it had when, and where a collector's cycles ended.
//!
//! Above: the program's process; the report. Below: the kernel's counters, which a thread of its own reads:
//! some hundred times in all, and never by walking page tables.

use crate::measure::Resident;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often memory is looked at; where a run is long, less and less often.
const INTERVAL: Duration = Duration::from_millis(1);
/// No course has more samples, and none more cycles.
const SAMPLES: usize = 400;
const CYCLES: usize = 1000;

/// Memory at a moment.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Moment {
    /// Since the program began.
    pub at_ns: u64,
    /// Above what the process had before.
    pub resident_bytes: u64,
}

/// A cycle whose marking has ended.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Since the program began.
    pub at_ns: u64,
    /// What it found alive.
    pub live_bytes: u64,
}

/// A run over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// Memory, first to last; none of a system that does not tell.
    pub samples: Vec<Moment>,
    /// Ends of cycles, of a collector that tells.
    pub cycles: Vec<Mark>,
}

/// When this process's program began.
static BEGAN: OnceLock<Instant> = OnceLock::new();
static MARKS: Mutex<Vec<Mark>> = Mutex::new(Vec::new());

/// Notes the end of a cycle of this process's collector.
pub(super) fn mark(live_bytes: u64) {
    let Some(began) = BEGAN.get() else { return };
    let mut marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    if marks.len() < CYCLES {
        marks.push(Mark { at_ns: began.elapsed().as_nanos() as u64, live_bytes });
    }
}

/// Looks at the memory of this process from now on.
pub(super) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Moment>>,
}

impl Watch {
    /// The program begins.
    pub fn start(before_bytes: u64) -> Self {
        let began = *BEGAN.get_or_init(Instant::now);
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let resident = Resident::open();
            let (mut samples, mut interval) = (Vec::new(), INTERVAL);
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let resident_bytes = resident.counted_bytes().unwrap_or(0);
                samples.push(Moment {
                    at_ns: began.elapsed().as_nanos() as u64,
                    resident_bytes: resident_bytes.saturating_sub(before_bytes),
                });
                if samples.len() == SAMPLES {
                    samples = samples.into_iter().skip(1).step_by(2).collect();
                    interval *= 2;
                }
            }
            samples
        });
        Self { stop, thread }
    }

    /// The program has ended.
    pub fn end(self) -> Course {
        drop(self.stop);
        let samples = self.thread.join().unwrap_or_default();
        let cycles = MARKS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Course { samples, cycles }
    }
}
