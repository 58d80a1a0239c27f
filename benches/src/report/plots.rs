//! The plots of a trace: bars, memory over time, sizes.
//!
//! Above: `page`. Below: `svg`.

use super::svg::{
    Axis, BACK, Drawn, FAINT, INK, LIVE, SHARES, SOFT, chart, draw, line_inside, series, text,
};
use crate::program::facts::{Entry, Histogram};
use crate::replay::Sample;
use crate::units::bytes;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Width of a drawing: that of a phone's window, so that its text is not scaled down there. In a wider one, several stand side by side.
pub(super) const WIDTH: u32 = 380;
/// Height of one with axes.
pub(super) const HEIGHT: u32 = 260;
const BAR_HEIGHT: i32 = 15;
const ROW: i32 = 26;
const LABELS: i32 = 124;
const VALUES: i32 = 104;
/// The width of a character of a value, at the most.
const CHARACTER: f64 = 6.8;

/// A bar, perhaps in two parts.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub name: String,
    /// The candidate's place in the table.
    pub colour: usize,
    pub length: f64,
    /// The part at its end that is drawn paler.
    pub pale: f64,
    /// From where to where the single rounds went.
    pub range: Option<(f64, f64)>,
    /// What stands behind it.
    pub value: String,
}

/// Where a scale for these values ends. A value far above the others would leave nothing to see of
/// them: it runs off the plot instead.
pub(super) fn scale_end(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let Some(&largest) = values.last() else { return 1.0 };
    let limit = values[(values.len() - 1) / 2] * FAR_ABOVE;
    let within = values.iter().rfind(|&&value| value <= limit).copied().unwrap_or(largest);
    within.max(f64::MIN_POSITIVE)
}

/// How many times the middle value is far above.
const FAR_ABOVE: f64 = 4.0;

/// Horizontal bars, one below the other.
pub(super) fn bars(title: &str, width: u32, bars: &[Bar]) -> String {
    let height = ROW * bars.len() as i32 + 8;
    let longest = scale_end(bars.iter().map(|b| b.length));
    let high = bars.iter().filter_map(|b| Some(b.range?.1)).fold(longest, f64::max);
    let longest = high.min(1.5 * longest);
    let room = width as i32 - LABELS - VALUES;
    let scale = f64::from(room) / longest;
    draw(width, height as u32, title, |canvas| {
        for (n, bar) in bars.iter().enumerate() {
            // What is longer than the scale ends a little behind it, behind a gap, or before it, if its value is long.
            let value_width = (bar.value.chars().count() as f64 * CHARACTER) as i32 + 10;
            let most = (room + 14).min(width as i32 - LABELS - value_width);
            let x = |length: f64| LABELS + ((length * scale).round() as i32).min(most);
            let y = ROW * n as i32 + ROW / 2 + 4;
            let (top, bottom) = (y - BAR_HEIGHT / 2, y + BAR_HEIGHT / 2);
            let colour = series(bar.colour);
            canvas.draw_text(&bar.name, &text(12, INK, HPos::Right), (LABELS - 8, y))?;
            let solid = x(bar.length - bar.pale);
            canvas.draw(&Rectangle::new([(LABELS, top), (solid, bottom)], colour.filled()))?;
            let pale =
                Rectangle::new([(solid, top), (x(bar.length), bottom)], colour.mix(0.5).filled());
            canvas.draw(&pale)?;
            let mut end = x(bar.length);
            if bar.length > longest {
                let gap = [(LABELS + most - 10, top), (LABELS + most - 5, bottom)];
                canvas.draw(&Rectangle::new(gap, BACK.filled()))?;
            } else if let Some((low, high)) = bar.range {
                end = end.max(x(high));
                canvas.draw(&PathElement::new([(x(low), y), (x(high), y)], INK.stroke_width(1)))?;
                for at in [low, high] {
                    let tick = [(x(at), y - 3), (x(at), y + 3)];
                    canvas.draw(&PathElement::new(tick, INK.stroke_width(1)))?;
                }
            }
            canvas.draw_text(&bar.value, &text(12, SOFT, HPos::Left), (end + 7, y))?;
        }
        Ok(())
    })
}

/// A candidate's memory over the course of a trace.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub colour: usize,
    pub samples: &'a [Sample],
}

impl Course<'_> {
    /// The most resident memory that it shows, in MiB.
    pub fn highest(&self) -> f64 {
        let highest = self.samples.iter().map(|s| s.resident_bytes.max(s.live_bytes)).max();
        highest.unwrap_or(0) as f64 / MIB
    }
}

const MIB: f64 = (1 << 20) as f64;

/// Resident memory of each candidate, over live memory, up to `top` MiB.
pub(super) fn memory(title: &str, courses: &[Course<'_>], top: f64) -> String {
    let top = (top * 1.05).max(0.01);
    let digits = Axis::digits(top);
    let below = Axis {
        name: "percent of the trace",
        range: 0.0..100.0,
        labels: 6,
        label: &|x| format!("{x:.0}"),
    };
    let beside =
        Axis { name: "MiB", range: 0.0..top, labels: 6, label: &|y| format!("{y:.digits$}") };
    draw(WIDTH, HEIGHT, title, |canvas| {
        let mut chart = chart(canvas, &below, &beside, false)?;
        if let Some(first) = courses.first() {
            let live = points(first.samples, |s| s.live_bytes);
            chart.draw_series(AreaSeries::new(live, 0.0, LIVE.filled()))?;
        }
        for course in courses {
            let all: Vec<_> = points(course.samples, |s| s.resident_bytes).collect();
            line_inside(&mut chart, &all, series(course.colour), |point| point.1 <= top)?;
        }
        Ok(())
    })
}

fn points(samples: &[Sample], of: fn(&Sample) -> u64) -> impl Iterator<Item = (f64, f64)> {
    samples.iter().map(move |s| (f64::from(s.at_permille) / 10.0, of(s) as f64 / MIB))
}

/// Which part of all requests, and of all bytes, is of which size.
pub(super) fn sizes(title: &str, sizes: &Histogram) -> String {
    let entries = sizes.entries();
    let (counts, sums) = entries.iter().fold((0, 0), |(n, b), e| (n + e.count, b + e.bytes));
    let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
    let shares = |e: &Entry| [share(e.count, counts), share(e.bytes, sums)];
    let highest = entries.iter().flat_map(shares).fold(0.01, f64::max);
    let (left, right, top, bottom) = (44, WIDTH as i32 - 8, 14, HEIGHT as i32 - 44);
    let step = f64::from(right - left) / entries.len().max(1) as f64;
    let place = |n: usize, part: f64| left + ((n as f64 + part) * step).round() as i32;
    let level = |part: f64| bottom - (part / highest * f64::from(bottom - top)).round() as i32;
    // So many sizes go without a label between two that have one.
    let every = (LABEL_EVERY / step).ceil() as usize;
    draw(WIDTH, HEIGHT, title, |canvas| -> Drawn {
        for part in [0.0, highest / 2.0, highest] {
            let y = level(part);
            canvas.draw(&PathElement::new([(left, y), (right, y)], FAINT.stroke_width(1)))?;
            let label = format!("{:.0} %", part * 100.0);
            canvas.draw_text(&label, &text(12, SOFT, HPos::Right), (left - 5, y))?;
        }
        for (n, entry) in entries.iter().enumerate() {
            for (which, part) in shares(entry).into_iter().enumerate() {
                let from = 0.1 + 0.4 * which as f64;
                let corners = [(place(n, from), level(part)), (place(n, from + 0.4), bottom)];
                canvas.draw(&Rectangle::new(corners, SHARES[which].filled()))?;
            }
            if n % every == 0 && place(n, 0.5) + 20 <= WIDTH as i32 {
                let label = bytes(entry.up_to_bytes).replace("iB", "");
                let at = (place(n, 0.5), bottom + 13);
                canvas.draw_text(&label, &text(12, SOFT, HPos::Center), at)?;
            }
        }
        let at = ((left + right) / 2, bottom + 32);
        Ok(canvas.draw_text("size of at most …", &text(12, SOFT, HPos::Center), at)?)
    })
}

/// What a label of a size needs.
const LABEL_EVERY: f64 = 46.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_far_above_runs_off_the_scale() {
        let end = |values: &[f64]| scale_end(values.iter().copied());
        assert_eq!(end(&[1.0, 2.0, 3.0]), 3.0);
        assert_eq!(end(&[1.0, 2.0, 7.9]), 7.9);
        assert_eq!(end(&[1.0, 2.0, 3.0, 250.0]), 3.0);
        assert_eq!(end(&[5.0]), 5.0);
        assert_eq!(end(&[]), 1.0);
        assert!(end(&[0.0, 0.0]) > 0.0);
    }
}
