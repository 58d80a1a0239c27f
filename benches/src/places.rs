//! Where things lie: this package, its traces, what cargo builds.
//!
//! Above: the commands; programs of others, which are built there. Below: the file system.

use std::path::PathBuf;

/// The package's folder, if it is where it was built.
pub(crate) fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the shipped traces.
pub(crate) fn shipped() -> PathBuf {
    let built = package().join("traces");
    if built.is_dir() { built } else { PathBuf::from("benches/traces") }
}

/// Cargo's target folder: the one that this executable was built into, else the workspace's.
pub(crate) fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    // A test's is a folder further down.
    let mut folders = this.ancestors().skip(1).take(2);
    let profile = folders.find(|path| path.ends_with("release") || path.ends_with("debug"));
    let built = profile.and_then(std::path::Path::parent).map(PathBuf::from);
    let workspace = package().parent().filter(|path| path.is_dir()).map(|path| path.join("target"));
    built.or(workspace.filter(|path| path.is_dir())).unwrap_or_else(std::env::temp_dir)
}
