//! What allocators are for, in which they differ before anything is measured.
//!
//! Above: candidates and peers, which say it; the advice, which minds it. Below: words.

use serde::{Deserialize, Serialize};

/// What an allocator is for. Only what is for general use is ever recommended for some program's traffic: the others have
/// another reason to be taken than time and memory, or one against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Any program, for as long as it runs.
    #[default]
    General,
    /// Finding out what a program does.
    Watching,
    /// Stopping programs that break their memory.
    Hardening,
    /// Programs that free next to nothing: it keeps most of what they free.
    Keeping,
}

impl Purpose {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::General => "general use",
            Self::Watching => "watching",
            Self::Hardening => "hardening",
            Self::Keeping => "keeping",
        }
    }
}
