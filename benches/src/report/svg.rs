//! A canvas for plots: SVG text without a colour of its own.
//!
//! Above: `plots`, `map`. Below: plotters, which draws.
//!
//! Plots are drawn in stand-in colours; the page's style sheet says what they are in a light and in
//! a dark window (`[fill="#010101"] { … }`). So one drawing serves both.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// What a plot is drawn on.
pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing can end in; text in memory has no errors of its own, but plotters' types do.
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
/// Lines that stay in the background.
pub(super) const FAINT: RGBColor = RGBColor(2, 2, 2);
/// Text that stays in the background.
pub(super) const SOFT: RGBColor = RGBColor(3, 3, 3);
/// Pages in use, free pages that hold memory, pages in use that hold none, free pages that hold
/// none.
pub(super) const PAGES: [RGBColor; 4] =
    [RGBColor(4, 4, 4), RGBColor(5, 5, 5), RGBColor(6, 6, 6), RGBColor(7, 7, 7)];
/// Requests and bytes of a histogram.
pub(super) const SHARES: [RGBColor; 2] = [RGBColor(8, 8, 8), RGBColor(9, 9, 9)];
/// Live bytes.
pub(super) const LIVE: RGBColor = RGBColor(10, 10, 10);
/// What all stands on.
pub(super) const BACK: RGBColor = RGBColor(11, 11, 11);

/// How many candidates have a colour of their own.
pub(super) const SERIES: usize = 16;

/// A candidate's colour, by its place in the table.
pub(super) fn series(n: usize) -> RGBColor {
    RGBColor(20, 0, (n % SERIES) as u8)
}

/// The text of a drawing, for a page of HTML.
pub(super) fn draw(
    width: u32,
    height: u32,
    title: &str,
    body: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> String {
    let mut text = String::new();
    {
        let canvas = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        if let Err(error) = body(&canvas).and_then(|()| Ok(canvas.present()?)) {
            drop(canvas);
            return format!("<p>no plot: {}</p>", super::escape(&error.to_string()));
        }
    }
    inline(&text, width, height, title)
}

/// One of a chart's two axes.
pub(super) struct Axis<'f> {
    pub name: &'f str,
    pub range: Range<f64>,
    /// About how many labels it has.
    pub labels: usize,
    pub label: &'f dyn Fn(&f64) -> String,
}

impl Axis<'_> {
    /// How many digits behind the point a fifth of a scale needs.
    pub fn digits(scale: f64) -> usize {
        (-(scale / 5.0).log10()).ceil().clamp(0.0, 4.0) as usize
    }
}

/// A chart with two axes of numbers.
pub(super) type Chart<'c, 's> =
    ChartContext<'c, SVGBackend<'s>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the axes of a chart; `lines` go up from the lower one, too.
pub(super) fn chart<'c, 's>(
    canvas: &'c Canvas<'s>,
    below: &Axis<'_>,
    beside: &Axis<'_>,
    lines: bool,
) -> Result<Chart<'c, 's>, Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(canvas)
        .margin(8)
        .margin_right(22)
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d(below.range.clone(), beside.range.clone())?;
    let mut mesh = chart.configure_mesh();
    if !lines {
        mesh.disable_x_mesh();
    }
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(FAINT.stroke_width(1))
        .axis_style(FAINT.stroke_width(1))
        .label_style(text(12, SOFT, HPos::Left))
        .axis_desc_style(text(12, SOFT, HPos::Center))
        .x_desc(below.name)
        .y_desc(beside.name)
        .x_labels(below.labels)
        .y_labels(beside.labels)
        .x_label_formatter(below.label)
        .y_label_formatter(beside.label)
        .draw()?;
    Ok(chart)
}

/// Draws a line through points, and leaves out what lies beyond the plot.
pub(super) fn line_inside(
    chart: &mut Chart<'_, '_>,
    points: &[(f64, f64)],
    colour: RGBColor,
    is_inside: impl Fn(&(f64, f64)) -> bool,
) -> Drawn {
    let parts = points.chunk_by(|a, b| is_inside(a) == is_inside(b));
    for part in parts.filter(|part| is_inside(&part[0])) {
        let line = LineSeries::new(part.iter().copied(), colour.stroke_width(2));
        chart.draw_series(line)?;
    }
    Ok(())
}

/// Within a page, a drawing needs no address of its language, and scales with the page.
fn inline(text: &str, width: u32, height: u32, title: &str) -> String {
    let body = text.split_once("<svg ").and_then(|(_, rest)| rest.split_once('>'));
    let body = body.map_or("</svg>", |(_, body)| body);
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>{body}",
        super::escape(title)
    )
}

/// What plotters divides a size by, so that its text is as high as asked for with all that stands out; a page means the size of the font.
const OF_FONT: f64 = 1.24;

/// Text of a size (of its font, in pixels of the drawing) and colour, its anchor on the left, in the middle or on the right.
pub(super) fn text(size: u32, colour: RGBColor, anchor: HPos) -> TextStyle<'static> {
    let style = TextStyle::from(("sans-serif", f64::from(size) * OF_FONT).into_font());
    TextStyle { color: colour.to_backend_color(), ..style }.pos(Pos::new(anchor, VPos::Center))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_inline_and_in_stand_in_colours() {
        let svg = draw(50, 20, "a < b", |canvas| {
            canvas.draw(&Rectangle::new([(1, 1), (5, 5)], series(3).filled()))?;
            Ok(canvas.draw_text("x", &text(12, INK, HPos::Left), (3, 3))?)
        });
        assert!(
            svg.starts_with("<svg viewBox=\"0 0 50 20\"") && svg.trim_end().ends_with("</svg>")
        );
        assert!(svg.contains("fill=\"#140003\"") && svg.contains("fill=\"#010101\""), "{svg}");
        assert!(svg.contains("font-size=\"12"), "{svg}");
        assert!(svg.contains("a &lt; b") && !svg.contains("http"), "{svg}");
    }
}
