//! Plots of what collectors do over time, and of how long a program's steps took.
//!
//! Above: `collectors`. Below: `svg`.

use super::plots::{HEIGHT, WIDTH, scale_end};
use super::svg::{Axis, chart, draw, line_inside, series};
use crate::collectors::course::Course;
use crate::collectors::histogram::Histogram;
use plotters::prelude::*;

/// Something of a system, in its colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a, T> {
    pub colour: usize,
    pub of: &'a T,
}

const MIB: f64 = (1 << 20) as f64;

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Resident memory over time, with the ends of cycles.
pub(super) fn memory(title: &str, lines: &[Line<'_, Course>]) -> String {
    let samples = || lines.iter().flat_map(|line| &line.of.samples);
    let end = scale_end(
        lines.iter().map(|line| line.of.samples.last().map_or(0.0, |s| seconds(s.at_ns))),
    );
    let highest = |line: &Line<'_, Course>| {
        line.of.samples.iter().map(|s| s.resident_bytes).max().unwrap_or(0) as f64 / MIB
    };
    let top = (scale_end(lines.iter().map(highest)) * 1.05).max(0.1);
    let last = samples().map(|s| seconds(s.at_ns)).fold(0.001, f64::max).min(end).max(0.001);
    let (of_time, of_memory) = (Axis::digits(last), Axis::digits(top));
    let below =
        Axis { name: "seconds", range: 0.0..last, labels: 6, label: &|x| format!("{x:.of_time$}") };
    let beside =
        Axis { name: "MiB", range: 0.0..top, labels: 6, label: &|y| format!("{y:.of_memory$}") };
    draw(WIDTH, HEIGHT, title, |canvas| {
        let mut chart = chart(canvas, &below, &beside, false)?;
        let is_inside = move |&(x, y): &(f64, f64)| x <= last && y <= top;
        for line in lines {
            let colour = series(line.colour);
            let points = line.of.samples.iter();
            let points = points.map(|s| (seconds(s.at_ns), s.resident_bytes as f64 / MIB));
            let points: Vec<_> = points.collect();
            line_inside(&mut chart, &points, colour, is_inside)?;
            let cycles =
                line.of.cycles.iter().map(|m| (seconds(m.at_ns), m.live_bytes as f64 / MIB));
            chart.draw_series(
                cycles.filter(is_inside).map(|at| Circle::new(at, 2, colour.filled())),
            )?;
        }
        Ok(())
    })
}

/// How many steps took at least so long: both axes count by powers of ten; `left` is where the lower one begins.
pub(super) fn steps(
    title: &str,
    lines: &[Line<'_, Histogram>],
    left: f64,
    counted: &str,
) -> String {
    let longest_ns = lines.iter().map(|line| line.of.longest_ns).max().unwrap_or(1);
    let most = lines.iter().map(|line| line.of.steps()).max().unwrap_or(1);
    let right = (longest_ns as f64).max(1.0).log10().ceil().max(left + 1.0);
    let top = (most.max(10) as f64).log10().ceil();
    let below = Axis {
        name: "at least so long",
        range: left..right,
        labels: (right - left) as usize + 1,
        label: &|&x| duration(x),
    };
    let beside =
        Axis { name: counted, range: 0.0..top, labels: top as usize + 1, label: &|&y| count(y) };
    draw(WIDTH, HEIGHT, title, |canvas| {
        let mut chart = chart(canvas, &below, &beside, true)?;
        for line in lines {
            chart.draw_series(LineSeries::new(
                tail(line.of, left),
                series(line.colour).stroke_width(2),
            ))?;
        }
        Ok(())
    })
}

/// The corners of the line: by how long (its logarithm), how many took as long (its logarithm).
fn tail(steps: &Histogram, left: f64) -> Vec<(f64, f64)> {
    let mut rest = steps.steps();
    let mut corners = vec![(left, (rest.max(1) as f64).log10())];
    for (slot, &count) in steps.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let bound_ns = Histogram::bound_ns(slot).min(steps.longest_ns.max(1));
        let at = (bound_ns as f64).log10().max(left);
        corners.push((at, (rest as f64).log10()));
        rest -= count;
        corners.push((at, if rest > 0 { (rest as f64).log10() } else { 0.0 }));
    }
    corners
}

/// A power of ten of nanoseconds, with a unit.
fn duration(log: f64) -> String {
    let ns = 10f64.powf(log.round());
    match ns {
        ns if ns < 1e3 => format!("{ns} ns"),
        ns if ns < 1e6 => format!("{} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{} ms", ns / 1e6),
        ns => format!("{} s", ns / 1e9),
    }
}

fn count(log: f64) -> String {
    match log.round() as i32 {
        n if n < 3 => format!("{}", 10f64.powi(n)),
        n if n < 6 => format!("{}k", 10f64.powi(n - 3)),
        n => format!("{}M", 10f64.powi(n - 6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_begins_with_all_steps_and_ends_with_the_longest() {
        let mut steps = Histogram::default();
        [500, 700, 1_000_000].into_iter().for_each(|ns| steps.add(ns));
        let corners = tail(&steps, 2.0);
        assert_eq!(corners[0], (2.0, 3f64.log10()));
        assert_eq!(corners.last(), Some(&(6.0, 0.0)));
        assert!(corners.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 >= pair[1].1));
    }

    #[test]
    fn labels_have_units() {
        assert_eq!([2.0, 3.0, 7.0, 9.0].map(duration), ["100 ns", "1 µs", "10 ms", "1 s"]);
        assert_eq!([0.0, 2.0, 4.0, 6.0].map(count), ["1", "100", "10k", "1M"]);
    }
}
