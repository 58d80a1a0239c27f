//! What happens to programs on the preload library at bad moments: threads that end, signals, an address space that is full.
//!
//! Above: the campaign. Below: `programs/ends.c`, `programs/signals.c`, `programs/fills.c`.

use super::{Counted, programs};
use std::path::Path;
use std::process::Command;

const THREADS: usize = 8000;
const SECONDS: usize = 16;
/// Address spaces, in KiB: from one in which nothing can be loaded to one of 4 GiB.
const LEAST_KIB: usize = 4_000;
const MOST_KIB: usize = 4_000_000;
const LIMITS: usize = 48;
/// From here on 5 MiB in one piece have to be there. (Reservations are aligned to 2 MiB and leave half to the program.)
const ENOUGH_KIB: usize = 32_000;

/// Threads that end at any moment.
pub fn ends(share: usize) -> Result<Vec<Counted>, String> {
    let ended = on_strata("ends.c", &[(THREADS / share).to_string()])?;
    let failed = usize::from(!ended.is_well());
    Ok(vec![
        Counted::new("threads that end in the middle of everything", ended.figure("ended"), failed),
        Counted::new("  of them cancelled", ended.figure("cancelled"), 0),
    ])
}

/// Signals at any moment.
pub fn signals(share: usize) -> Result<Vec<Counted>, String> {
    let ended = on_strata("signals.c", &[(SECONDS / share).to_string()])?;
    let failed = usize::from(!ended.is_well());
    Ok(vec![
        Counted::new("signals in the middle of everything", ended.figure("interrupted"), failed),
        Counted::new("allocations in handlers, where promised", ended.figure("allocated"), 0),
    ])
}

fn on_strata(source: &str, arguments: &[String]) -> Result<programs::Ended, String> {
    let program = programs::compile(source)?;
    let mut command = Command::new(&program);
    let ended = programs::run(command.args(arguments).env("LD_PRELOAD", programs::library()?))?;
    // It is in a folder for temporary files.
    let _ = std::fs::remove_file(&program);
    if !ended.is_well() {
        eprintln!("{source}: {}", ended.summary());
    }
    Ok(ended)
}

/// Address spaces of many sizes: the program takes all there is, gives it back, and goes on.
pub fn limits(share: usize) -> Result<Vec<Counted>, String> {
    let program = programs::compile("fills.c")?;
    let library = programs::library()?;
    let count = LIMITS.div_ceil(share).max(8);
    let (mut served, mut short, mut unloaded, mut failed) = (0, 0, 0, 0);
    for number in 0..count {
        // From one to the next by the same factor.
        let part = number as f64 / (count - 1) as f64;
        let kib = (LEAST_KIB as f64 * (MOST_KIB as f64 / LEAST_KIB as f64).powf(part)) as usize;
        let ended = limited(&program, &library, kib)?;
        let well = ended.is_well();
        if ended.is_loaders() {
            unloaded += 1;
        } else if well && ended.figure("without") == 0 {
            served += 1;
        } else if well && kib < ENOUGH_KIB {
            short += 1;
        } else {
            failed += 1;
            eprintln!("with {kib} KiB: {}", ended.summary());
        }
    }
    let _ = std::fs::remove_file(&program);
    Ok(vec![
        Counted::new("address spaces that a program fills and empties", served, failed),
        Counted::new("  so small that a size is always refused", short, 0),
        Counted::new("  too small for the dynamic loader", unloaded, 0),
    ])
}

fn limited(program: &Path, library: &Path, kib: usize) -> Result<programs::Ended, String> {
    let script = format!("ulimit -v {kib} && LD_PRELOAD=\"$1\" exec \"$0\"");
    programs::run(Command::new("sh").args(["-c", &script]).args([program, library]))
}
