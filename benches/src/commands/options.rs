//! What all commands understand.
//!
//! Above: the commands. Below: `clap`, and where files go.

use crate::Failure;
use crate::places::target;
use clap::Args;
use std::path::PathBuf;

/// What is run beside replays, each in hundredths of its work; 0: not at all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    pub(super) collectors: u32,
    pub(super) counted: u32,
    pub(super) pools: u32,
    pub(super) arenas: u32,
}

/// How to replay, and where the figures go.
#[derive(Args, Debug)]
pub struct Options {
    /// Timed rounds; the figures are medians over them [default: up to 9, in a few minutes].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: Option<u32>,
    /// Only these candidates (several with commas, or by repeating the option; see `list`).
    #[arg(long, global = true, value_name = "CANDIDATE", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// One timed round: figures in seconds, with more noise.
    #[arg(long, global = true, conflicts_with = "rounds")]
    pub(super) quick: bool,
    /// Print all figures as JSON instead of the table, and nothing else on standard output.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Where the report goes [default: strata-report.html in cargo's target folder].
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Seconds after which a replay is given up.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 300)]
    pub(super) limit: u64,
}

impl Options {
    /// Where the page goes, if it can be written there.
    pub(super) fn page(&self, name: &str) -> Result<PathBuf, Failure> {
        let output = self.output.clone().unwrap_or_else(|| target().join(name));
        Failure::unless_writable(&output)?;
        Ok(output)
    }
}
