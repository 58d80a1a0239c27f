//! What this workspace's arenas, frames and stacks are to reach, and whether they do.
//!
//! Above: `rounds`, which asks; tables and the report show the answers. Below: the figures.
//!
//! A ratio of two figures says more than either on a machine that others use too.
#![forbid(unsafe_code)]

use super::results::{Table, Verdict};

/// A figure by the names of its measure, its contestant and its column.
#[derive(Clone, Copy, Debug)]
struct Place(&'static str, &'static str, &'static str);

/// With what a figure is compared.
#[derive(Clone, Copy, Debug)]
enum Against {
    /// With another one: at most so many times as much.
    Times(Place, f64),
    /// With a number.
    Number(f64),
}

#[derive(Debug)]
struct Target {
    what: &'static str,
    figure: Place,
    at_most: Against,
}

static ALL: &[Target] = &[
    Target {
        what: "1000 objects of one type and a reset: to the bound",
        figure: Place("small", "bump", "one type"),
        at_most: Against::Times(Place("small", "bound", "one type"), 1.2),
    },
    Target {
        what: "1000 mixed objects and a reset: to the bound",
        figure: Place("small", "bump", "mixed"),
        at_most: Against::Times(Place("small", "bound", "mixed"), 1.2),
    },
    Target {
        what: "10 million mixed objects, first pass: to bumpalo",
        figure: Place("mixed", "bump-arena", "first pass"),
        at_most: Against::Times(Place("mixed", "bumpalo", "first pass"), 1.0 / 1.3),
    },
    Target {
        what: "10 million mixed objects, third pass: to bumpalo",
        figure: Place("mixed", "bump-arena", "third pass"),
        at_most: Against::Times(Place("mixed", "bumpalo", "third pass"), 1.0 / 3.0),
    },
    Target {
        what: "an empty frame of a Stack, entered and left: ns",
        figure: Place("frames", "stack", "empty"),
        at_most: Against::Number(2.0),
    },
    Target {
        what: "an empty frame of a Bump, entered and left: ns",
        figure: Place("frames", "bump", "empty"),
        at_most: Against::Number(2.0),
    },
    Target {
        what: "one deferred call: to scopeguard's defer!",
        figure: Place("defer", "stack", "one"),
        at_most: Against::Times(Place("defer", "scopeguard", "one"), 1.0),
    },
    Target {
        what: "eight deferred calls: to scopeguard's defer!",
        figure: Place("defer", "stack", "eight"),
        at_most: Against::Times(Place("defer", "scopeguard", "eight"), 1.0),
    },
    Target {
        what: "eight calls deferred in a loop: to a vector of scopeguard's guards",
        figure: Place("defer", "stack", "loop"),
        at_most: Against::Times(Place("defer", "scopeguard", "loop"), 1.0),
    },
    Target {
        what: "a coroutine made, run and dropped: to corosensei's default stack",
        figure: Place("stacks", "stack-pool", "shallow"),
        at_most: Against::Times(Place("stacks", "default", "shallow"), 1.0 / 3.0),
    },
    Target {
        what: "100 000 coroutines: bytes of each",
        figure: Place("live", "stack-pool", "memory"),
        at_most: Against::Number(8.5 * 1024.0),
    },
];

/// Compares what was measured; what was not is left out.
pub(super) fn judge(tables: &[Table]) -> Vec<Verdict> {
    let figure = |Place(measure, who, column)| {
        tables.iter().find(|table| table.name == measure)?.figure(who, column)
    };
    let verdict = |target: &Target| {
        let is = figure(target.figure)?;
        let (is, at_most) = match target.at_most {
            Against::Times(other, factor) => (is / figure(other)?, factor),
            Against::Number(number) => (is, number),
        };
        Some(Verdict { what: target.what, is, at_most })
    };
    ALL.iter().filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::super::measures;
    use super::*;

    #[test]
    fn every_target_names_what_is_measured() {
        let others = |target: &Target| match target.at_most {
            Against::Times(other, _) => vec![target.figure, other],
            Against::Number(_) => vec![target.figure],
        };
        for Place(measure, who, column) in ALL.iter().flat_map(others) {
            let found = measures::find(measure).unwrap_or_else(|| panic!("no {measure}"));
            assert!(found.contestant(who).is_some(), "no {who} in {measure}");
            assert!(found.columns.iter().any(|c| c.name == column), "no {column} in {measure}");
        }
    }

    #[test]
    fn a_target_is_reached_or_not() {
        let verdict = |is| Verdict { what: "", is, at_most: 2.0 }.is_reached();
        assert!(verdict(1.9) && verdict(2.0) && !verdict(2.1));
    }
}
