//! The plots of a trace: bars, memory over time, sizes.
//!
//! Above: `page`. Below: `svg`.

use super::svg::{Drawn, FAINT, INK, LIVE, SHARES, SOFT, draw, series, text};
use crate::program::facts::{Entry, Histogram};
use crate::replay::Sample;
use crate::table::bytes;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

const WIDTH: u32 = 620;
const BAR_HEIGHT: i32 = 15;
const ROW: i32 = 26;
const LABELS: i32 = 150;

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

/// Horizontal bars, one below the other.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let height = ROW * bars.len() as i32 + 8;
    let longest = bars.iter().map(|b| b.length.max(b.range.map_or(0.0, |r| r.1)));
    let longest = longest.fold(f64::MIN_POSITIVE, f64::max);
    let scale = f64::from(WIDTH as i32 - LABELS - 130) / longest;
    draw(WIDTH, height as u32, title, |canvas| {
        let x = |length: f64| LABELS + (length * scale).round() as i32;
        for (n, bar) in bars.iter().enumerate() {
            let y = ROW * n as i32 + ROW / 2 + 4;
            let (top, bottom) = (y - BAR_HEIGHT / 2, y + BAR_HEIGHT / 2);
            let colour = series(bar.colour);
            canvas.draw_text(&bar.name, &text(13, INK, HPos::Right), (LABELS - 8, y))?;
            let solid = x(bar.length - bar.pale);
            canvas.draw(&Rectangle::new([(LABELS, top), (solid, bottom)], colour.filled()))?;
            let pale =
                Rectangle::new([(solid, top), (x(bar.length), bottom)], colour.mix(0.5).filled());
            canvas.draw(&pale)?;
            let mut end = x(bar.length);
            if let Some((low, high)) = bar.range {
                end = end.max(x(high));
                canvas.draw(&PathElement::new([(x(low), y), (x(high), y)], INK.stroke_width(1)))?;
                for at in [low, high] {
                    let tick = [(x(at), y - 3), (x(at), y + 3)];
                    canvas.draw(&PathElement::new(tick, INK.stroke_width(1)))?;
                }
            }
            canvas.draw_text(&bar.value, &text(13, SOFT, HPos::Left), (end + 7, y))?;
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

/// Resident memory of each candidate, over live memory.
pub(super) fn memory(title: &str, courses: &[Course<'_>]) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let all = || courses.iter().flat_map(|course| course.samples);
    let highest = all().map(|s| s.resident_bytes.max(s.live_bytes)).max().unwrap_or(0);
    // A scale of which a tenth has as many digits as it needs.
    let top = (highest as f64 / MIB * 1.05).max(0.01);
    let digits = (1.0 - (top / 5.0).log10()).ceil().clamp(0.0, 3.0) as usize;
    draw(WIDTH, 300, title, |canvas| {
        let mut chart = ChartBuilder::on(canvas)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(34)
            .y_label_area_size(56)
            .build_cartesian_2d(0f64..100f64, 0f64..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT.stroke_width(1))
            .axis_style(FAINT.stroke_width(1))
            .label_style(text(12, SOFT, HPos::Left))
            .axis_desc_style(text(12, SOFT, HPos::Center))
            .x_desc("percent of the trace")
            .y_desc("MiB")
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.digits$}"))
            .draw()?;
        let at = |s: &Sample| f64::from(s.at_permille) / 10.0;
        if let Some(first) = courses.first() {
            let live = first.samples.iter().map(|s| (at(s), s.live_bytes as f64 / MIB));
            chart.draw_series(AreaSeries::new(live, 0.0, LIVE.filled()))?;
        }
        for course in courses {
            let points = course.samples.iter().map(|s| (at(s), s.resident_bytes as f64 / MIB));
            chart.draw_series(LineSeries::new(points, series(course.colour).stroke_width(2)))?;
        }
        Ok(())
    })
}

/// Which part of all requests, and of all bytes, is of which size.
pub(super) fn sizes(title: &str, sizes: &Histogram) -> String {
    let entries = sizes.entries();
    let (counts, sums) = entries.iter().fold((0, 0), |(n, b), e| (n + e.count, b + e.bytes));
    let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
    let shares = |e: &Entry| [share(e.count, counts), share(e.bytes, sums)];
    let highest = entries.iter().flat_map(shares).fold(0.01, f64::max);
    let (bottom, plot) = (250, 215);
    let step = (WIDTH as i32 - 20) / entries.len().max(1) as i32;
    draw(WIDTH, 300, title, |canvas| -> Drawn {
        for (n, entry) in entries.iter().enumerate() {
            let left = 10 + step * n as i32;
            for (which, part) in shares(entry).into_iter().enumerate() {
                let x = left + which as i32 * (step - 4) / 2;
                let top = bottom - (part / highest * f64::from(plot)).round() as i32;
                let bar = Rectangle::new(
                    [(x, top), (x + (step - 4) / 2, bottom)],
                    SHARES[which].filled(),
                );
                canvas.draw(&bar)?;
                if part >= 0.005 && step >= 30 {
                    let label = format!("{:.0}", part * 100.0);
                    let at = (x + (step - 4) / 4, top - 8);
                    canvas.draw_text(&label, &text(10, SOFT, HPos::Center), at)?;
                }
            }
            // Every other label, where they are dense.
            if step >= 34 || n % 2 == 0 {
                let label = bytes(entry.up_to_bytes).replace("iB", "");
                let at = (left + (step - 4) / 2, bottom + 14);
                canvas.draw_text(&label, &text(11, SOFT, HPos::Center), at)?;
            }
        }
        canvas.draw(&PathElement::new(
            [(6, bottom), (WIDTH as i32 - 6, bottom)],
            FAINT.stroke_width(1),
        ))?;
        let below = "size of at most … (percent of all)";
        let at = (WIDTH as i32 / 2, bottom + 36);
        Ok(canvas.draw_text(below, &text(12, SOFT, HPos::Center), at)?)
    })
}
