//! Step 2: each task has a bump of its own, works in frames of it, and defers what has to be done at their end.
//!
//! What a frame holds is gone when it ends, by a return or by a panic: there is nothing to free. A call that is deferred
//! lies in the frame, too, and runs just before that, the last one first. Meanwhile the task waits and
//! changes threads as it likes: its bump goes with it, and only the chunks are from the thread's cache.

use alloc_arena::Bump;
use benches::goroutines::{Channel, Group, TASKS, go, yield_now};
use std::panic::resume_unwind;

/// What a task may find on its way.
const ERRANDS: [(&str, bool); 4] =
    [("bread", true), ("milk", true), ("a unicorn", false), ("stamps", true)];

/// Sends everyone out; the diary of the day.
pub fn run() -> Vec<String> {
    let (diary, group) = (Channel::new(64), Group::new());
    for (what, is_there) in ERRANDS {
        let (diary, member) = (diary.clone(), group.member());
        go(move || {
            // Done at the end of this task, also by a panic.
            let _member = member;
            errand(what, is_there, &diary);
        });
    }
    group.wait();
    diary.close();
    let mut lines: Vec<_> = std::iter::from_fn(|| diary.receive()).collect();
    // They came as the tasks happened to run; each one's own stay in order.
    lines.sort_by_key(|line| ERRANDS.iter().position(|(what, _)| line.contains(what)));
    lines
}

fn errand(what: &str, is_there: bool, diary: &Channel<String>) {
    let note = |text: &str| {
        let _ = diary.send(format!("  {what}: {text}"));
    };
    let mut bump = Bump::new(&TASKS).with_chunk_bytes(512, 4096);
    bump.frame(|day| {
        note("goes out");
        // The diary has room for all, so that this does not wait, which a task that panics must not.
        day.defer(|| note("is at home again"));
        let list = day.alloc_str(what);
        day.frame(|shop| {
            shop.defer(|| note("leaves the shop"));
            yield_now(); // there is a queue
            let basket = shop.alloc_slice_copy(list.as_bytes());
            if !is_there {
                // Without the message of `panic!`, which everybody knows.
                resume_unwind(Box::new("sold out"));
            }
            yield_now();
            note(&format!("has {}", String::from_utf8_lossy(basket)));
        });
    });
}
