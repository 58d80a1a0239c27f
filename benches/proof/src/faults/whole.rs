//! Whole programs on the preload library, every system call of which fails once: by strace, which answers the n-th
//! call of each thread with an error in the kernel's place.
//!
//! Above: the campaign. Below: strace; `programs/whole.c`. The dynamic loader's own calls come first: what it does
//! about a failure (an end with 127, a null pointer of its own) is not the library's, whose first call is known by
//! `MAP_NORESERVE`, which nobody else uses.

use super::programs::{self, Ended};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The calls, and the errors that they are answered with.
const CALLS: [(&str, &str); 7] = [
    ("mmap", "ENOMEM"),
    ("munmap", "ENOMEM"),
    ("mprotect", "ENOMEM"),
    ("madvise", "ENOMEM"),
    ("mremap", "ENOMEM"),
    ("membarrier", "EPERM"),
    ("clone3", "EAGAIN"),
];

/// What the library's first call has, and nobody else's.
const OURS: &str = "MAP_NORESERVE";

/// What the runs for one kind of call came to.
#[derive(Debug, Default)]
struct Counts {
    runs: usize,
    refused: usize,
    loader: usize,
    failed: usize,
}

struct Whole {
    program: PathBuf,
    library: PathBuf,
    log: PathBuf,
}

/// Runs all of it; every call once, and of `1 / share` of the calls also this one and all later ones.
/// Returns how many runs did not end well.
pub fn run(share: usize) -> Result<usize, String> {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("\nSKIPPED: system calls of whole programs: there is no strace");
        return Ok(0);
    }
    let program = programs::compile("whole.c")?;
    let log = program.with_extension("log");
    let whole = Whole { program, library: programs::library()?, log };
    println!("\nwhole programs on the preload library, every system call of each thread failed:");
    println!(
        "{:32} {:>7} {:>7} {:>10} {:>9} {:>7}",
        "", "calls", "runs", "loader's", "refused", "failed"
    );
    let mut failed = 0;
    for (call, error) in CALLS {
        let calls = whole.count(call)?;
        let mut counts = Counts::default();
        for number in 1..=calls {
            whole.one(&mut counts, call, error, number, "")?;
            if (number - 1) % share == 0 {
                whole.one(&mut counts, call, error, number, "+")?;
            }
        }
        let Counts { runs, refused, loader, failed: bad } = counts;
        println!("{call:32} {:>7} {runs:>7} {loader:>10} {refused:>9} {bad:>7}", calls);
        failed += bad;
    }
    // They are in a folder for temporary files.
    let _ = std::fs::remove_file(&whole.program);
    let _ = std::fs::remove_file(&whole.log);
    Ok(failed)
}

impl Whole {
    fn strace(&self, options: &[&str]) -> Result<Ended, String> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "--seccomp-bpf", "-o"]).arg(&self.log);
        command.arg("-E").arg(format!("LD_PRELOAD={}", self.library.display()));
        command.args(options).arg(&self.program);
        programs::run(&mut command)
    }

    /// How many calls of a kind a thread makes at most.
    fn count(&self, call: &str) -> Result<usize, String> {
        let both = format!("trace=mmap,{call}");
        let ended = self.strace(&["-E", own_thread(call), "-e", &both])?;
        if !ended.is_well() {
            return Err(format!("the program does not run under strace: {}", ended.summary()));
        }
        let log = read(&self.log)?;
        if !log.contains(OURS) {
            return Err("the program did not run on the library".into());
        }
        let opening = format!(" {call}(");
        let mut of_threads = BTreeMap::<&str, usize>::new();
        for line in log.lines().filter(|line| line.contains(&opening)) {
            let thread = line.split_whitespace().next().unwrap_or_default();
            *of_threads.entry(thread).or_default() += 1;
        }
        Ok(of_threads.into_values().max().unwrap_or(0))
    }

    fn one(
        &self,
        counts: &mut Counts,
        call: &str,
        error: &str,
        number: usize,
        on: &str,
    ) -> Result<(), String> {
        let trace = format!("trace=mmap,{call}");
        let inject = format!("inject={call}:error={error}:when={number}{on}");
        let ended = self.strace(&["-E", own_thread(call), "-e", &trace, "-e", &inject])?;
        counts.runs += 1;
        // Without a call of the library's, it was not there, or not yet.
        let is_loaders = ended.is_loaders() || !read(&self.log)?.contains(OURS);
        if is_loaders {
            counts.loader += 1;
        } else if ended.is_well() {
            counts.refused += usize::from(ended.figure("refused") > 0);
        } else {
            counts.failed += 1;
            eprintln!("{inject}: {}", ended.summary());
        }
        Ok(())
    }
}

/// A setting that gives the library a thread of its own, for the call that starts threads.
fn own_thread(call: &str) -> &'static str {
    if call == "clone3" { "STRATA_IDLE_MS=50" } else { "STRATA_IDLE_MS=" }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
