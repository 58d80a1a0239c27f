//! A peak of memory that is freed: how much of it goes back, and when.
//!
//! Above: the table of workloads. Below: `steps`.
//!
//! | workload | what stays | what could go back |
//! |---|---|---|
//! | before | 5 %, allocated before the peak | nearly all that the peak took |
//! | scattered | 5 %, any | only pages on which nothing stays: see *pinned* |
//! | at exit | the youngest 5 % | what lies below them; the threads are gone |

use super::object::{Hands, Object};
use super::random::Random;
use super::stage::Stage;
use super::steps::{IDLE_NAME, Lanes, RECLAIMED_NAME, idle, together};

/// The memory of the peak.
pub const PEAK_BYTES: u64 = 256 << 20;

const THREADS: usize = 4;

/// One object in so many stays, or one byte.
const STAYS: usize = 20;

/// Room for the objects of a lane, which have some 600 bytes each.
const LEAST_MEAN_BYTES: usize = 300;

/// Objects that a thread with little to do allocates and frees at a time, and how often.
const LITTLE: usize = 50;
const TIMES: usize = 100;

/// The moments that are read.
const LOADED: &str = "loaded";
const FREED: &str = "freed";
const LITTLE_WORK: &str = "little work 1 s";

fn lanes(stage: &Stage) -> (Lanes, usize) {
    let share_bytes = stage.scale.of(PEAK_BYTES as usize) / THREADS;
    (Lanes::new(THREADS, share_bytes / LEAST_MEAN_BYTES), share_bytes)
}

fn load(hands: &mut Hands<'_>, random: &mut Random, bytes: usize, into: &mut Vec<Object>) {
    let mut left = bytes as isize;
    while left > 0 && into.len() < into.capacity() {
        let object = hands.make(random.mixed_bytes());
        left -= object.bytes() as isize;
        into.push(object);
    }
}

/// Frees all objects but the first `keep`, in any order.
fn free_beyond(keep: usize, hands: &mut Hands<'_>, random: &mut Random, from: &mut Vec<Object>) {
    random.shuffle(&mut from[keep..]);
    from.drain(keep..).for_each(|object| hands.free(object));
}

/// A second in which a little is allocated and freed.
fn little_work(hands: &mut Hands<'_>, random: &mut Random) {
    for _ in 0..TIMES {
        let some: Vec<Object> =
            (0..LITTLE).map(|_| hands.make(random.log_uniform(16, 1024))).collect();
        some.into_iter().for_each(|object| hands.free(object));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// See the table above.
pub fn before(stage: &Stage) {
    let (lanes, share_bytes) = lanes(stage);
    let stays = share_bytes / STAYS;
    let names = ["before", LOADED, FREED, IDLE_NAME, LITTLE_WORK, RECLAIMED_NAME];
    let kept = std::sync::Mutex::new([0; THREADS]);
    together(stage, &lanes, &names, false, &|lane, step, hands, objects| {
        let mut random = Random::new((lane * 100 + step) as u64);
        let kept = || kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match step {
            0 => {
                load(hands, &mut random, stays, objects);
                kept()[lane] = objects.len();
            }
            1 => load(hands, &mut random, share_bytes - stays, objects),
            2 => {
                let keep = kept()[lane];
                free_beyond(keep, hands, &mut random, objects);
            }
            _ => aftermath(stage, step - 3, hands, &mut random),
        }
    });
    clear(stage, &lanes);
}

/// See the table above.
pub fn scattered(stage: &Stage) {
    let (lanes, share_bytes) = lanes(stage);
    let names = [LOADED, FREED, IDLE_NAME, LITTLE_WORK, RECLAIMED_NAME];
    together(stage, &lanes, &names, false, &|lane, step, hands, objects| {
        let mut random = Random::new((lane * 100 + step) as u64);
        match step {
            0 => load(hands, &mut random, share_bytes, objects),
            1 => {
                random.shuffle(objects);
                free_beyond(objects.len() / STAYS, hands, &mut random, objects);
            }
            _ => aftermath(stage, step - 2, hands, &mut random),
        }
    });
    clear(stage, &lanes);
}

/// See the table above.
pub fn at_exit(stage: &Stage) {
    let (lanes, share_bytes) = lanes(stage);
    together(stage, &lanes, &[LOADED, FREED], true, &|lane, step, hands, objects| {
        let mut random = Random::new((lane * 100 + step) as u64);
        if step == 0 {
            return load(hands, &mut random, share_bytes, objects);
        }
        let mut young_bytes = 0;
        let stays = |object: &&Object| {
            young_bytes += object.bytes();
            young_bytes <= share_bytes / STAYS
        };
        let keep = objects.iter().rev().take_while(stays).count();
        objects.reverse();
        free_beyond(keep, hands, &mut random, objects);
    });
    for (step, name) in [IDLE_NAME, LITTLE_WORK, RECLAIMED_NAME].into_iter().enumerate() {
        aftermath(stage, step, &mut stage.leader(), &mut Random::new(step as u64));
        lanes.read(stage, name);
    }
    clear(stage, &lanes);
}

/// What follows the peak: a second without work, a second with little, a call to give back.
fn aftermath(stage: &Stage, step: usize, hands: &mut Hands<'_>, random: &mut Random) {
    match step {
        0 => idle(),
        1 => little_work(hands, random),
        _ => stage.reclaim(),
    }
}

/// Frees what is left, so that its contents are checked.
fn clear(stage: &Stage, lanes: &Lanes) {
    let mut hands = stage.leader();
    for lane in 0..lanes.count() {
        lanes.of(lane).drain(..).for_each(|object| hands.free(object));
    }
}
