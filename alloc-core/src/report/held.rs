//! The sink that holds a report for a moment, in a fixed buffer: for layers that can only report
//! under a lock which the final sink must not run under.
//!
//! Above: `Locked`. A report that does not fit is cut at its end, and says so.

use super::{Report, Sink, Unit};

const TEXT_BYTES: usize = 3072;
const EVENTS: usize = 192;

#[derive(Clone, Copy)]
enum Event {
    Enter { name_bytes: u16 },
    Figure { name_bytes: u16, value: u64, unit: Unit },
    Leave,
}

/// A report in a fixed buffer.
pub(crate) struct Held {
    text: [u8; TEXT_BYTES],
    text_bytes: usize,
    events: [Event; EVENTS],
    count: usize,
    depth: usize,
    left_out: u64,
    /// How many of the layers that are open now were left out, with all that is in them.
    left_out_depth: usize,
}

impl Held {
    pub(crate) fn new() -> Self {
        Self {
            text: [0; TEXT_BYTES],
            text_bytes: 0,
            events: [Event::Leave; EVENTS],
            count: 0,
            depth: 0,
            left_out: 0,
            left_out_depth: 0,
        }
    }

    /// Keeps an event with its name, if both fit, so that room is left to close what is open.
    fn keep(&mut self, name: &str, event: impl FnOnce(u16) -> Event) -> bool {
        let end = self.text_bytes + name.len();
        let open = self.depth + 2;
        if self.left_out_depth > 0 || end > TEXT_BYTES || self.count + open > EVENTS {
            self.left_out += 1;
            return false;
        }
        self.text[self.text_bytes..end].copy_from_slice(name.as_bytes());
        self.text_bytes = end;
        self.events[self.count] = event(name.len() as u16);
        self.count += 1;
        true
    }

    /// Passes on what is held.
    pub(crate) fn replay(&self, report: &mut Report<'_>) {
        let mut rest = &self.text[..self.text_bytes];
        let mut name = |name_bytes: u16| {
            let (name, later) = rest.split_at(usize::from(name_bytes));
            rest = later;
            // `keep` copies whole strings.
            core::str::from_utf8(name).unwrap_or_default()
        };
        for event in &self.events[..self.count] {
            match *event {
                Event::Enter { name_bytes } => report.sink.enter(name(name_bytes)),
                Event::Figure { name_bytes, value, unit } => {
                    report.figure(name(name_bytes), value, unit);
                }
                Event::Leave => report.sink.leave(),
            }
        }
        if self.left_out > 0 {
            report.count("left out for want of room", self.left_out);
        }
    }
}

const _: () = assert!(TEXT_BYTES <= u16::MAX as usize);

impl Sink for Held {
    fn enter(&mut self, name: &str) {
        if self.keep(name, |name_bytes| Event::Enter { name_bytes }) {
            self.depth += 1;
        } else {
            self.left_out_depth += 1;
        }
    }

    fn figure(&mut self, name: &str, value: u64, unit: Unit) {
        self.keep(name, |name_bytes| Event::Figure { name_bytes, value, unit });
    }

    fn leave(&mut self) {
        if self.left_out_depth > 0 {
            self.left_out_depth -= 1;
        } else if self.depth > 0 {
            // `keep` left room for it.
            self.events[self.count] = Event::Leave;
            self.count += 1;
            self.depth -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Text;

    /// More figures than fit: what does fit is intact, and the rest is counted.
    #[test]
    fn a_report_too_long_is_cut_at_its_end() {
        let mut held = Held::new();
        let mut inner = Report::new(&mut held);
        inner.layer("deep", |report| {
            for number in 0..500 {
                report.layer("one of many", |report| report.count("number", number));
            }
        });
        assert_eq!(held.depth, 0);
        let mut text = std::string::String::new();
        let mut sink = Text::new(&mut text);
        held.replay(&mut Report::new(&mut sink));
        sink.finish().unwrap();
        let kept = text.matches("number ").count() as u64;
        assert!(kept > 50, "{text}");
        assert!(text.starts_with("deep\n  one of many\n    number"), "{text}");
        assert_eq!(held.left_out % 2, 0, "pairs of a layer and its figure");
        assert_eq!(held.left_out / 2 + kept, 500);
        assert!(text.contains("left out for want of room"), "{text}");
    }
}
