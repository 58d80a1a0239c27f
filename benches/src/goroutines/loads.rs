//! What tasks do, on whom, and how much of it.
//!
//! Above: `child`, `results`. Below: names.

use serde::Serialize;

/// What tasks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Many are started, work a little, and are waited for.
    Storm,
    /// The same, and each keeps 16 words in memory that it asks for.
    StormWords,
    /// Two send a number to and fro.
    PingPong,
    /// Many wait at a time.
    Live,
}

impl Program {
    /// All, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Storm, Self::StormWords, Self::PingPong, Self::Live];

    /// As it is called on command lines, in Go too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::StormWords => "storm-words",
            Self::PingPong => "ping-pong",
            Self::Live => "live",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name() == name)
    }
}

/// Who runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Here; what tasks ask for is their worker's cache's.
    Strata,
    /// Here; what a task asks for is a bump's of its own.
    Bump,
    /// Go, with its defaults, and as many threads.
    Go,
}

impl System {
    /// All, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Strata, Self::Bump, Self::Go];

    /// As it is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strata => "strata",
            Self::Bump => "strata-bump",
            Self::Go => "go",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Whether it differs from another one in this program.
    pub(super) fn fits(self, program: Program) -> bool {
        self != Self::Bump || program == Program::StormWords
    }
}

/// A program, and how much of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// As it is called in tables.
    pub name: &'static str,
    /// What an operation is.
    pub about: &'static str,
    /// The program.
    pub program: Program,
    /// Tasks at a time, or pairs of them.
    pub first: u64,
    /// Rounds, or turns.
    pub second: u64,
}

/// All loads.
pub const LOADS: [Load; 6] = [
    load("storm-100", "a task of 100 at a time: started, run, ended", Program::Storm, 100, 10_000),
    load("storm", "the same, of 10 000 at a time", Program::Storm, 10_000, 100),
    load("storm-words", "with 16 words that it asks for", Program::StormWords, 10_000, 100),
    load("ping-pong", "there and back, one pair of tasks", Program::PingPong, 1, 1_000_000),
    load("ping-pong-8", "there and back, 8 pairs", Program::PingPong, 8, 125_000),
    load("live", "a task of 100 000 that wait: started, woken, ended", Program::Live, 100_000, 0),
];

const fn load(
    name: &'static str,
    about: &'static str,
    program: Program,
    first: u64,
    second: u64,
) -> Load {
    Load { name, about, program, first, second }
}
