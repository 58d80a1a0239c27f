//! The sink that writes aligned lines as they come, and allocates nothing.

use super::{Report, Reports, Sink, Unit};
use core::fmt::{self, Write};

/// Column where values end, counted from the left edge.
const VALUE_COLUMN: usize = 56;
const INDENT: usize = 2;

/// Writes a report as indented, aligned text.
///
/// Errors of the writer are remembered, not raised: [`finish`](Text::finish) returns them.
pub struct Text<'w> {
    out: &'w mut dyn Write,
    depth: usize,
    result: fmt::Result,
}

impl<'w> Text<'w> {
    /// A sink that writes to `out`.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out, depth: 0, result: Ok(()) }
    }

    /// Writes the whole report of a stack, a heap or a pool to `out`.
    ///
    /// # Errors
    ///
    /// The first error of `out`.
    pub fn write(stack: &impl Reports, out: &'w mut dyn Write) -> fmt::Result {
        let mut text = Self::new(out);
        stack.report(&mut Report::new(&mut text));
        text.finish()
    }

    /// Whether everything was written.
    ///
    /// # Errors
    ///
    /// The first error of the writer.
    pub fn finish(self) -> fmt::Result {
        self.result
    }

    fn line(&mut self, args: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            self.result = self.out.write_fmt(args);
        }
    }
}

impl Sink for Text<'_> {
    fn enter(&mut self, name: &str) {
        let indent = self.depth * INDENT;
        self.line(format_args!("{:indent$}{name}\n", ""));
        self.depth += 1;
    }

    fn figure(&mut self, name: &str, value: u64, unit: Unit) {
        let indent = self.depth * INDENT;
        let width = VALUE_COLUMN.saturating_sub(indent + name.chars().count());
        let symbol = unit.symbol();
        let space = if symbol.is_empty() { "" } else { " " };
        let value = Grouped(value);
        self.line(format_args!("{:indent$}{name}{value:>width$}{space}{symbol}\n", ""));
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// A number with a thin mark between thousands: 1_234_567.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 20 digits and 6 marks hold every u64.
        let mut text = [0u8; 26];
        let mut at = text.len();
        let mut rest = self.0;
        for digit in 0.. {
            if digit > 0 && digit % 3 == 0 {
                at -= 1;
                text[at] = b'_';
            }
            at -= 1;
            text[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        f.pad_integral(true, "", core::str::from_utf8(&text[at..]).map_err(|_| fmt::Error)?)
    }
}
