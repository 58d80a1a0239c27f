//! Two threads, of which one allocates and the other frees.
//!
//! Above: the paths `remote`, and their bare loop. They take strict turns, so that what is counted
//! does not depend on how the two are scheduled.

use super::bare::HAND_OVER_SLOTS;
use std::sync::mpsc::sync_channel;

/// So many times: this thread makes a list of slots by `allocate`, and another passes each of
/// them to `free`.
#[inline(always)]
pub(super) fn hand_over(
    rounds: usize,
    mut allocate: impl FnMut() -> usize,
    mut free: impl FnMut(usize) + Send,
) {
    let (there, arrives) = sync_channel::<Vec<usize>>(1);
    let (back, returns) = sync_channel::<Vec<usize>>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for mut slots in arrives {
                slots.drain(..).for_each(&mut free);
                back.send(slots).expect("the other thread waits");
            }
        });
        let mut slots = Vec::with_capacity(HAND_OVER_SLOTS);
        for _ in 0..rounds {
            slots.extend((0..HAND_OVER_SLOTS).map(|_| allocate()));
            there.send(slots).expect("the other thread waits");
            slots = returns.recv().expect("the other thread sends them back");
        }
        drop(there);
    });
}
