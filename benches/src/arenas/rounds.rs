//! Measures, in interleaved rounds, and takes medians.
//!
//! Above: the command. Below: `turns`; the measures; `child` for what has a process of its own.

use super::results::{Figure, Line, Results, Table};
use super::{Contestant, Measure, Way, child, targets};
use crate::run::Progress;
use crate::turns::{Run, Series, turns};
use std::time::Duration;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Which measures.
    pub measures: Vec<&'static Measure>,
    /// Only contestants of these names; all, if there are none.
    pub only: Vec<String>,
    /// Rounds of what takes turns.
    pub rounds: u32,
    /// Rounds of what has a process of its own.
    pub child_rounds: u32,
    /// Its size, in hundredths of the whole.
    pub scale: u32,
    /// When such a process is given up.
    pub limit: Duration,
}

/// Runs a plan.
pub fn run(plan: &Plan, progress: &mut dyn Progress) -> Results {
    let mut all: Vec<_> = plan.measures.iter().map(|measure| Rows::new(measure, plan)).collect();
    progress.expect(all.iter().map(|rows| rows.work(plan)).sum());
    for round in 0..plan.rounds.max(plan.child_rounds) {
        for rows in &mut all {
            let name = rows.measure.name;
            turns(&mut rows.rows, round, |row| row.round(name, round, plan, progress));
        }
    }
    let tables: Vec<_> = all.into_iter().map(Rows::table).collect();
    let (rounds, child_rounds, scale) = (plan.rounds, plan.child_rounds, plan.scale);
    let targets = targets::judge(&tables);
    Results { rounds, child_rounds, scale, tables, targets }
}

/// A measure, and what was measured so far.
struct Rows {
    measure: &'static Measure,
    rows: Vec<Row>,
}

/// A contestant, and what was measured of it so far.
struct Row {
    measure: &'static Measure,
    who: &'static Contestant,
    so_far: SoFar,
    note: Option<String>,
    failed: Option<String>,
}

/// By column.
enum SoFar {
    Turns(Vec<Option<(Run, Series)>>),
    Child(Vec<Vec<f64>>),
}

impl Rows {
    fn new(measure: &'static Measure, plan: &Plan) -> Self {
        let takes_part = |who: &&Contestant| {
            plan.only.is_empty() || plan.only.iter().any(|name| name == who.name)
        };
        let who = measure.contestants.iter().filter(takes_part);
        Self { measure, rows: who.map(|who| Row::new(measure, who)).collect() }
    }

    /// Steps for the progress bar.
    fn work(&self, plan: &Plan) -> u64 {
        let rounds = |row: &Row| match row.so_far {
            SoFar::Turns(_) => plan.rounds,
            SoFar::Child(_) => plan.child_rounds,
        };
        self.rows.iter().map(|row| u64::from(rounds(row))).sum()
    }

    fn table(self) -> Table {
        Table {
            name: self.measure.name.into(),
            about: self.measure.about.into(),
            columns: self.measure.columns.to_vec(),
            lines: self.rows.into_iter().map(Row::line).collect(),
        }
    }
}

impl Row {
    fn new(measure: &'static Measure, who: &'static Contestant) -> Self {
        let so_far = match who.way {
            Way::Turns(runs) => {
                let of = |run: &Option<Run>| Some(((*run)?, Series::default()));
                SoFar::Turns(runs.iter().map(of).collect())
            }
            Way::Child(_) => SoFar::Child(vec![Vec::new(); measure.columns.len()]),
        };
        Self { measure, who, so_far, note: None, failed: None }
    }

    fn round(&mut self, name: &str, round: u32, plan: &Plan, progress: &mut dyn Progress) {
        let rounds = match self.so_far {
            SoFar::Turns(_) => plan.rounds,
            SoFar::Child(_) => plan.child_rounds,
        };
        if round >= rounds {
            return;
        }
        progress.begin(name, self.who.name);
        // Who failed once takes no more of everyone's time.
        if self.failed.is_none() {
            self.failed = self.measure(plan).err();
        }
        progress.done();
    }

    fn measure(&mut self, plan: &Plan) -> Result<(), String> {
        match &mut self.so_far {
            SoFar::Turns(programs) => {
                for (column, program) in self.measure.columns.iter().zip(programs) {
                    let Some((run, series)) = program else { continue };
                    let expected_sum = |steps| column.expected_sum(steps);
                    series.measure_checked(column.name, column.operations, *run, expected_sum)?;
                }
            }
            SoFar::Child(columns) => {
                let answer = child::run(self.measure, self.who, plan.scale, plan.limit)?;
                for (numbers, figure) in columns.iter_mut().zip(answer.figures) {
                    numbers.extend(figure);
                }
                self.note = answer.note.or(self.note.take());
            }
        }
        Ok(())
    }

    fn line(self) -> Line {
        let figures = match self.so_far {
            SoFar::Turns(programs) => programs
                .into_iter()
                .map(|program| {
                    let figure = program?.1.figure()?;
                    Some(Figure { median: figure.ns, middle: figure.middle_ns })
                })
                .collect(),
            SoFar::Child(columns) => columns.into_iter().map(Figure::of).collect(),
        };
        let Contestant { name, about, side, .. } = *self.who;
        let (name, about) = (name.into(), about.into());
        Line { name, about, side, figures, note: self.note, failed: self.failed }
    }
}
