//! What comes out of a run: for tables, for the report, and as JSON.
//!
//! Above: `table`, `report`. Below: `replay`'s outcomes.

use super::setting::Setting;
use crate::candidates::{Candidate, REFERENCE};
use crate::program::facts::Facts;
use crate::purpose::Purpose;
use crate::replay::pauses::Pauses;
use crate::replay::{Memory, Outcome};
use serde::{Deserialize, Serialize};

/// All figures of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// Where and when it ran.
    pub setting: Setting,
    /// Timed rounds.
    pub rounds: u32,
    /// Passes that timed single calls.
    pub pause_rounds: u32,
    /// The candidates that took part.
    pub candidates: Vec<Peer>,
    /// The traces, each with a row for each candidate.
    pub traces: Vec<TraceResult>,
}

/// A candidate, and which version of it took part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// What it is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// Of how many layers of this workspace it is made; 0 for the allocators of others.
    #[serde(default)]
    pub layers: u32,
    /// Its version.
    pub version: String,
}

/// A trace's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TraceResult {
    /// The file's name, without folder and ending.
    pub name: String,
    /// What the trace asks for.
    pub facts: Facts,
    /// In the order of the candidates.
    pub rows: Vec<Row>,
}

/// A candidate on a trace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub candidate: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a candidate on a trace.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was measured.
    Measured(Box<Measured>),
    /// It cannot serve such a trace, for this reason.
    Skipped(String),
    /// It did not do its work.
    Failed(String),
}

/// Medians over rounds. The kernel's part of the time is told apart by ticks of some milliseconds: only over all rounds together does its share say something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Wall time: median.
    pub wall_ns: u64,
    /// Wall time: the fastest and the slowest round.
    pub wall_range_ns: (u64, u64),
    /// Processor time over all threads. Other programs on the machine hardly touch it, while they
    /// stretch the wall time.
    pub cpu_ns: u64,
    /// The same of each round: the median of its replays. Those of one number, of all candidates, were run one after the other,
    /// so that they can be compared with each other.
    #[serde(default)]
    pub cpu_rounds_ns: Vec<u64>,
    /// The part of it in the kernel, by its share of all rounds.
    pub sys_ns: u64,
    /// Page faults.
    pub minor_faults: u64,
    /// Of the memory pass (the one with the median peak).
    pub memory: Memory,
    /// The least and the highest peak of the memory passes.
    #[serde(default)]
    pub peak_range_bytes: (u64, u64),
    /// The calls that took long in all passes that time single calls.
    pub pauses: Pauses,
}

impl Measured {
    /// The medians of some timed rounds, each of some replays, and some memory passes, beside what long calls those of pauses
    /// agreed on; `None` if either are missing.
    #[must_use]
    pub fn of(rounds: &[Vec<Outcome>], memories: Vec<Outcome>, pauses: Pauses) -> Option<Self> {
        let times: Vec<&Outcome> = rounds.iter().flatten().collect();
        let mut memories: Vec<Memory> = memories.into_iter().filter_map(|o| o.memory).collect();
        memories.sort_by_key(|memory| memory.peak_bytes);
        let peak_range_bytes = (memories.first()?.peak_bytes, memories.last()?.peak_bytes);
        let middle = memories.len() / 2;
        let memory = memories.into_iter().nth(middle)?;
        let figure = |of: fn(&Outcome) -> u64| median(times.iter().map(|&o| of(o)));
        let cpu: fn(&Outcome) -> u64 = |o| o.user_ns + o.sys_ns;
        let cpu_ns = figure(cpu)?;
        let sum = |of: fn(&Outcome) -> u64| times.iter().map(|&o| of(o) as f64).sum::<f64>();
        let walls = || times.iter().map(|o| o.wall_ns);
        Some(Self {
            wall_ns: figure(|o| o.wall_ns)?,
            wall_range_ns: (walls().min()?, walls().max()?),
            cpu_ns,
            cpu_rounds_ns: rounds
                .iter()
                .filter_map(|round| median(round.iter().map(cpu)))
                .collect(),
            sys_ns: (cpu_ns as f64 * sum(|o| o.sys_ns) / sum(cpu).max(1.0)) as u64,
            minor_faults: figure(|o| o.minor_faults)?,
            memory,
            peak_range_bytes,
            pauses,
        })
    }
}

/// The value in the middle, or the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(lower + (upper - lower) / 2)
}

impl TraceResult {
    /// The figures of a candidate, if it was measured.
    #[must_use]
    pub fn measured(&self, candidate: &str) -> Option<&Measured> {
        let row = self.rows.iter().find(|row| row.candidate == candidate)?;
        match &row.verdict {
            Verdict::Measured(measured) => Some(measured.as_ref()),
            _ => None,
        }
    }
}

/// Geometric means of a candidate's ratios to the reference, and what it left to the kernel in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Means {
    /// Of wall times.
    pub time: f64,
    /// Of processor times.
    pub cpu: f64,
    /// Of peaks of resident memory.
    pub peak: f64,
    /// The sum of the times in the kernel. No mean: many are too short to be told.
    pub sys_ns: u64,
    /// The sum of the page faults.
    pub minor_faults: u64,
    /// How many traces were compared.
    pub traces: usize,
}

impl Results {
    /// The candidate whose figures are 1: the system's, or the first if that took no part.
    #[must_use]
    pub fn reference(&self) -> &str {
        let first = self.candidates.first().map_or("", |peer| &peer.name);
        self.candidates.iter().map(|peer| &*peer.name).find(|&n| n == REFERENCE).unwrap_or(first)
    }

    /// How a candidate compares over all traces on which it and the reference were measured.
    #[must_use]
    pub fn means(&self, candidate: &str) -> Option<Means> {
        self.means_over(&self.traces, candidate)
    }

    /// The same over some of the traces.
    #[must_use]
    pub fn means_over(&self, traces: &[TraceResult], candidate: &str) -> Option<Means> {
        let reference = self.reference();
        let pairs: Vec<_> = traces
            .iter()
            .filter_map(|trace| Some((trace.measured(candidate)?, trace.measured(reference)?)))
            .collect();
        let mean = |of: fn(&Measured) -> u64| {
            let logs = pairs.iter().map(|(a, b)| ratio(of(a), of(b)).ln());
            (logs.sum::<f64>() / pairs.len() as f64).exp()
        };
        let sum = |of: fn(&Measured) -> u64| pairs.iter().map(|&(a, _)| of(a)).sum();
        (!pairs.is_empty()).then(|| Means {
            time: mean(|m| m.wall_ns),
            cpu: mean(|m| m.cpu_ns),
            peak: mean(|m| m.memory.peak_bytes),
            sys_ns: sum(|m| m.sys_ns),
            minor_faults: sum(|m| m.minor_faults),
            traces: pairs.len(),
        })
    }

    /// The figures of all candidates that were measured on a trace, with their places and names.
    #[must_use]
    pub fn measured<'r>(&'r self, trace: &'r TraceResult) -> Vec<(usize, &'r str, &'r Measured)> {
        let peers = self.candidates.iter().enumerate();
        peers
            .filter_map(|(at, peer)| Some((at, &*peer.name, trace.measured(&peer.name)?)))
            .collect()
    }

    /// Every candidate that failed, with the trace and the reason.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let rows = self.traces.iter().flat_map(|t| t.rows.iter().map(move |row| (t, row)));
        rows.filter_map(|(trace, row)| match &row.verdict {
            Verdict::Failed(why) => Some(format!("{} on {}: {why}", row.candidate, trace.name)),
            _ => None,
        })
        .collect()
    }
}

/// `a / b`, for counts that may be 0: they count as 1 then.
#[must_use]
pub fn ratio(a: u64, b: u64) -> f64 {
    a.max(1) as f64 / b.max(1) as f64
}

impl Peer {
    /// What is known of a candidate.
    #[must_use]
    pub fn of(candidate: &Candidate) -> Self {
        Self {
            name: candidate.name.into(),
            about: candidate.about.into(),
            purpose: candidate.purpose,
            layers: candidate.layers,
            version: (candidate.version)(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(wall_ns: u64, peak_bytes: u64) -> Verdict {
        let time = Outcome { wall_ns, ..Outcome::default() };
        let memory = Some(Memory { peak_bytes, ..Memory::default() });
        let memory = Outcome { memory, ..Outcome::default() };
        Verdict::Measured(
            Measured::of(&[vec![time]], vec![memory], Pauses::default()).unwrap().into(),
        )
    }

    #[test]
    fn rounds_and_passes_are_kept() {
        let time = |user_ns| Outcome { user_ns, sys_ns: 1, ..Outcome::default() };
        let memory = |peak_bytes| Outcome {
            memory: Some(Memory { peak_bytes, ..Memory::default() }),
            ..Outcome::default()
        };
        let rounds = [vec![time(9), time(1), time(5)], vec![time(99)]];
        let memories = vec![memory(30), memory(10), memory(20)];
        let measured = Measured::of(&rounds, memories, Pauses::default()).unwrap();
        assert_eq!((&*measured.cpu_rounds_ns, measured.cpu_ns), (&[6, 100][..], 8));
        assert_eq!(measured.peak_range_bytes, (10, 30));
    }

    #[test]
    fn the_kernels_part_is_never_more_than_the_whole() {
        let time = |user_ns, sys_ns| Outcome { user_ns, sys_ns, ..Outcome::default() };
        let memory = Outcome { memory: Some(Memory::default()), ..Outcome::default() };
        // One round took nine times as long, nearly all of it in the kernel.
        let rounds = [vec![time(60, 40), time(60, 40), time(20, 880)]];
        let measured = Measured::of(&rounds, vec![memory], Pauses::default()).unwrap();
        assert_eq!((measured.cpu_ns, measured.sys_ns), (100, 87));
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3].into_iter()), Some(3));
        assert_eq!(median([9, 1, 5].into_iter()), Some(5));
        assert_eq!(median([9, 1, 5, 7].into_iter()), Some(6));
    }

    #[test]
    fn means_are_of_ratios_where_both_were_measured() {
        let row = |candidate: &str, verdict| Row { candidate: candidate.into(), verdict };
        let trace = |rows| TraceResult { name: "t".into(), facts: Facts::default(), rows };
        let peer = |name: &str| Peer { name: name.into(), ..Peer::default() };
        let results = Results {
            rounds: 1,
            candidates: vec![peer("a"), peer("system")],
            traces: vec![
                trace(vec![row("a", measured(50, 800)), row("system", measured(100, 100))]),
                trace(vec![row("a", measured(200, 200)), row("system", measured(100, 100))]),
                trace(vec![row("a", Verdict::Failed("x".into())), row("system", measured(7, 7))]),
            ],
            ..Results::default()
        };
        assert_eq!(results.reference(), "system");
        let means = results.means("a").unwrap();
        assert!((means.time - 1.0).abs() < 1e-9 && (means.peak - 4.0).abs() < 1e-9);
        assert_eq!(means.traces, 2);
        assert_eq!(results.failed(), ["a on t: x"]);
    }
}
