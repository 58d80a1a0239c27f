//! The ends of what an allocator can do: absurd layouts, and its memory used up.
//!
//! Above: `session`, which meets both within sequences; `runner`, which wears out a fresh allocator
//! in [`wear_out`]. Below: `session`'s single operations.

use super::failure::{Found, Promise, promised};
use super::model::{Allocation, Name, Shown, check_zeroes};
use super::session::Session;
use crate::Layout;

/// The most allocations that one exhaustion makes.
const EXHAUST_MOST: usize = 1024;
/// How often a fresh allocator is used up in [`wear_out`].
const ROUNDS: usize = 4;

impl Session<'_> {
    /// Asks for what cannot be had. If it can, it is given back at once.
    pub fn absurd(&mut self, layout: Layout, grow: Option<u16>, zeroed: bool) -> Result<(), Found> {
        let old = grow.and_then(|which| self.pick(which));
        match old.filter(|at| self.live[*at].layout.size() <= layout.size()) {
            Some(at) => self.grow_absurdly(at, layout),
            None => self.allocate_absurdly(layout, zeroed),
        }
    }

    fn usable_size_is_enough(&self, layout: Layout) -> Result<(), Found> {
        let Some(layer) = self.subject.layer() else { return Ok(()) };
        let usable = layer.usable_size(layout);
        promised(usable >= layout.size(), Promise::UsableSize, || {
            format!("usable_size({}) is {usable}", Shown(layout))
        })
    }

    fn grow_absurdly(&mut self, at: usize, layout: Layout) -> Result<(), Found> {
        let old = self.live[at];
        self.steps.push(format!("grow({} to {})", Name(old.id), Shown(layout)));
        self.usable_size_is_enough(layout)?;
        let it = self.subject.allocator(self.turn);
        // SAFETY: `old` is live, its own layout fits it, and is not larger (`absurd`).
        let answer = unsafe { it.grow(old.ptr, old.layout, layout) };
        let Ok(slice) = answer else {
            return old.check(old.len, Promise::RefusalKeeps);
        };
        self.forget(at);
        let new = self.admit(slice, layout)?;
        Allocation { id: old.id, ..new }.check(old.layout.size(), Promise::GrowKeeps)?;
        self.give_back_absurd(new, false)
    }

    fn allocate_absurdly(&mut self, layout: Layout, zeroed: bool) -> Result<(), Found> {
        self.steps.push(format!("allocate({})", Shown(layout)));
        self.usable_size_is_enough(layout)?;
        let it = self.subject.allocator(self.turn);
        let answer = if zeroed { it.allocate_zeroed(layout) } else { it.allocate(layout) };
        let Ok(slice) = answer else {
            // Size 0 with an alignment that no address has: only a layer has to serve it.
            let excused = layout.size() > 0 || self.subject.layer().is_none();
            return promised(excused, Promise::ZeroSize, || {
                format!("{} was refused", Shown(layout))
            });
        };
        let new = self.admit(slice, layout)?;
        self.give_back_absurd(new, zeroed)
    }

    fn give_back_absurd(&mut self, new: Allocation, zeroed: bool) -> Result<(), Found> {
        for at in [Some(0), new.len.checked_sub(1)].into_iter().flatten().filter(|_| new.len > 0) {
            if zeroed {
                check_zeroes(&new, at, (at + 1).min(new.len))?;
            }
        }
        self.taken.remove(&new);
        let it = self.subject.allocator(self.turn);
        // SAFETY: it was just handed out for this layout, and is no longer in the model.
        unsafe {
            if let Some(last) = new.len.checked_sub(1) {
                new.ptr.write(1);
                new.ptr.add(last).write(1);
            }
            it.deallocate(new.ptr, new.layout);
        }
        Ok(())
    }

    /// Allocates `layout` until it is refused or the limit is reached; how many were served, and
    /// whether there was a refusal.
    pub fn fill_up(&mut self, layout: Layout) -> Result<(usize, bool), Found> {
        let silent = self.steps.len();
        for count in 0..EXHAUST_MOST {
            if !self.affords(layout) {
                return Ok((count, false));
            }
            let served = self.allocate(layout, count % 7 == 3, false)?;
            self.steps.truncate(silent);
            if !served {
                self.steps
                    .push(format!("allocate({}) until refused: {count} served", Shown(layout)));
                self.check_all(Promise::Contents)?;
                return Ok((count, true));
            }
        }
        Ok((EXHAUST_MOST, false))
    }

    /// Tries to grow each live allocation to more than the limit, for as long as that is refused.
    fn fail_to_grow(&mut self, layout: Layout) -> Result<(), Found> {
        let Ok(huge) = Layout::from_size_align(self.rules.max_bytes * 2, layout.align()) else {
            return Ok(());
        };
        let silent = self.steps.len();
        let count = self.live.len();
        for at in (0..count).rev() {
            let at = if self.rules.lifo { count - 1 } else { at };
            let old = self.live[at].layout;
            let served = self.grow(at, old, huge, at % 2 == 0, false)?;
            if served {
                return self.deallocate(self.live.len() - 1, 0, false);
            }
            self.steps.truncate(silent);
        }
        self.steps.push(format!("grow each of {count} to {}: refused", Shown(huge)));
        self.check_all(Promise::RefusalKeeps)
    }

    /// Frees the `count` youngest allocations.
    pub fn free_youngest(&mut self, count: usize) -> Result<(), Found> {
        let silent = self.steps.len();
        for _ in 0..count {
            self.deallocate(self.live.len() - 1, 0, false)?;
            self.steps.truncate(silent);
        }
        self.steps.push(format!("deallocate the {count} youngest"));
        Ok(())
    }

    pub fn exhaust(&mut self, layout: Layout) -> Result<(), Found> {
        if !self.rules.gives_back {
            return Ok(());
        }
        let (count, refused) = self.fill_up(layout)?;
        self.free_youngest(count)?;
        if refused && count > 0 && !self.rules.may_refuse_anytime && self.affords(layout) {
            let again = self.allocate(layout, false, false)?;
            promised(again, Promise::Resumes, || {
                format!("{count} were freed, and not one is served now")
            })?;
        }
        Ok(())
    }
}

/// Uses up an allocator several times, each time with requests that fail while it is nearly full,
/// and checks that it still serves at least half of what it served at first: one allocation lost
/// with each failure would show.
///
/// Allocators that are never used up within the limit have nothing to show here.
pub(super) fn wear_out(session: &mut Session<'_>, layout: Layout) -> Result<(), Found> {
    let (first, refused) = session.fill_up(layout)?;
    session.free_youngest(first)?;
    if !refused || first < 2 {
        return session.finish();
    }
    for _ in 0..ROUNDS {
        session.reclaim(usize::MAX);
        let (count, _) = session.fill_up(layout)?;
        promised(count >= first.div_ceil(2), Promise::NothingLost, || {
            format!("everything was freed; {first} were served at first, {count} are now")
        })?;
        session.free_youngest(count / 2)?;
        session.fail_to_grow(layout)?;
        session.verify()?;
        session.free_youngest(session.live.len())?;
    }
    session.finish()
}
