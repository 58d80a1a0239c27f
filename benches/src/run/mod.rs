//! Replays traces on candidates, each replay in a process of its own, and gathers the figures.
//!
//! Above: the commands. Below: `program` (made here once per trace), `candidates` (in the child).
//!
//! In `child`: a replay's process, from both sides. In `results`: what comes out of a whole run.
//! In `setting`: where and when it ran. In `busy`: whether the machine had other work.
//!
//! Rounds are interleaved: each goes over all traces and candidates before the next begins, and
//! starts with another candidate, so that a machine that slows down for a while slows all of them.

pub mod busy;
pub mod child;
pub mod results;
pub mod setting;

use crate::candidates::Candidate;
use crate::program::compile::compile;
use crate::program::facts::Facts;
use crate::replay::pauses::Pauses as Long;
use crate::replay::{Outcome, Pass};
use crate::{Failure, candidates};
use results::{Measured, Peer, Results, Row, TraceResult, Verdict};
use setting::Setting;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rounds of a run that may take its time.
pub const ROUNDS: u32 = 9;

/// What the timed rounds of a candidate may take together, unless their number was asked for.
const BUDGET: Duration = Duration::from_secs(36);

/// What a candidate's replays of a trace take together in a round, at least, and how often it
/// replays for that at most: short replays are noisy.
const ROUND_LEAST: Duration = Duration::from_millis(60);
const ROUND_MOST: u32 = 8;

/// Memory passes of a trace with several threads, whose peaks meet differently each time.
const MEMORY_ROUNDS: u32 = 3;

/// Passes that time single calls: what is long in each of them is no accident.
const PAUSE_ROUNDS: u32 = 3;

/// What to replay, on what.
#[derive(Debug)]
pub struct Plan {
    /// The traces' files.
    pub traces: Vec<PathBuf>,
    /// On what.
    pub candidates: Vec<&'static Candidate>,
    /// Timed rounds; `None`: up to [`ROUNDS`], as many as fit into a few minutes.
    pub rounds: Option<u32>,
    /// How long one replay may take.
    pub limit: Duration,
}

/// What a run tells while it goes on.
pub trait Progress {
    /// `total` replays are expected from now on.
    fn expect(&mut self, total: u64);
    /// A replay begins.
    fn begin(&mut self, trace: &str, candidate: &str);
    /// A replay has ended.
    fn done(&mut self);
}

/// A trace that is ready, and what was measured of it so far.
struct Prepared {
    name: String,
    facts: Facts,
    program: PathBuf,
    entries: Vec<Entry>,
}

/// A candidate on a trace.
struct Entry {
    candidate: &'static Candidate,
    /// Of each timed round.
    times: Vec<Vec<Outcome>>,
    memories: Vec<Outcome>,
    pauses: Vec<Outcome>,
    /// Why it takes no part, or no longer.
    out: Option<Verdict>,
}

/// Replays all that is planned.
///
/// # Errors
///
/// [`Failure`] for a trace that cannot be read or replayed, and for a folder that cannot be written
/// to. A candidate that fails is no error here: its row says so.
pub fn run(plan: &Plan, progress: &mut dyn Progress) -> Result<Results, Failure> {
    let setting = Setting::this();
    let folder = Scratch::new()?;
    let mut traces = Vec::new();
    for (n, path) in plan.traces.iter().enumerate() {
        traces.push(prepare(path, folder.0.join(n.to_string()), plan)?);
    }
    let rounds = Run { plan, progress, traces: &mut traces }.rounds();
    Ok(Results {
        setting,
        pause_rounds: rounds.min(PAUSE_ROUNDS),
        rounds,
        candidates: plan.candidates.iter().map(|c| Peer::of(c)).collect(),
        traces: traces.into_iter().map(Prepared::result).collect(),
    })
}

fn prepare(path: &Path, program: PathBuf, plan: &Plan) -> Result<Prepared, Failure> {
    let (compiled, facts) = compile(path)?;
    compiled.save(&program).map_err(|error| Failure::write(&program, error))?;
    let entry = |candidate: &&'static Candidate| Entry {
        candidate,
        times: Vec::new(),
        memories: Vec::new(),
        pauses: Vec::new(),
        out: (candidate.fits)(&facts).err().map(Verdict::Skipped),
    };
    let entries = plan.candidates.iter().map(entry).collect();
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Prepared { name, facts, program, entries })
}

struct Run<'r> {
    plan: &'r Plan,
    progress: &'r mut dyn Progress,
    traces: &'r mut [Prepared],
}

impl Run<'_> {
    /// All rounds; how many were timed.
    fn rounds(&mut self) -> u32 {
        let wanted = self.plan.rounds.unwrap_or(ROUNDS).max(1);
        let entries = |trace: &Prepared| trace.entries.iter().filter(|e| e.out.is_none()).count();
        let memory_rounds =
            |trace: &Prepared| if trace.facts.replay_threads > 1 { MEMORY_ROUNDS } else { 1 };
        let pause_rounds = wanted.min(PAUSE_ROUNDS);
        let counts = self.traces.iter().map(|t| (entries(t) as u64, memory_rounds(t)));
        let (all, others) = counts.fold((0, 0), |(all, others), (n, rounds)| {
            (all + n, others + n * u64::from(rounds + pause_rounds))
        });
        self.progress.expect(all * u64::from(wanted) + others);

        for round in 0..MEMORY_ROUNDS {
            self.round(round, Pass::Memory, |trace| round < memory_rounds(trace));
        }
        for round in 0..pause_rounds {
            self.round(round, Pass::Pauses, |_| true);
        }
        let budget = BUDGET * self.plan.candidates.len() as u32;
        let start = Instant::now();
        for round in 0..wanted {
            self.round(round, Pass::Time, |_| true);
            let next = start.elapsed() + start.elapsed() / (round + 1);
            if self.plan.rounds.is_none() && next > budget {
                self.progress.expect(all * u64::from(round + 1) + others);
                return round + 1;
            }
        }
        wanted
    }

    fn round(&mut self, round: u32, pass: Pass, takes_part: impl Fn(&Prepared) -> bool) {
        for trace in self.traces.iter_mut().filter(|trace| takes_part(trace)) {
            let count = trace.entries.len();
            for n in 0..count {
                let entry = &mut trace.entries[(n + round as usize) % count];
                if entry.out.is_some() {
                    continue;
                }
                self.progress.begin(&trace.name, entry.candidate.name);
                entry.measure(&trace.program, pass, self.plan.limit);
                self.progress.done();
            }
        }
    }
}

impl Entry {
    /// A candidate's part of a round.
    fn measure(&mut self, program: &Path, pass: Pass, limit: Duration) {
        let mut spent = Duration::ZERO;
        let mut times = Vec::new();
        for _ in 0..ROUND_MOST {
            match child::replay(program, self.candidate.name, pass, limit) {
                Ok(outcome) => {
                    spent += Duration::from_nanos(outcome.wall_ns);
                    match pass {
                        Pass::Time => times.push(outcome),
                        Pass::Memory => self.memories.push(outcome),
                        Pass::Pauses => self.pauses.push(outcome),
                    }
                }
                Err(why) => self.out = Some(Verdict::Failed(why)),
            }
            if pass != Pass::Time || self.out.is_some() || spent >= ROUND_LEAST {
                break;
            }
        }
        if pass == Pass::Time {
            self.times.push(times);
        }
    }
}

impl Prepared {
    fn result(self) -> TraceResult {
        let row = |entry: Entry| Row {
            candidate: entry.candidate.name.into(),
            verdict: entry
                .out
                .or_else(|| {
                    let pauses = entry.pauses.into_iter().filter_map(|outcome| outcome.pauses);
                    let pauses = Long::agreed(&pauses.collect::<Vec<_>>());
                    Measured::of(&entry.times, entry.memories, pauses)
                        .map(|measured| Verdict::Measured(measured.into()))
                })
                .unwrap_or_else(|| Verdict::Failed("nothing was measured".into())),
        };
        let rows = self.entries.into_iter().map(row).collect();
        TraceResult { name: self.name, facts: self.facts, rows }
    }
}

/// The candidates of these names, or all; in the order of the table.
///
/// # Errors
///
/// [`Failure::Usage`] for a name that there is not.
pub fn choose(names: &[String]) -> Result<Vec<&'static Candidate>, Failure> {
    for name in names {
        if candidates::find(name).is_none() {
            let known: Vec<_> = candidates::ALL.iter().map(|c| c.name).collect();
            return Err(Failure::unknown("candidate", name, &known));
        }
    }
    let chosen = |c: &&Candidate| names.is_empty() || names.iter().any(|name| name == c.name);
    Ok(candidates::ALL.iter().filter(chosen).collect())
}

/// A folder for the programs, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let nanos = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let name = format!("strata-benches-{}-{nanos}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|error| Failure::write(&path, error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's folder for such files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
