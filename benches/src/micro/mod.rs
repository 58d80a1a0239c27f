//! Hot paths side by side: what a few operations cost on each allocator, all in one process.
//!
//! Above: the command `micro`, which interleaves them; the criterion benches, which take them one by one.
//! Below: `heap`, `stacks`, `peers`.
//!
//! In `pairs`, `batches`, `replace`, `growth`, `handover`, `larson`: the tasks, each of which says what it
//! measures. In `floor`: the least that any allocator could do. In `contestants`: who takes part. In
//! `rounds`: the measuring.
//!
//! Every task is written once, for any [`Heap`], and compiled for each: a layout that is known when this is
//! compiled is known to all, and no call goes through a table.

pub mod batches;
pub mod contestants;
pub mod floor;
pub mod growth;
pub mod handover;
pub mod larson;
pub mod pairs;
pub mod replace;
pub mod rounds;

use crate::heap::Heap;
use contestants::Contestant;
use floor::Floor;
use std::time::Duration;

/// Something to do on an allocator.
pub trait Task {
    /// What a step does: operations that are counted one by one.
    const OPERATIONS: u64;

    /// The group that it belongs to: a word for the command line.
    const GROUP: &'static str;

    /// What it is called in tables.
    fn name() -> String;

    /// Does `steps` steps, and says how long they took. What stands before and after them is not
    /// in the time.
    fn run<H: Heap>(heap: &H, steps: u64) -> Duration;

    /// How long it takes on the floor; `None` where there is no telling what the least is.
    fn floor(steps: u64) -> Option<Duration> {
        Some(Self::run(&Floor, steps))
    }
}

/// A task as a value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// [`Task::name`].
    pub name: String,
    /// [`Task::GROUP`].
    pub group: &'static str,
    /// [`Task::OPERATIONS`].
    pub operations: u64,
    /// [`Task::floor`].
    pub floor: fn(u64) -> Option<Duration>,
}

/// [`Task::run`] on one allocator.
pub type Run = fn(u64) -> Duration;

/// Lists the tasks: as values, and as functions for one allocator, in the same order.
macro_rules! tasks {
    ($($task:ty),* $(,)?) => {
        /// All tasks, in the order of tables.
        #[must_use]
        pub fn tasks() -> Vec<Entry> {
            vec![$(Entry {
                name: <$task>::name(),
                group: <$task>::GROUP,
                operations: <$task>::OPERATIONS,
                floor: <$task>::floor,
            }),*]
        }

        /// How many tasks there are.
        pub const TASKS: usize = [$(stringify!($task)),*].len();

        /// All tasks on an allocator.
        const fn runs<C: Contestant>() -> [Run; TASKS] {
            [$(|steps| <$task>::run(&C::heap(), steps)),*]
        }
    };
}

tasks! {
    pairs::Pair<16>,
    pairs::Pair<64>,
    pairs::Pair<256>,
    pairs::Pair<1024>,
    pairs::Pair<4096>,
    pairs::Pair<32_768>,
    pairs::Pair<262_144>,
    pairs::Pair<1_048_576>,
    batches::Batch<{ batches::FIFO }, false>,
    batches::Batch<{ batches::LIFO }, false>,
    batches::Batch<{ batches::SHUFFLED }, false>,
    batches::Batch<{ batches::FIFO }, true>,
    batches::Batch<{ batches::LIFO }, true>,
    batches::Batch<{ batches::SHUFFLED }, true>,
    replace::Replace,
    growth::Growth<65_536>,
    growth::Growth<1_048_576>,
    growth::Growth<67_108_864>,
    handover::Handover<64>,
    handover::Handover<4096>,
    larson::Larson,
}

/// A size as the names of tasks have it.
fn size(bytes: usize) -> String {
    crate::units::bytes(bytes as u64)
}
