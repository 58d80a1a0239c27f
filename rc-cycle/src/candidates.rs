//! The candidates of a thread: lists of values that may be part of a dead cycle, and what is known of the round that
//! goes through them.
//!
//! Above: steps, which take candidates up. Below: words that say that a value is listed; the pacer; figures.
//!
//! A *candidate* is a value that lost a pointer, and has others: if it was the last from outside, those are a cycle's.
//!
//! | list | a candidate is here |
//! |---|---|
//! | young | since it was recorded, at most once while it is listed |
//! | ripening | until a step comes by: most have died of their last pointer by then, and go |
//! | ripe | until it is tried in this round |
//! | large | since a trial of it had more members than the step might have |

use crate::figures::{Figures, Found};
use crate::local::Proof;
use crate::pacer::Pacer;
use alloc::vec::Vec;
use core::ptr::NonNull;

pub(crate) struct Candidates {
    pub young: Vec<NonNull<u8>>,
    pub ripening: Vec<NonNull<u8>>,
    /// The last one is the oldest.
    pub ripe: Vec<NonNull<u8>>,
    pub large: Vec<NonNull<u8>>,
    /// Each of the large ones leads to more values than this.
    pub large_objects: usize,
    /// How many there were when those that are gone were last sifted out.
    pub large_sifted: usize,
    /// Bytes of the boxes that are listed.
    pub listed_bytes: usize,
    /// What values get that are found alive in this round.
    pub proof: Proof,
    /// Values that this round has freed, and looked at.
    pub round: (usize, usize),
    pub pacer: Pacer,
    pub figures: Figures,
    pub trace: Option<fn(&Found<'_>)>,
}

impl Candidates {
    pub const fn new() -> Self {
        Self {
            young: Vec::new(),
            ripening: Vec::new(),
            ripe: Vec::new(),
            large: Vec::new(),
            large_objects: 0,
            large_sifted: 0,
            listed_bytes: 0,
            proof: Proof::FIRST,
            round: (0, 0),
            pacer: Pacer::new(),
            figures: Figures::NONE,
            trace: None,
        }
    }

    pub fn len(&self) -> usize {
        self.young.len() + self.ripening.len() + self.ripe.len() + self.large.len()
    }

    /// Whether nothing is to be taken up before more has ripened.
    pub fn is_between_rounds(&self) -> bool {
        !self.ripening.is_empty() || (self.ripe.is_empty() && self.large.is_empty())
    }

    /// Takes up what leads to more than `large_objects`, if that may be looked at now.
    pub fn take_up(&mut self, most: usize) {
        if most > self.large_objects && self.ripe.try_reserve(self.large.len()).is_ok() {
            self.ripe.append(&mut self.large);
        }
    }
}
