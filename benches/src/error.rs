//! What can go wrong in a command, and the exit code that tells it.
//!
//! Above: `main`, which prints a [`Failure`] and exits. Below: the trace's own errors.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | all went well |
//! | 1 | a candidate failed: it crashed, ran out of memory or broke the contents |
//! | 2 | the command line is wrong |
//! | 3 | no traces, or a trace that cannot be read |
//! | 4 | a program could not be started or recorded |
//! | 5 | a file could not be written |

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a command did not do what it was asked to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Some candidates failed; their names, with what happened.
    Candidates(Vec<String>),
    /// The command line asks for something that there is not.
    Usage(String),
    /// There is nothing to replay in this folder.
    NoTraces(PathBuf),
    /// A trace could not be read.
    Trace {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: strata_trace::Error,
    },
    /// A trace is sound, but asks for more than a replay can do.
    Replay {
        /// The file.
        path: PathBuf,
        /// What it asks for.
        why: String,
    },
    /// A program could not be recorded.
    Record(String),
    /// A file or folder could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl Failure {
    /// The exit code that stands for this kind.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Candidates(_) => 1,
            Self::Usage(_) => 2,
            Self::NoTraces(_) | Self::Trace { .. } | Self::Replay { .. } => 3,
            Self::Record(_) => 4,
            Self::Write { .. } => 5,
        }
    }

    /// The command line names something that there is not: what it is called, what there is, and what may have been meant.
    #[must_use]
    pub fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let near = |other: &&&str| strsim::damerau_levenshtein(name, other) <= 1 + name.len() / 4;
        let begun = known.iter().find(|other| other.starts_with(name));
        let nearest = || {
            let near = known.iter().filter(near);
            near.min_by_key(|other| strsim::damerau_levenshtein(name, other))
        };
        let meant = begun.or_else(nearest).map(|other| format!(" (did you mean `{other}`?)"));
        let (meant, known) = (meant.unwrap_or_default(), known.join(", "));
        Self::Usage(format!("there is no {what} `{name}`{meant}; there are: {known}"))
    }

    /// Whether a file can be written, before minutes are spent on what is to stand in it.
    ///
    /// # Errors
    ///
    /// [`Failure::Write`], if it cannot.
    pub fn unless_writable(path: &Path) -> Result<(), Self> {
        let is_new = !path.exists();
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| Self::write(path, error))?;
        if is_new {
            // It was there for a moment only.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// A failure to read the trace at `path`.
    #[must_use]
    pub fn trace(path: &Path, error: strata_trace::Error) -> Self {
        Self::Trace { path: path.to_owned(), error }
    }

    /// A failure to write the file at `path`.
    #[must_use]
    pub fn write(path: &Path, error: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candidates(failed) => {
                write!(f, "some candidates failed:")?;
                failed.iter().try_for_each(|what| write!(f, "\n  {what}"))
            }
            Self::Usage(what) | Self::Record(what) => f.write_str(what),
            Self::NoTraces(folder) => write!(
                f,
                "no traces (*.{}) found in {}; record one with `record -o FILE -- PROGRAM ARGS`",
                strata_trace::EXTENSION,
                folder.display()
            ),
            Self::Trace { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Replay { path, why } => {
                write!(f, "{}: cannot be replayed: {why}", path.display())
            }
            Self::Write { path, error } => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Trace { error, .. } => Some(error),
            Self::Write { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_told_if_it_is_near() {
        let known = ["system", "strata", "strata-heap", "mimalloc"];
        let told = |name: &str| Failure::unknown("candidate", name, &known).to_string();
        assert!(told("starta").contains("`starta` (did you mean `strata`?); there are: system,"));
        assert!(told("mimaloc").contains("did you mean `mimalloc`?"));
        assert!(told("strata-h").contains("did you mean `strata-heap`?"));
        assert!(told("sys").contains("did you mean `system`?"));
        assert!(!told("nonesuch").contains("did you mean"));
    }
}
