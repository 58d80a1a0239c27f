//! One load in a process whose global allocator is the one to be measured.
//!
//! Above: the programs `on-…`, which differ in that allocator alone; `rounds`, which starts them. Below:
//! `loads`; what the system says of this process.

use crate::loads;
use benches::measure::{Resident, Usage};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::time::Instant;

/// What a load took.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Figures {
    /// Wall time of the load; its input was made before.
    pub wall_ns: u64,
    /// Processor time of the load, over all threads.
    pub cpu_ns: u64,
    /// The kernel's part of that.
    pub sys_ns: u64,
    /// Pages that the kernel had to put in meanwhile.
    pub minor_faults: u64,
    /// The most memory that the process had, its input included.
    pub peak_bytes: u64,
    /// What the load came to: the same on every allocator.
    pub answer: u64,
}

/// Runs the load that the command line names, and prints its [`Figures`] as JSON: `on-… LOAD PERCENT`.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let chosen = match &words[..] {
        [name, percent] => loads::find(name).zip(percent.parse().ok()),
        _ => None,
    };
    let Some((load, percent)) = chosen else {
        eprintln!("usage: on-… LOAD PERCENT; `programs` runs this");
        return ExitCode::from(2);
    };
    let figures = measure(|| (load.prepare)(percent));
    println!("{}", serde_json::to_string(&figures).unwrap_or_default());
    ExitCode::SUCCESS
}

fn measure(prepare: impl FnOnce() -> loads::Ready) -> Figures {
    let resident = Resident::open();
    let ready = prepare();
    let (before, start) = (Usage::now(), Instant::now());
    let answer = ready();
    let wall_ns = start.elapsed().as_nanos() as u64;
    let used = Usage::now().since(&before);
    Figures {
        wall_ns,
        cpu_ns: (used.user + used.sys).as_nanos() as u64,
        sys_ns: used.sys.as_nanos() as u64,
        minor_faults: used.minor_faults,
        peak_bytes: resident.peak_bytes().unwrap_or(0),
        answer,
    }
}
