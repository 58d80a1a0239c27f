//! Measures the programs on the contestants, in interleaved rounds, and takes medians.
//!
//! Above: the command. Below: `turns`; `contestants`, `programs`; `bytes` for memory.
//!
//! A round goes over all programs, and in each over all contestants, who take turns as `turns` says.

use super::contestants::Contestant;
use super::programs::latency::beside_another;
use super::programs::{self, Program};
use super::results::{BYTES, LATENCY, Latency, Line, Results};
use super::{child, ticks};
use crate::run::Progress;
use crate::turns::{Run, Series, turns};
use std::time::Duration;
use ticks::Ticks;

/// Single operations of each contestant that are timed, over all rounds.
const OPERATIONS: u64 = 10_000_000;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Which pools.
    pub contestants: Vec<&'static Contestant>,
    /// Which programs and measures, of [`words`](super::results::words); all, if there are none.
    pub words: Vec<String>,
    /// Rounds.
    pub rounds: u32,
    /// How many single operations are timed, in hundredths of the whole.
    pub scale: u32,
    /// When the process that counts bytes is given up.
    pub limit: Duration,
}

impl Plan {
    fn has(&self, word: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|chosen| chosen == word)
    }
}

/// A contestant, and what was measured of it so far.
struct Row {
    who: &'static Contestant,
    series: Vec<Option<(Run, Series)>>,
    ticks: Option<Ticks>,
    failed: Option<String>,
}

/// Runs a plan.
pub fn run(plan: &Plan, progress: &mut dyn Progress) -> Results {
    let mut rows: Vec<Row> = plan.contestants.iter().map(|who| Row::new(who, plan)).collect();
    let each = rows.iter().map(Row::measures).sum::<u64>();
    progress.expect(each * u64::from(plan.rounds) + u64::from(plan.has(BYTES)));
    for round in 0..plan.rounds {
        for (at, program) in programs::ALL.iter().enumerate() {
            turns(&mut rows, round, |row| row.program(at, program, progress));
        }
        let operations = OPERATIONS * u64::from(plan.scale) / 100 / u64::from(plan.rounds);
        beside_another_if(rows.iter().any(|row| row.ticks.is_some()), || {
            turns(&mut rows, round, |row| row.latency(operations.max(1000), progress));
        });
    }
    let tick_ns = ticks::tick_ns();
    let mut lines: Vec<Line> = rows.into_iter().map(|row| row.line(tick_ns)).collect();
    if plan.has(BYTES) {
        progress.begin(BYTES, "all");
        weigh(plan, &mut lines);
        progress.done();
    }
    Results { rounds: plan.rounds, programs: programs::ALL.to_vec(), lines }
}

fn beside_another_if(is_so: bool, work: impl FnOnce()) {
    if is_so { beside_another(work) } else { work() }
}

fn weigh(plan: &Plan, lines: &mut [Line]) {
    match child::run(&plan.contestants, plan.limit) {
        Ok(answer) => {
            lines.iter_mut().for_each(|line| line.overhead_bytes = answer.get(line.name).copied());
        }
        Err(why) => {
            if let Some(line) = lines.first_mut() {
                line.failed = Some(format!("bytes were not counted: {why}"));
            }
        }
    }
}

impl Row {
    fn new(who: &'static Contestant, plan: &Plan) -> Self {
        let of = |(program, run): (&'static Program, &Option<Run>)| {
            let run = run.filter(|_| plan.has(program.name))?;
            Some((run, Series::default()))
        };
        let series = programs::ALL.iter().zip(&who.runs).map(of).collect();
        let ticks = who.time.filter(|_| plan.has(LATENCY)).map(|_| Ticks::new());
        Self { who, series, ticks, failed: None }
    }

    /// What a round has to measure.
    fn measures(&self) -> u64 {
        self.series.iter().flatten().count() as u64 + u64::from(self.ticks.is_some())
    }

    fn program(&mut self, at: usize, program: &Program, progress: &mut dyn Progress) {
        let Some((run, series)) = &mut self.series[at] else { return };
        progress.begin(program.name, self.who.name);
        let expected_sum = |steps| program.expected_sum(steps);
        let done = series.measure_checked(program.name, program.operations, *run, expected_sum);
        if let Err(why) = done {
            self.failed = Some(why);
        }
        progress.done();
    }

    fn latency(&mut self, operations: u64, progress: &mut dyn Progress) {
        let (Some(time), Some(ticks)) = (self.who.time, &mut self.ticks) else { return };
        progress.begin(LATENCY, self.who.name);
        time(operations, ticks);
        progress.done();
    }

    fn line(self, tick_ns: f64) -> Line {
        let latency = |mut ticks: Ticks| {
            let mut of = |part| ticks.quantile(part) as f64 * tick_ns;
            let [p50_ns, p99_ns, p999_ns, p9999_ns, longest_ns] =
                [0.5, 0.99, 0.999, 0.9999, 1.0].map(&mut of);
            let operations = ticks.operations();
            Latency { operations, p50_ns, p99_ns, p999_ns, p9999_ns, longest_ns }
        };
        let Contestant { name, about, is_ours, .. } = *self.who;
        Line {
            name,
            about,
            is_ours,
            figures: self.series.into_iter().map(|series| series?.1.figure()).collect(),
            latency: self.ticks.map(latency),
            overhead_bytes: None,
            failed: self.failed,
        }
    }
}
