//! A list of places, in the order of their age: links in the records.
//!
//! Above: [`State`](super::state::State), whose lock guards all links (R1). Below: records.

use super::record::{Place, Whose};
use alloc_core::Broken;

#[derive(Debug, Default)]
pub(super) struct List {
    newest: Option<Place>,
    oldest: Option<Place>,
    count: usize,
}

impl List {
    pub const fn new() -> Self {
        Self { newest: None, oldest: None, count: 0 }
    }

    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    #[inline]
    pub fn push_newest(&mut self, place: Place) {
        place.older.set(self.newest);
        place.newer.set(None);
        match self.newest {
            Some(newest) => newest.newer.set(Some(place)),
            None => self.oldest = Some(place),
        }
        self.newest = Some(place);
        self.count += 1;
    }

    pub fn push_oldest(&mut self, place: Place) {
        place.newer.set(self.oldest);
        place.older.set(None);
        match self.oldest {
            Some(oldest) => oldest.older.set(Some(place)),
            None => self.newest = Some(place),
        }
        self.oldest = Some(place);
        self.count += 1;
    }

    #[inline]
    pub fn pop_newest(&mut self) -> Option<Place> {
        let place = self.newest?;
        self.newest = place.older.get();
        match self.newest {
            Some(newest) => newest.newer.set(None),
            None => self.oldest = None,
        }
        self.count -= 1;
        Some(place)
    }

    pub fn pop_oldest(&mut self) -> Option<Place> {
        let place = self.oldest?;
        self.oldest = place.newer.get();
        match self.oldest {
            Some(oldest) => oldest.older.set(None),
            None => self.newest = None,
        }
        self.count -= 1;
        Some(place)
    }

    /// Whether the links agree both ways, and all that is on the list is `whose`.
    pub fn verify(&self, whose: Whose) -> Result<(), Broken> {
        let (mut at, mut newer, mut count) = (self.newest, None, 0);
        while let Some(place) = at {
            let sound = place.newer.get() == newer && place.is(whose) && count < self.count;
            Broken::unless(sound, "StackPool", "R1: a place is on one list", place.address())?;
            (newer, at, count) = (at, place.older.get(), count + 1);
        }
        let counted = count == self.count && newer == self.oldest;
        Broken::unless(counted, "StackPool", "a list is counted", count)
    }
}
