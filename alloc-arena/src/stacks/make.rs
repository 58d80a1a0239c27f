//! Step 1 of a stack's journey, and step 2 when nothing is warm: cold places, then new ones.
//!
//! Above: [`StackPool::take`]. Below: the state, the mappings, the source, which makes guards without the lock (R2).

use super::config::Shape;
use super::places::Places;
use super::record::{Place, Whose};
use super::state::State;
use super::{StackError, StackPool};
use crate::config::RESERVATION_BYTES;
use crate::source::Source;
use alloc_core::sync::LockGuard;

impl<S: Source> StackPool<S> {
    /// Takes a place that is not warm.
    #[cold]
    pub(super) fn take_slowly<'a>(
        &'a self,
        mut state: LockGuard<'a, State>,
    ) -> Result<Place, StackError> {
        if let Some(place) = state.cold.pop_newest() {
            state.note_taken(place);
            return Ok(place);
        }
        drop(state);
        // One that is away may be the last one that there can be: it will be back.
        let limit_stacks = self.config.limit_stacks;
        let mut state = self.lock_when(|state| {
            !state.wanted && (state.away == 0 || state.has_free() || state.made < limit_stacks)
        });
        let free = state.warm.pop_newest().or_else(|| state.cold.pop_newest());
        if let Some(place) = free {
            state.note_taken(place);
            return Ok(place);
        }
        let place = match state.raw.pop_newest() {
            Some(place) => place,
            None => self.make(&mut state)?,
        };
        place.set_whose(Whose::Away);
        state.away += 1;
        drop(state);

        let guarded = self.guard(place);
        let mut state = self.state.lock();
        state.away -= 1;
        match guarded {
            Some(splits) => {
                state.split_guards += usize::from(splits);
                place.looked_tick.set(state.decay.tick());
                state.note_taken(place);
                Ok(place)
            }
            None => {
                place.set_whose(Whose::Raw);
                state.raw.push_newest(place);
                Err(StackError::Guard { split_guards: state.split_guards })
            }
        }
    }

    /// Makes a place, under the lock: seldom more than a record.
    fn make(&self, state: &mut State) -> Result<Place, StackError> {
        let limit_stacks = self.config.limit_stacks;
        if state.made >= limit_stacks {
            return Err(StackError::Limit { limit_stacks });
        }
        let number = state.made;
        let at = self.mapping_with_room(state)?;
        // `mapping_with_room` found it there.
        let Some(mapping) = &mut state.mappings[at] else { unreachable!() };
        let place = mapping.make(&self.below, number)?;
        #[cfg(all(feature = "os", unix))]
        super::registry::note(mapping);
        state.made += 1;
        Ok(place)
    }

    /// A mapping that has room for another place: the last one, or a new one.
    fn mapping_with_room(&self, state: &mut State) -> Result<usize, StackError> {
        let count = state.mappings().count();
        if let Some(last) = state.mappings().last()
            && last.made < last.room
        {
            return Ok(count - 1);
        }
        let shape = Shape::of(&self.config, self.below.source.page_bytes())?;
        if count == state.mappings.len() {
            return Err(StackError::Addresses { bytes: shape.stride_bytes() });
        }
        let most = (RESERVATION_BYTES / shape.stride_bytes()).max(1);
        let wished = most.min(self.config.limit_stacks - state.made);
        state.mappings[count] = Some(Places::reserve(&self.below, shape, wished)?);
        Ok(count)
    }

    /// Makes the guard of a place that is away: one that splits no mapping, or else one that does. Whether it does.
    fn guard(&self, place: Place) -> Option<bool> {
        let guard_bytes = self.guard_bytes();
        // SAFETY: a place begins with its guard, which is followed by the stack (`Places::make`).
        let base = unsafe { place.low.sub(guard_bytes) };
        // SAFETY: committed pages of a mapping, and nobody else's while the place is away (R1).
        if unsafe { self.below.guard_within(base, guard_bytes) }.is_ok() {
            return Some(false);
        }
        // SAFETY: as above.
        unsafe { self.below.guard(base, guard_bytes) }.is_ok().then_some(true)
    }

    /// What a guard takes, of a pool that has stacks.
    pub(super) fn guard_bytes(&self) -> usize {
        Shape::of(&self.config, self.below.source.page_bytes()).map_or(0, |shape| shape.guard_bytes)
    }

    /// What a stack's pages take.
    pub(super) fn span_bytes(&self) -> usize {
        Shape::of(&self.config, self.below.source.page_bytes()).map_or(0, |shape| shape.span_bytes)
    }
}
