//! Memory given back: what a load leaves behind when it is over, and how memory fragments.
//!
//! Above: the command `memory`. Below: `candidates`, whose heaps are asked directly: there is no trace.
//!
//! In `peak`, `threads`, `lifetimes`: the workloads. In `object`: what they allocate. In `stage`: what
//! their threads share. In `watch`: how memory is looked at. In `child`: a process for each workload on
//! each candidate. In `outcome`: what comes out.
//!
//! A workload does the same on every candidate: its numbers come from fixed seeds, and how much it
//! does does not depend on the clock.

pub mod child;
mod lifetimes;
mod live;
pub mod object;
pub mod outcome;
mod peak;
mod random;
pub mod stage;
mod steps;
mod threads;
mod watch;

pub use outcome::{Outcome, Reading};
pub use random::Random;

use stage::Stage;

/// A load that an allocator is put under.
#[derive(Debug)]
pub struct Workload {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it allocates in all, roughly.
    pub asked_bytes: fn(&Scale) -> u64,
    /// Does it.
    pub run: fn(&Stage),
}

/// All workloads, in the order of the table.
pub static ALL: &[Workload] = &[
    Workload {
        name: "peak-before",
        about: "4 threads load a peak and free it, shuffled; what stays is older than the peak",
        asked_bytes: |scale| peak::PEAK_BYTES * u64::from(scale.percent) / 100,
        run: peak::before,
    },
    Workload {
        name: "peak-scattered",
        about: "4 threads load a peak and free 95 of 100 objects, any of them",
        asked_bytes: |scale| peak::PEAK_BYTES * u64::from(scale.percent) / 100,
        run: peak::scattered,
    },
    Workload {
        name: "peak-exit",
        about: "4 threads load a peak, free all but their youngest objects, and end",
        asked_bytes: |scale| peak::PEAK_BYTES * u64::from(scale.percent) / 100,
        run: peak::at_exit,
    },
    Workload {
        name: "threads-come-go",
        about: "1000 threads, 8 at a time, each with a working set of 1 MiB, of which some stays",
        asked_bytes: |scale| threads::WORKING_SET_BYTES as u64 * threads::count(scale) * 2,
        run: threads::come_and_go,
    },
    Workload {
        name: "threads-idle",
        about: "1000 threads at once, each of which frees its working set of 64 KiB and waits",
        asked_bytes: |scale| threads::IDLE_SET_BYTES as u64 * threads::count(scale),
        run: threads::idle,
    },
    Workload {
        name: "lifetimes",
        about: "a server's sessions, caches and growing strings, in phases whose sizes shift",
        asked_bytes: lifetimes::asked_bytes,
        run: lifetimes::lifetimes,
    },
];

/// The workload of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

/// How much of its work a workload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Of the memory and the number of threads, in hundredths.
    pub percent: u32,
    /// What the workload of long lifetimes takes, roughly, on a processor of 2020: its steps
    /// follow from this, not from the clock.
    pub seconds: u32,
}

impl Scale {
    /// The part of `whole` that this scale asks for; at least 1.
    #[must_use]
    pub fn of(&self, whole: usize) -> usize {
        (whole * self.percent as usize / 100).max(1)
    }
}
