//! The program with strings, as an interpreter has them: immutable, joined and cut all the time.
//!
//! Above: the table of programs. Below: a system's [`Texts`].

use super::clock::Clock;
use super::outcome::Own;
use super::{Contestant, Scale};
use crate::memory::Random;
use std::fmt::Write;

/// Something to do with the strings of a table.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Put what this number spells at `to`.
    Spell {
        /// Which entry.
        to: usize,
        /// The number.
        number: u64,
    },
    /// Put the strings of two entries behind each other at `to`, if they are not too long; else the
    /// first half of the first one.
    Join {
        /// Which entry.
        to: usize,
        /// The entry that comes first.
        left: usize,
        /// The entry that follows.
        right: usize,
    },
    /// Put the second half of an entry at `to`.
    Cut {
        /// Which entry.
        to: usize,
        /// The entry that is cut.
        from: usize,
    },
}

/// A table of strings.
pub trait Texts {
    /// Does these steps. `scratch` is room to build strings in.
    fn serve(&mut self, steps: &[Step], scratch: &mut String);
    /// A number that depends on all strings.
    fn sum(&mut self) -> u64;
    /// What the collector says of itself.
    fn own(&self) -> Option<Own> {
        None
    }
}

const TEXTS: usize = 100_000;
const STEPS: usize = 8_000_000;
const LONGEST_BYTES: usize = 400;
const BATCH: usize = 32;

const WORDS: [&str; 8] = ["span", "slot", "arena", "bitmap", "root", "mutator", "page", "claim"];

impl Step {
    /// Where the result goes.
    pub const fn to(self) -> usize {
        match self {
            Self::Spell { to, .. } | Self::Join { to, .. } | Self::Cut { to, .. } => to,
        }
    }

    /// Builds the result, from the entries that `read` gives.
    pub fn build<'t>(self, read: impl Fn(usize) -> &'t str, scratch: &mut String) {
        scratch.clear();
        match self {
            Self::Spell { number, .. } => spell(number, scratch),
            Self::Join { left, right, .. } => {
                let (left, right) = (read(left), read(right));
                if left.len() + right.len() <= LONGEST_BYTES {
                    scratch.push_str(left);
                    scratch.push_str(right);
                } else {
                    scratch.push_str(&left[..left.len() / 2]);
                }
            }
            Self::Cut { from, .. } => {
                let text = read(from);
                scratch.push_str(&text[text.len() / 2..]);
            }
        }
    }
}

fn spell(number: u64, scratch: &mut String) {
    let mut rest = number;
    while rest > 0 {
        scratch.push_str(WORDS[(rest % 8) as usize]);
        scratch.push(' ');
        rest /= 8;
    }
    // Writing to a `String` cannot fail.
    let _ = write!(scratch, "{number}");
}

/// What [`Texts::sum`] adds for a string.
pub(super) fn weight(text: &str) -> u64 {
    text.bytes()
        .fold(text.len() as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

pub(super) fn bytes(scale: Scale) -> (u64, u64) {
    let mean_bytes = 120;
    (scale.of(TEXTS) as u64 * mean_bytes, scale.of(STEPS) as u64 * mean_bytes)
}

pub(super) fn run(on: &Contestant, scale: Scale, clock: &mut Clock) -> u64 {
    let count = scale.of(TEXTS);
    let mut texts = (on.texts)(count);
    let mut random = Random::new(3);
    let mut scratch = String::with_capacity(2 * LONGEST_BYTES);
    for _ in 0..scale.of(STEPS) / BATCH {
        let batch: [Step; BATCH] = std::array::from_fn(|_| {
            let to = random.below(count);
            match random.below(8) {
                0..3 => Step::Spell { to, number: random.below(1 << 20) as u64 },
                3..6 => Step::Join { to, left: random.below(count), right: random.below(count) },
                _ => Step::Cut { to, from: random.below(count) },
            }
        });
        clock.step(|| texts.serve(&batch, &mut scratch));
    }
    clock.own = texts.own();
    texts.sum()
}
