//! The map of an arena's pages: one square for some neighbouring pages, in the order of addresses.
//!
//! Above: `page`. Below: `svg`.

use super::svg::{PAGES, draw};
use crate::heap::{PageState, Run};
use plotters::prelude::*;

const PAGE_BYTES: usize = 4096;
const COLUMNS: usize = 80;
const ROWS_MAX: usize = 24;
const SQUARE: i32 = 12;

/// A map, and how many pages a square stands for.
#[derive(Debug)]
pub(super) struct Map {
    pub svg: String,
    pub square_pages: usize,
    /// Bytes used, dirty, untouched, clean.
    pub bytes: [u64; 4],
}

/// Pages of a square by state: used, dirty, untouched, clean.
type Square = [usize; 4];

/// The map of these runs; `None` if there are none.
pub(super) fn map(title: &str, runs: &[Run]) -> Option<Map> {
    let runs = trimmed(runs);
    let pages: usize = runs.iter().map(|run| run.bytes / PAGE_BYTES).sum();
    if pages == 0 {
        return None;
    }
    let square_pages = pages.div_ceil(COLUMNS * ROWS_MAX).next_power_of_two();
    let squares = squares(&runs, square_pages);
    let mut bytes = [0; 4];
    for run in &runs {
        bytes[place(run.state)] += run.bytes as u64;
    }
    let columns = COLUMNS.min(squares.len());
    let height = squares.len().div_ceil(columns) as i32 * SQUARE;
    let svg = draw((COLUMNS as i32 * SQUARE) as u32, height as u32, title, |canvas| {
        for (n, square) in squares.iter().enumerate() {
            let (x, y) = ((n % columns) as i32 * SQUARE, (n / columns) as i32 * SQUARE);
            let (state, strength) = look(square);
            let corners = [(x, y), (x + SQUARE - 2, y + SQUARE - 2)];
            canvas.draw(&Rectangle::new(corners, PAGES[state].mix(strength).filled()))?;
        }
        Ok(())
    });
    Some(Map { svg, square_pages, bytes })
}

fn place(state: PageState) -> usize {
    match state {
        PageState::Used => 0,
        PageState::Dirty => 1,
        PageState::Untouched => 2,
        PageState::Clean => 3,
    }
}

/// The runs without what was never touched: long stretches that hold no memory shrink to a short
/// gap, and what lies behind the last page that holds memory is left out.
fn trimmed(runs: &[Run]) -> Vec<Run> {
    const GAP_BYTES: usize = 256 << 10;
    let holds = |run: &Run| matches!(run.state, PageState::Used | PageState::Dirty);
    let end = runs.iter().rposition(holds).map_or(0, |n| n + 1);
    let short = |run: &Run| match holds(run) {
        true => *run,
        false => Run { bytes: run.bytes.min(GAP_BYTES), ..*run },
    };
    runs[..end].iter().map(short).collect()
}

fn squares(runs: &[Run], square_pages: usize) -> Vec<Square> {
    let mut squares = Vec::new();
    let mut current = Square::default();
    for run in runs {
        let mut left = run.bytes / PAGE_BYTES;
        while left > 0 {
            let room = square_pages - current.iter().sum::<usize>();
            let taken = left.min(room);
            current[place(run.state)] += taken;
            left -= taken;
            if taken == room {
                squares.push(std::mem::take(&mut current));
            }
        }
    }
    if current != Square::default() {
        squares.push(current);
    }
    squares
}

/// Which state a square shows, and how strongly: that of any page that holds memory.
fn look(square: &Square) -> (usize, f64) {
    let pages: usize = square.iter().sum();
    let state = (0..4).find(|&state| square[state] > 0).unwrap_or(3);
    let part = square[state] as f64 / pages.max(1) as f64;
    (state, 0.3 + 0.7 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pages: usize, state: PageState) -> Run {
        Run { base: 0, bytes: pages * PAGE_BYTES, state }
    }

    #[test]
    fn squares_hold_all_pages() {
        let runs = [run(3, PageState::Used), run(4, PageState::Dirty), run(2, PageState::Clean)];
        assert_eq!(squares(&runs, 4), [[3, 1, 0, 0], [0, 3, 0, 1], [0, 0, 0, 1]]);
        assert_eq!(look(&[3, 1, 0, 0]).0, 0);
        assert_eq!(look(&[0, 3, 0, 1]).0, 1);
        assert_eq!(look(&[0, 0, 3, 1]).0, 2);
    }

    #[test]
    fn what_was_never_touched_is_left_out() {
        let runs = [
            run(1, PageState::Used),
            run(1 << 26, PageState::Clean),
            run(1, PageState::Dirty),
            run(9, PageState::Clean),
        ];
        let trimmed = trimmed(&runs);
        assert_eq!(trimmed.len(), 3);
        assert_eq!(trimmed[1].bytes, 256 << 10);
        let map = map("m", &runs).unwrap();
        assert_eq!(map.bytes, [4096, 4096, 0, 256 << 10]);
        assert!(super::map("m", &[run(5, PageState::Clean)]).is_none());
    }
}
