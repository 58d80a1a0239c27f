//! A progress bar on the terminal; nothing where standard error is none.
//!
//! Above: the commands that take minutes. Below: indicatif.

use crate::run::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub fn new(message: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_message(message);
        let style =
            ProgressStyle::with_template("{bar:30} {pos:>3}/{len} {elapsed} (left: {eta})  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Takes the bar away while something is printed.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    pub fn end(&self) {
        self.0.finish_and_clear();
    }

    /// Another bar of the same, for another thing to show.
    pub fn again(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Progress for Bar {
    fn expect(&mut self, total: u64) {
        self.0.set_length(total);
    }
    fn begin(&mut self, trace: &str, candidate: &str) {
        self.0.set_message(format!("{trace} on {candidate}"));
        self.0.tick();
    }
    fn done(&mut self) {
        self.0.inc(1);
    }
}
