//! Where the preload library is; it is built if it is not up to date.
//!
//! Above: `record`. Below: cargo.

use crate::Failure;
use crate::console::tell;
use crate::places::{package, target};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PACKAGE: &str = "strata-preload";
const FILE: &str = "libstrata_preload.so";

/// Names a library to use instead of the one that is built here.
pub(super) const VARIABLE: &str = "STRATA_PRELOAD";

/// Where nothing has to be built, cargo has ended by then.
const SILENT: Duration = Duration::from_secs(1);

/// The library's file.
pub(super) fn library() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(Failure::Record(format!("{VARIABLE}={}: no such file", path.display()))),
        };
    }
    let beside = std::env::current_exe().ok().map(|this| this.with_file_name(FILE));
    match build() {
        Ok(path) => Ok(path),
        // Where the sources or cargo are gone, a library beside this program will do.
        Err(why) => beside.filter(|path| path.is_file()).ok_or(why),
    }
}

fn build() -> Result<PathBuf, Failure> {
    let manifest = package().join("../Cargo.toml");
    if !manifest.is_file() {
        return Err(Failure::Record(format!(
            "{} is gone: cannot build {FILE}",
            manifest.display()
        )));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let child = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", PACKAGE, "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(target())
        .stdout(Stdio::null())
        .spawn();
    match child.and_then(wait) {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(Failure::Record(format!("cargo could not build {PACKAGE}"))),
        Err(error) => return Err(Failure::Record(format!("cannot run cargo: {error}"))),
    }
    let path = target().join("release").join(FILE);
    match path.is_file() {
        true => Ok(path),
        false => Err(Failure::Record(format!("cargo built no {}", path.display()))),
    }
}

/// Waits for cargo's end; says what it does if that takes its time: it is told to be quiet.
fn wait(mut cargo: Child) -> std::io::Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < SILENT {
        if let Some(status) = cargo.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    tell(format_args!("building {PACKAGE} …"));
    cargo.wait()
}
