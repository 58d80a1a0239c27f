//! The page's colours, for light and dark windows, and what the stand-in colours of drawings stand for.
//!
//! Above: `page`. Below: `svg`, which draws in stand-in colours. The page's switch is a style: no script runs.

use super::svg::SERIES;
use std::fmt::Write;

const LIGHT: &str = include_str!("light.css");
const DARK: &str = include_str!("dark.css");

/// As the window is, unless the switch says otherwise.
pub(super) fn style() -> String {
    format!(
        ":root {{ color-scheme: light dark;\n{LIGHT}}}\n\
         @media (prefers-color-scheme: dark) {{ :root {{\n{DARK}}} }}\n\
         :root:has(#light:checked) {{ color-scheme: light;\n{LIGHT}}}\n\
         :root:has(#dark:checked) {{ color-scheme: dark;\n{DARK}}}\n{}",
        stand_ins()
    )
}

/// What the stand-in colours of the drawings stand for.
fn stand_ins() -> String {
    let names = [
        "ink",
        "faint",
        "soft",
        "used",
        "dirty",
        "untouched",
        "clean",
        "requests",
        "sums",
        "live",
        "card",
    ];
    let fixed = names
        .iter()
        .enumerate()
        .map(|(n, name)| (format!("{0:02X}{0:02X}{0:02X}", n + 1), (*name).to_owned()));
    let series = (0..SERIES).map(|n| (format!("1400{n:02X}"), format!("c{n}")));
    fixed.chain(series).fold(String::new(), |mut css, (hex, name)| {
        let _ = writeln!(css, "svg [fill=\"#{hex}\"] {{ fill: var(--{name}); }}");
        let _ = writeln!(css, "svg [stroke=\"#{hex}\"] {{ stroke: var(--{name}); }}");
        css
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a name, as red, green and blue from 0 to 1, in light that adds up.
    fn colour(style: &str, name: &str) -> [f64; 3] {
        let (_, rest) = style.split_once(&format!("--{name}: #")).expect(name);
        [0, 2, 4].map(|at| {
            let value = f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// WCAG's: from 1 for the same to 21 for black on white.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
        let (a, b) = (light(a), light(b));
        a.max(b) / a.min(b)
    }

    /// How far apart two colours look: the distance in Oklab, where black and white are 1 apart.
    fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
        let oklab = |[r, g, b]: [f64; 3]| {
            let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
            let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
            let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
            [
                0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
                1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
                0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
            ]
        };
        let (a, b) = (oklab(a), oklab(b));
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    }

    #[test]
    fn colours_are_told_apart_and_stand_out() {
        for style in [LIGHT, DARK] {
            let of = |name: &str| colour(style, name);
            for text in ["ink", "soft", "good", "bad", "link"] {
                for back in ["card", "back"] {
                    let contrast = contrast(of(text), of(back));
                    assert!(contrast >= 4.5, "{text} on {back}: {contrast}");
                }
            }
            let series: Vec<_> = (0..SERIES).map(|n| of(&format!("c{n}"))).collect();
            for (n, &one) in series.iter().enumerate() {
                assert!(contrast(one, of("card")) >= 3.0, "c{n}");
                for (m, &other) in series[..n].iter().enumerate() {
                    // The first eight are those of a run by default.
                    let least = if n < 8 { 0.1 } else { 0.06 };
                    let apart = apart(one, other);
                    assert!(apart >= least, "c{n} and c{m}: {apart}");
                }
            }
            assert!(apart(of("requests"), of("sums")) > 0.15);
        }
    }

    #[test]
    fn every_stand_in_has_a_colour_in_both() {
        for name in stand_ins().split("var(").skip(1).filter_map(|rest| rest.split_once(')')) {
            let wanted = format!("{}: #", name.0);
            assert!(LIGHT.contains(&wanted) && DARK.contains(&wanted), "{wanted}");
        }
    }
}
