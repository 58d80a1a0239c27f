//! Probes whether this compiler has a stable `core::alloc::Allocator`, by compiling a use of it.
//!
//! Where it does, `cfg(strata_std_allocator)` is set and every layer implements that trait too.
//! `--cfg strata_nightly` asks for the same on a nightly compiler, behind its feature gate: that is
//! how the impl is kept honest until the trait is stable.

use std::process::{Command, Stdio};
use std::{env, fs, path::Path};

const PROBE: &str = "#![no_std]
pub use core::alloc::{AllocError, Allocator};
";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(strata_std_allocator)");
    println!("cargo:rustc-check-cfg=cfg(strata_nightly)");
    if asked_for_nightly() {
        // `RUSTFLAGS` do not reach doc tests; what is said here does.
        println!("cargo:rustc-cfg=strata_nightly");
    }
    if asked_for_nightly() || compiles(PROBE) {
        println!("cargo:rustc-cfg=strata_std_allocator");
    }
}

fn asked_for_nightly() -> bool {
    env::var_os("CARGO_CFG_STRATA_NIGHTLY").is_some()
}

/// Whether the compiler accepts `source` as a library. Any failure to find out counts as "no".
fn compiles(source: &str) -> bool {
    let Some(out_dir) = env::var_os("OUT_DIR") else { return false };
    let out_dir = Path::new(&out_dir);
    let file = out_dir.join("probe.rs");
    if fs::write(&file, source).is_err() {
        return false;
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--out-dir"])
        .arg(out_dir)
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
