//! What can be wrong with a trace.
//!
//! Above: the reader raises these; `benches` turns them into exit codes. Below: nothing.

use std::{fmt, io};

/// Why a trace could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file does not begin as a trace does.
    NotATrace,
    /// The file is a trace of another version of the format.
    Version {
        /// The version that the file states.
        found: u32,
        /// The version that this crate reads: [`VERSION`](crate::VERSION).
        expected: u32,
    },
    /// The file ends too early: its recording was cut short, or its end was lost.
    Truncated,
    /// The file was changed after it was written; the text says what gave it away.
    Damaged(&'static str),
    /// The file could not be read at all.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATrace => f.write_str("not an allocation trace"),
            Self::Version { found, expected } => write!(
                f,
                "a trace of format version {found}, but this program reads version {expected}; \
                 record it again"
            ),
            Self::Truncated => f.write_str(
                "the trace is truncated: it ends before its footer (was the recording cut short?)",
            ),
            Self::Damaged(how) => write!(f, "the trace is damaged: {how}"),
            Self::Io(error) => write!(f, "cannot read the trace: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// An error of plain bytes: an early end is a truncation, all else is the medium's.
    pub(crate) fn plain(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }

    /// An error of the compressed body: zstd reports damage as an error of kind `Other`.
    pub(crate) fn body(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ if error.raw_os_error().is_some() => Self::Io(error),
            _ => Self::Damaged("its compressed body does not decode"),
        }
    }
}
