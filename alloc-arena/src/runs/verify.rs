//! The rules of [`Runs`] as a walk over all of them.
#![forbid(unsafe_code)]

use super::Runs;
use crate::bits;
use crate::record::{Key, Page, Record, State};
use alloc_core::Broken;

/// What a walk adds up.
#[derive(Default)]
struct Sums {
    used_pages: u32,
    dirty_pages: u32,
    dirty_runs: u32,
    clean_runs: u32,
}

impl Runs {
    /// Checks rules R1 to R5 and all that the runs count.
    pub fn verify(&self) -> Result<(), Broken> {
        let mut sums = Sums::default();
        let mut start = 0;
        let mut before = State::Used;
        while start < self.pages {
            let Some(&first) = self.table.records().get(start as usize) else {
                return self.broken("R3: a run begins where the table ends", start);
            };
            let fits = first.pages() > 0 && first.pages() <= self.pages - start;
            self.hold(fits, "R1: a run is not empty and ends within the mapping", start)?;
            match first.state() {
                State::Used => self.verify_used(start, first, &mut sums)?,
                State::Free => {
                    self.hold(before == State::Used, "R2: free runs are joined", start)?;
                    self.verify_free(start, first, &mut sums)?;
                }
            }
            self.verify_last(start, first)?;
            before = first.state();
            start += first.pages();
        }
        self.verify_sums(&sums)
    }

    fn verify_used(&self, start: Page, first: Record, sums: &mut Sums) -> Result<(), Broken> {
        let end = start + first.pages();
        self.hold(end <= self.committed_pages, "R5: a used run is committed", start)?;
        let clear = bits::are_clear(self.table.words(), start..end);
        self.hold(clear, "R5: the bits of used pages are clear", start)?;
        sums.used_pages += first.pages();
        Ok(())
    }

    fn verify_free(&self, start: Page, first: Record, sums: &mut Sums) -> Result<(), Broken> {
        let dirty_pages = self.dirty_in(start..start + first.pages());
        let counted = dirty_pages == first.dirty_pages;
        self.hold(counted, "R4: a free run counts its dirty pages", start)?;
        let (forest, runs) = if dirty_pages > 0 {
            (&self.dirty, &mut sums.dirty_runs)
        } else {
            (&self.clean, &mut sums.clean_runs)
        };
        let key = Key { pages: first.pages(), page: start };
        let found = forest.at_least(self.table.records(), key) == Some(key);
        self.hold(found, "R4: a free run stands in the forest of its kind", start)?;
        *runs += 1;
        sums.dirty_pages += dirty_pages;
        Ok(())
    }

    fn verify_last(&self, start: Page, first: Record) -> Result<(), Broken> {
        let end = start + first.pages();
        if end == self.pages {
            return Ok(()); // nothing follows: nobody asks for this record
        }
        let last = self.table.records().get(end as usize - 1);
        let agree =
            last.is_some_and(|last| last.state() == first.state() && last.pages() == first.pages());
        self.hold(agree, "R3: the ends of a run agree", start)
    }

    fn verify_sums(&self, sums: &Sums) -> Result<(), Broken> {
        let runs = sums.dirty_runs == self.dirty.runs() && sums.clean_runs == self.clean.runs();
        self.hold(runs, "R4: the forests hold the free runs and nothing else", 0)?;
        self.hold(sums.used_pages == self.used_pages, "used pages are counted", 0)?;
        self.hold(self.away_pages <= self.used_pages, "pages on their way are used", 0)?;
        self.hold(sums.dirty_pages == self.dirty_pages, "dirty pages are counted", 0)?;
        let clean_pages = self.committed_pages.checked_sub(self.used_pages + self.dirty_pages);
        self.hold(clean_pages.is_some(), "used and dirty pages are committed", 0)?;
        for forest in [&self.dirty, &self.clean] {
            if let Err(page) = forest.breach(self.table.records()) {
                return self.broken("a forest of free runs is in order", page);
            }
        }
        Ok(())
    }

    fn hold(&self, holds: bool, rule: &'static str, page: Page) -> Result<(), Broken> {
        if holds { Ok(()) } else { self.broken(rule, page) }
    }

    fn broken(&self, rule: &'static str, page: Page) -> Result<(), Broken> {
        Err(Broken { layer: "Arena", rule, place: self.address(page.min(self.pages)) })
    }
}
