//! The table: each path's figure beside its bound.
//!
//! Above: `main.rs`. A path without a bound is a failure too: nobody would guard it.

use crate::bounds::Bounds;
use crate::count::Figure;
use crate::paths::Path;
use std::fmt;

/// What figures are rounded by.
const ROUNDING: f64 = 0.051;
/// A bound that is so much too high is worth lowering: an instruction, and this part of it.
const NOTICED: f64 = 0.95;
const NOTICED_PART: f64 = 0.02;

/// How a figure stands to its bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Holds,
    Below,
    Above,
    Unbounded,
    TooHigh,
}

fn verdict(figure: f64, bound: Option<f64>, target: Option<f64>) -> Verdict {
    match bound {
        None => Verdict::Unbounded,
        Some(bound) if figure > bound + ROUNDING => Verdict::Above,
        Some(bound) if target.is_some_and(|target| bound > target) => Verdict::TooHigh,
        Some(bound) if figure < bound - NOTICED.max(bound * NOTICED_PART) => Verdict::Below,
        Some(_) => Verdict::Holds,
    }
}

impl Verdict {
    fn is_good(self) -> bool {
        matches!(self, Self::Holds | Self::Below)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Holds => "",
            Self::Below => "fewer: lower the bound (--bless)",
            Self::Above => "ABOVE ITS BOUND",
            Self::Unbounded => "HAS NO BOUND",
            Self::TooHigh => "BOUND ABOVE THE TARGET",
        }
    }
}

/// The rows, in the order of the paths.
pub struct Table<'a>(Vec<(&'a Path, Figure, Option<f64>, Verdict)>);

impl<'a> Table<'a> {
    pub fn new(paths: &[&'a Path], figures: &[Figure], bounds: &Bounds) -> Self {
        let row = |(path, figure): (&&'a Path, &Figure)| {
            let bound = bounds.get(path.name);
            (*path, *figure, bound, verdict(figure.alone, bound, path.target))
        };
        Self(paths.iter().zip(figures).map(row).collect())
    }

    /// Whether every path has a bound and is not above it.
    pub fn holds(&self) -> bool {
        self.0.iter().all(|(.., verdict)| verdict.is_good())
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:>12} {:>12} {:>8}", "path", "instructions", "with loop", "bound")?;
        for (path, figure, bound, verdict) in &self.0 {
            let bound = bound.map_or_else(|| "-".to_owned(), |bound| format!("{bound:.1}"));
            let (alone, looped) = (figure.alone, figure.looped);
            let text = if verdict.text().is_empty() { path.what } else { verdict.text() };
            writeln!(f, "{:<20} {alone:>12.1} {looped:>12.1} {bound:>8}  {text}", path.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdict};

    #[test]
    fn one_instruction_more_is_noticed_and_one_less_too() {
        assert_eq!(verdict(40.0, Some(40.0), Some(40.0)), Verdict::Holds);
        assert_eq!(verdict(41.0, Some(40.0), None), Verdict::Above);
        assert_eq!(verdict(39.0, Some(40.0), None), Verdict::Below);
        assert_eq!(verdict(990.0, Some(1000.0), None), Verdict::Holds);
        assert_eq!(verdict(970.0, Some(1000.0), None), Verdict::Below);
        assert_eq!(verdict(40.0, Some(41.0), Some(40.0)), Verdict::TooHigh);
        assert_eq!(verdict(40.0, None, None), Verdict::Unbounded);
    }
}
