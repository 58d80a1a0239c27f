//! Go: the programs in that language, on its own heap and collector, in processes of their own.
//!
//! Above: `contestants`, `child`, which starts the program. Below: the script `build` beside this file,
//! which builds it from the Go files here, and brings a toolchain where there is none.
//!
//! Nothing of it runs in this process, so the makers of heaps that every system has are not called.

use super::{Cache, Forest, Graph, Nodes, Texts};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Whether a toolchain may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// With a toolchain that is there, or not at all.
    Never,
    /// By pip, if there is none.
    IfMissing,
}

/// Go reads an empty variable as one that is not set: its settings are its defaults, whoever starts it.
pub(super) const DEFAULTS: &[(&str, &str)] =
    &[("GOGC", ""), ("GOMEMLIMIT", ""), ("GOMAXPROCS", ""), ("GODEBUG", "")];

/// Where the program is when it was built.
pub(super) fn program() -> PathBuf {
    folder().join("go/collectors")
}

fn folder() -> PathBuf {
    crate::commands::target()
}

/// Builds the program, which takes no time if it is up to date; whether it is there now. What went wrong
/// is on the standard error.
#[must_use]
pub fn build(install: Install) -> bool {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/collectors/go/build");
    if !script.is_file() {
        // Where the sources are gone, a program from before will do.
        return program().is_file();
    }
    let mut command = Command::new(script);
    command.arg(folder()).stdin(Stdio::null()).stdout(Stdio::null());
    match install {
        Install::Never => command.env("STRATA_OFFLINE", "1"),
        Install::IfMissing => command.env_remove("STRATA_OFFLINE"),
    };
    command.status().is_ok_and(|status| status.success())
}

fn elsewhere() -> ! {
    unreachable!("Go's programs run in processes of their own")
}

pub(super) fn forest(_: Nodes) -> Box<dyn Forest> {
    elsewhere()
}

pub(super) fn cache(_: usize) -> Box<dyn Cache> {
    elsewhere()
}

pub(super) fn graph(_: usize) -> Box<dyn Graph> {
    elsewhere()
}

pub(super) fn texts(_: usize) -> Box<dyn Texts> {
    elsewhere()
}
