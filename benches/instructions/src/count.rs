//! Runs a path in a process of its own under valgrind's callgrind, and makes a figure of it.
//!
//! Above: `main.rs`. Below: `valgrind`, this program, the preload library beside it.

use crate::paths::{self, Path};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const PRELOAD: &str = "libstrata_preload.so";

/// What was counted for one unit of a path's work.
#[derive(Clone, Copy)]
pub struct Figure {
    /// With the loop.
    pub looped: f64,
    /// Without it: what the bound is for.
    pub alone: f64,
}

/// A figure for each path, in their order.
///
/// # Errors
///
/// When valgrind or the preload library is not there, or a path does not end well.
pub fn figures(chosen: &[&Path]) -> Result<Vec<Figure>, String> {
    let mut bare: BTreeMap<&str, f64> = BTreeMap::new();
    let mut figures = Vec::new();
    for path in chosen {
        let looped = looped(path)?;
        let mut alone = looped + f64::from(path.returns);
        if let Some(name) = path.less {
            if !bare.contains_key(name) {
                let less = paths::find(name).ok_or_else(|| format!("there is no path {name}"))?;
                bare.insert(name, self::looped(less)?);
            }
            alone -= bare[name];
        }
        figures.push(Figure { looped, alone });
    }
    Ok(figures)
}

/// Instructions for a unit, from a run and one that is twice as long.
fn looped(path: &Path) -> Result<f64, String> {
    let once = run(path, path.rounds)?;
    let twice = run(path, 2 * path.rounds)?;
    let more = twice.checked_sub(once).ok_or_else(|| format!("{}: fewer for more", path.name))?;
    Ok(more as f64 / (path.rounds * path.units) as f64)
}

/// All instructions of a process that makes so many rounds.
fn run(path: &Path, rounds: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&program);
    valgrind.args(["--run", path.name, &rounds.to_string()]);
    valgrind.env_remove("LD_PRELOAD");
    if path.is_c() {
        valgrind.env("LD_PRELOAD", library(program.with_file_name(PRELOAD))?);
        valgrind.env_remove("STRATA_HARDENED").env_remove("STRATA_SAMPLED");
        valgrind.envs(path.variable());
    }
    let output = valgrind.output().map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}: {}\n{text}", path.name, output.status));
    }
    collected(&text).ok_or_else(|| format!("{}: valgrind did not count\n{text}", path.name))
}

fn library(path: PathBuf) -> Result<PathBuf, String> {
    match path.is_file() {
        true => Ok(path),
        false => {
            Err(format!("{}: not there; cargo build --release -p strata-preload", path.display()))
        }
    }
}

/// The number in callgrind's line `Collected : N`.
fn collected(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("Collected : ")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let text =
            "==7== \n==7== Events    : Ir\n==7== Collected : 1204567\n==7== \n==7== I   refs: 1";
        assert_eq!(collected(text), Some(1_204_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
