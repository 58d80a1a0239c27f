//! What comes out of `arenas`: for tables, for the report, and as JSON.
//!
//! Above: the command; `report`. Below: numbers.
//!
//! A table is the same for whatever was measured, so that others may add theirs.

use super::{Column, Side, Unit};
use serde::Serialize;

/// A figure: the median of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The median, in the unit of its column.
    pub median: f64,
    /// Between these are half of the rounds.
    pub middle: (f64, f64),
}

impl Figure {
    /// The median and the quartiles of some numbers; `None` of none.
    #[must_use]
    pub fn of(numbers: Vec<f64>) -> Option<Self> {
        let figure = crate::turns::Figure::of(numbers)?;
        Some(Self { median: figure.ns, middle: figure.middle_ns })
    }
}

/// All figures of one contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Whose it is.
    pub side: Side,
    /// By column; `None` for what it cannot do.
    pub figures: Vec<Option<Figure>>,
    /// What is to be said beside them.
    pub note: Option<String>,
    /// What it got wrong.
    pub failed: Option<String>,
}

/// All figures of one measure.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub about: String,
    /// What is told of each contestant.
    pub columns: Vec<Column>,
    /// In the order of the table.
    pub lines: Vec<Line>,
}

/// Whether a target is reached.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// What is asked for.
    pub what: &'static str,
    /// What there is: a figure, or a ratio of two.
    pub is: f64,
    /// What it may be at most.
    pub at_most: f64,
}

impl Verdict {
    /// Whether it is.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.is <= self.at_most
    }
}

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// Rounds of what takes turns.
    pub rounds: u32,
    /// Rounds of what has a process of its own.
    pub child_rounds: u32,
    /// Its size, in hundredths of the whole.
    pub scale: u32,
    /// In their order.
    pub tables: Vec<Table>,
    /// What is to be reached, and whether it is; without what was not measured.
    pub targets: Vec<Verdict>,
}

impl Results {
    /// Who failed, with what happened.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let of = |table: &Table| {
            let line = |line: &Line| {
                Some(format!("{} in {}: {}", line.name, table.name, line.failed.as_ref()?))
            };
            table.lines.iter().filter_map(line).collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of).collect()
    }
}

impl Line {
    /// Whether it is there for comparison only.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.side == Side::Bound
    }
}

impl Table {
    /// The best figure of a column, without the bounds: the least, but for a number of things.
    #[must_use]
    pub fn best(&self, at: usize) -> Option<f64> {
        let lines = self.lines.iter().filter(|line| !line.is_bound());
        let all = lines.filter_map(|line| Some((*line.figures.get(at)?)?.median));
        match self.columns[at].unit {
            Unit::Count => all.max_by(f64::total_cmp),
            _ => all.min_by(f64::total_cmp),
        }
    }

    /// A contestant's figure in a column, by their names.
    #[must_use]
    pub fn figure(&self, who: &str, column: &str) -> Option<f64> {
        let at = self.columns.iter().position(|c| c.name == column)?;
        let line = self.lines.iter().find(|line| line.name == who)?;
        Some((*line.figures.get(at)?)?.median)
    }
}
