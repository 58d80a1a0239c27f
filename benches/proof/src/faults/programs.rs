//! Programs in C, and the ways to run them on the preload library.
//!
//! Above: the parts that test whole programs. Below: the system's C compiler; the library, built by cargo.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Names a library to use instead of the one beside this program.
const VARIABLE: &str = "STRATA_PRELOAD";
const FILE: &str = "libstrata_preload.so";
/// No run takes as long, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(60);

/// The preload library: what `STRATA_PRELOAD` names, or what lies beside this program.
pub fn library() -> Result<PathBuf, String> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let beside = || std::env::current_exe().ok().map(|this| this.with_file_name(FILE));
    let path = named.or_else(beside).ok_or("there is no name for this program")?;
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("no {}: build it with `cargo build --release -p strata-preload`", path.display()))
}

/// Compiles a program of this package.
pub fn compile(source: &str) -> Result<PathBuf, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(source);
    let program =
        std::env::temp_dir().join(format!("strata-proof-{}-{source}.run", std::process::id()));
    let status = Command::new("cc")
        .args(["-std=gnu17", "-O1", "-Wall", "-Wextra", "-fno-builtin", "-pthread", "-o"])
        .args([&program, &path])
        .status()
        .map_err(|error| format!("cc: {error}"))?;
    if status.success() { Ok(program) } else { Err(format!("{source} does not compile")) }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// The signal that ended it. A program without an end is killed (9).
    pub signal: Option<i32>,
    /// What it wrote.
    pub text: String,
    /// What it complained of.
    pub complaints: String,
}

impl Ended {
    /// It said that all is well.
    pub fn is_well(&self) -> bool {
        self.code == Some(0) && self.text.ends_with("ok\n")
    }

    /// The dynamic loader gave up, or did without the library: by what it says itself, not by words that a path may have.
    pub fn is_loaders(&self) -> bool {
        let says = |words: &str| self.complaints.contains(words);
        let gave_up = says(": error while loading shared libraries: ")
            || says("cannot allocate TLS data structures for initial thread");
        (self.code == Some(127) && gave_up) || says("from LD_PRELOAD cannot be preloaded")
    }

    /// The number behind this word, in what it wrote.
    pub fn figure(&self, word: &str) -> usize {
        let mut words = self.text.split_whitespace();
        words.find(|found| *found == word).and_then(|_| words.next()?.parse().ok()).unwrap_or(0)
    }

    /// In one line.
    pub fn summary(&self) -> String {
        let text = [self.text.as_str(), self.complaints.as_str()].join(" ");
        let text: String =
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
        format!("exit {:?}, signal {:?}: {text}", self.code, self.signal)
    }
}

/// Runs a command to its end, or until it has taken too long.
pub fn run(command: &mut Command) -> Result<Ended, String> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    // What these programs write fits a pipe.
    while matches!(child.try_wait(), Ok(None)) {
        if start.elapsed() > PATIENCE {
            child.kill().map_err(|error| error.to_string())?;
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    Ok(ended(&output))
}

fn ended(output: &Output) -> Ended {
    Ended {
        code: output.status.code(),
        signal: output.status.signal(),
        text: String::from_utf8_lossy(&output.stdout).into(),
        complaints: String::from_utf8_lossy(&output.stderr).into(),
    }
}
