//! Discards parts of live allocations, and looks at what is left of them and of their neighbours.
//!
//! Above: `runner`, after the sequences. Below: `session`. It is a phase of its own because a discard
//! is no step of an allocation's life: it changes nothing but contents.

use super::failure::{Found, Promise, promised};
use super::model::{Name, Random};
use super::session::Session;
use crate::Layout;
use core::alloc::LayoutError;
use core::ops::Range;

/// The allocations of which parts are discarded: size and alignment.
const PARTLY_IDLE: [(usize, usize); 5] =
    [(10_000, 16), (64, 8), (1 << 16, 4096), (300_000, 64), (1, 1)];
const ROUNDS: usize = 12;

/// Discards parts of allocations of several sizes, side by side, then uses and frees them as ever.
pub(super) fn discard_parts(session: &mut Session<'_>) -> Result<(), Found> {
    if session.subject.layer().is_none() {
        return Ok(());
    }
    let layouts = PARTLY_IDLE.iter().map(|&(size, align)| {
        let align = align.min(session.rules.max_align_bytes);
        Layout::from_size_align(size.min(session.rules.max_bytes / 8), align)
    });
    let layouts: Result<Vec<Layout>, LayoutError> = layouts.collect();
    for layout in layouts.expect("the table's alignments are powers of two") {
        if session.affords(layout) && session.allocate(layout, false, false)? {
            discard_at_random(session)?;
        }
    }
    session.finish()
}

/// Discards parts of the youngest allocation; in the end its middle, before it grows if it may.
fn discard_at_random(session: &mut Session<'_>) -> Result<(), Found> {
    let at = session.live.len() - 1;
    let len = session.live[at].len;
    let mut random = Random::new(len as u64);
    for _ in 0..ROUNDS {
        let ends = [random.below(len + 1), random.below(len + 1)];
        discard(session, at, ends[0].min(ends[1])..ends[0].max(ends[1]))?;
    }
    session.check_all(Promise::Discards)?;
    session.verify()?;
    let old = session.live[at].layout;
    let grown = Layout::from_size_align(old.size() * 2, old.align());
    if let Ok(new) = grown
        && session.affords(new)
    {
        session.grow(at, old, new, false, false)?;
    }
    Ok(())
}

/// Each byte of the range is what it was, or zero; all others are what they were; and all take what is
/// written next.
fn discard(session: &mut Session<'_>, at: usize, range: Range<usize>) -> Result<(), Found> {
    let Some(layer) = session.subject.layer() else { return Ok(()) };
    let one = session.live[at];
    let Range { start, end } = range;
    // SAFETY: the range lies in the live slice, and the kit needs its contents no more.
    let given_bytes = unsafe { layer.discard(one.ptr.add(start), end - start) };
    let text = format!("discard({}, bytes {start} to {end}) gave {given_bytes} B", Name(one.id));
    session.steps.push(text);
    promised(given_bytes <= end - start, Promise::Discards, || {
        format!("{given_bytes} B were given back of {}", end - start)
    })?;
    let before = one.first_difference_in(0, start);
    let within = || one.first_neither(start, end);
    let found = before.or_else(within).or_else(|| one.first_difference_in(end, one.len));
    promised(found.is_none(), Promise::Discards, || {
        let place = found.unwrap_or_default();
        format!("byte {place} of {} is neither what it was nor discarded to zero", Name(one.id))
    })?;
    one.fill();
    one.check(one.len, Promise::Discards)
}
