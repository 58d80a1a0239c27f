//! The bounds, as they stand in `bounds.txt`: a path and a number in each line.
//!
//! Above: `main.rs`, `table.rs`. A figure may not be above its bound; `--bless` writes the bounds
//! anew, to be looked at in the change that makes a path longer or shorter.

use crate::count::Figure;
use crate::paths::Path;
use std::fmt::Write;
use std::process::Command;
use std::{fs, path::PathBuf};

/// What is written above the bounds.
const HEAD: &str = "\
# Instructions on x86-64 Linux, by path: a figure above its bound fails. Written by
# `instructions --bless`; `benches/README.md` says what is counted.
";

/// A path with threads, or with system calls, may take this part more than what was measured.
const SLACK: f64 = 0.01;

/// The largest instruction count of each path.
pub struct Bounds(Vec<(String, f64)>);

impl Bounds {
    fn file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bounds.txt")
    }

    /// # Errors
    ///
    /// When the file cannot be read, or a line is not a path and a number.
    pub fn read() -> Result<Self, String> {
        let file = Self::file();
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        Self::parse(&text).map_err(|line| format!("{}: {line:?}", file.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let bound = |line: &str| {
            let (name, number) = line.split_once(char::is_whitespace)?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        };
        lines
            .map(|line| bound(line).ok_or_else(|| line.to_owned()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What was measured, with the slack that a path needs.
    pub fn of(paths: &[&Path], figures: &[Figure]) -> Self {
        let bound = |(path, figure): (&&Path, &Figure)| {
            let exact = (figure.alone - figure.alone.round()).abs() < 0.005;
            let bound = if exact { figure.alone.round() } else { figure.alone * (1.0 + SLACK) };
            (path.name.to_owned(), (bound * 10.0).ceil() / 10.0)
        };
        Self(paths.iter().zip(figures).map(bound).collect())
    }

    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self) -> Result<(), String> {
        let mut text = format!("{HEAD}# {}\n", compiler()?);
        for (name, bound) in &self.0 {
            writeln!(text, "{name:<20} {bound}").map_err(|error| error.to_string())?;
        }
        let file = Self::file();
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether the bounds were written with a compiler of this version, less the last number.
    ///
    /// # Errors
    ///
    /// When the file or the compiler's version cannot be read.
    pub fn are_for_this_compiler() -> Result<bool, String> {
        let file = Self::file();
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let line = format!("# {}", compiler()?);
        Ok(text.lines().any(|known| known == line))
    }

    /// The bound of a path.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(path, _)| path == name).map(|(_, bound)| *bound)
    }
}

/// The compiler, as far as its version decides on the code that it makes: `rustc 1.95`.
fn compiler() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let output = output.map_err(|error| format!("rustc --version: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    let (version, _) = version.rsplit_once('.').unwrap_or((version, ""));
    Ok(format!("rustc {version}"))
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use crate::paths;

    #[test]
    fn every_path_has_a_bound_and_every_bound_a_path() {
        let bounds = Bounds::read().expect("the file is whole");
        for path in paths::all() {
            let bound = bounds.get(path.name).unwrap_or_else(|| panic!("{}", path.name));
            assert!(path.target.is_none_or(|target| bound <= target), "{}", path.name);
        }
        for (name, _) in &bounds.0 {
            assert!(paths::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_line_that_is_no_bound_is_an_error() {
        assert_eq!(Bounds::parse("# a\n\na/b  17\n").expect("one bound").get("a/b"), Some(17.0));
        assert_eq!(Bounds::parse("a/b many").err(), Some("a/b many".to_owned()));
        assert_eq!(Bounds::parse("17").err(), Some("17".to_owned()));
    }
}
