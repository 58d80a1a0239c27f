//! Long lifetimes, mixed with short ones: how memory fragments in a server that runs on and on.
//!
//! Above: the table of workloads. Below: `stage`. In `parts`: what the server is made of.
//!
//! Four threads each keep sessions, a cache, strings that grow, objects that stay, and now and then use a
//! large buffer. Each of these has a budget of bytes. Phases change what values in the cache weigh, and
//! how large the budgets are: every object of a phase meets the holes that those before it have left.

mod parts;

use super::Scale;
use super::random::Random;
use super::stage::Stage;
use super::steps::{RECLAIMED_NAME, touch_stack};
use alloc_core::sync::{AtomicBool, Ordering};
use parts::{Exchange, Server};
use std::sync::Barrier;
use std::time::Duration;

const THREADS: usize = 4;

/// What all threads keep at a budget of 100 %.
const LIVE_BYTES: usize = 160 << 20;

/// Steps of all threads for each second of the scale.
const STEPS_PER_SECOND: usize = 600_000;

/// What a step allocates, roughly.
const BYTES_PER_STEP: u64 = 1500;

/// How often memory is looked at, while the threads run.
const SAMPLE_PAUSE: Duration = Duration::from_millis(100);

/// A time in which the load keeps its character.
struct Phase {
    name: &'static str,
    /// What half of the values in the cache are below.
    value_bytes: usize,
    /// How long strings may grow.
    string_bytes: usize,
    /// The part of the budget that is used.
    percent: usize,
}

/// The load of a day, so to say.
#[rustfmt::skip]
const PHASES: [Phase; 12] = [
    Phase { name: "1 counters",  value_bytes: 48,    string_bytes: 4 << 10,   percent: 100 },
    Phase { name: "2 records",   value_bytes: 700,   string_bytes: 16 << 10,  percent: 100 },
    Phase { name: "3 night",     value_bytes: 700,   string_bytes: 16 << 10,  percent: 50 },
    Phase { name: "4 pages",     value_bytes: 6000,  string_bytes: 256 << 10, percent: 100 },
    Phase { name: "5 tokens",    value_bytes: 130,   string_bytes: 2 << 10,   percent: 100 },
    Phase { name: "6 night",     value_bytes: 130,   string_bytes: 2 << 10,   percent: 40 },
    Phase { name: "7 documents", value_bytes: 2000,  string_bytes: 64 << 10,  percent: 100 },
    Phase { name: "8 counters",  value_bytes: 48,    string_bytes: 8 << 10,   percent: 90 },
    Phase { name: "9 images",    value_bytes: 24000, string_bytes: 128 << 10, percent: 100 },
    Phase { name: "10 night",    value_bytes: 1000,  string_bytes: 32 << 10,  percent: 50 },
    Phase { name: "11 records",  value_bytes: 400,   string_bytes: 16 << 10,  percent: 100 },
    Phase { name: "12 messages", value_bytes: 250,   string_bytes: 16 << 10,  percent: 100 },
];

/// What is allocated in all, roughly.
pub fn asked_bytes(scale: &Scale) -> u64 {
    (steps_of_phase(scale) * PHASES.len()) as u64 * BYTES_PER_STEP
}

/// Steps of all threads in one phase: the work shrinks with the memory.
fn steps_of_phase(scale: &Scale) -> usize {
    scale.of(STEPS_PER_SECOND * scale.seconds as usize) / PHASES.len()
}

/// The workload.
pub fn lifetimes(stage: &Stage) {
    let budget_bytes = stage.scale.of(LIVE_BYTES) / THREADS;
    let steps = steps_of_phase(&stage.scale) / THREADS;
    let exchange = &Exchange::new();
    let gate = &Barrier::new(THREADS + 1);
    let mut servers: Vec<Server> = (0..THREADS).map(|_| Server::new(budget_bytes)).collect();
    let shared: Vec<_> = servers.iter_mut().map(std::sync::Mutex::new).collect();
    let shared = &shared;
    let of = |lane: usize| shared[lane].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let of = &of;
    std::thread::scope(|scope| {
        for lane in 0..THREADS {
            scope.spawn(move || {
                touch_stack(lane);
                gate.wait();
                let (mut hands, mut random) = (stage.hands(lane), Random::new(lane as u64 + 1));
                for phase in &PHASES {
                    gate.wait();
                    of(lane).serve(phase, steps, &mut hands, &mut random, exchange);
                    gate.wait();
                }
                gate.wait();
                stage.reclaim();
                gate.wait();
            });
        }
        gate.wait();
        stage.begin();
        let read = |at| {
            let servers: Vec<_> = (0..THREADS).map(of).collect();
            let exchanged = exchange.lock();
            stage.read(at, servers.iter().flat_map(|s| s.objects()).chain(exchanged.iter()));
        };
        for phase in &PHASES {
            watched(stage, gate);
            read(phase.name);
        }
        gate.wait();
        gate.wait();
        stage.reclaim();
        read(RECLAIMED_NAME);
    });
    let mut hands = stage.leader();
    for lane in 0..THREADS {
        of(lane).close(&mut hands);
    }
    exchange.lock().drain(..).for_each(|object| hands.free(object));
}

/// Lets the threads work, and looks at memory until they are done.
fn watched(stage: &Stage, gate: &Barrier) {
    let done = Barrier::new(2);
    let over = AtomicBool::new(false);
    gate.wait();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // ORDERING: Relaxed, as below: only tells when to stop.
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(SAMPLE_PAUSE);
                stage.sample();
            }
            done.wait();
        });
        gate.wait();
        over.store(true, Ordering::Relaxed);
        done.wait();
    });
}
