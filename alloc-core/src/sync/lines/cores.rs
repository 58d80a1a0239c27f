//! Threads that stand for cores. One runs at a time; which, a clock for each decides.
//!
//! Above: the shim's types, and the workloads. Below: `directory`.
//!
//! Rules:
//! * R1: only the thread of the core `turn` runs; the others wait for it on their own `Condvar`.
//! * R2: before an access that is no hit, the core with the lowest clock gets the turn. So such
//!   accesses happen in the order of the clocks. Through hits a core may run ahead by [`AHEAD_STEPS`].
//! * R3: what happens is decided by the seed and the workload alone.

use super::directory::{Directory, Found, TRANSFER_STEPS};
use super::figures::Figures;
use super::{Access, LockEvent};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::vec::Vec;

/// The most cores of a simulation.
pub const MAX_CORES: usize = 128;

/// By how many steps a core may run ahead of the others while it needs nothing of theirs.
const AHEAD_STEPS: u64 = 200;

/// What a look at something that another core has to change costs.
const LOOK_STEPS: u64 = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    /// Waits until all others that run have come to the same point.
    Meets,
    Ended,
}

struct Machine {
    turn: usize,
    clocks: Vec<u64>,
    states: Vec<State>,
    directory: Directory,
    figures: Figures,
    counting: bool,
    /// Clocks at the begin and at the end of the count.
    began: u64,
    ended: Option<u64>,
    random: u64,
    /// By the address of the lock's word: its name; since when it is held; who has waited since when.
    locks: HashMap<usize, Held>,
    waits: Vec<Option<u64>>,
}

struct Held {
    name: &'static str,
    since: u64,
}

static MACHINE: Mutex<Option<Machine>> = Mutex::new(None);
static TURNS: [Condvar; MAX_CORES] = [const { Condvar::new() }; MAX_CORES];
/// Two simulations cannot run at once.
static ONE: Mutex<()> = Mutex::new(());

thread_local! {
    /// The core that this thread stands for. Without a destructor: it serves those of other values.
    static CORE: Cell<Option<usize>> = const { Cell::new(None) };
}

type Guard = MutexGuard<'static, Option<Machine>>;

fn machine() -> Guard {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `act` on the machine, if this thread stands for a core.
fn on_core<R>(act: impl FnOnce(&mut Machine, usize) -> R) -> Option<R> {
    let core = CORE.get()?;
    machine().as_mut().map(|machine| act(machine, core))
}

impl Machine {
    fn new(cores: usize, seed: u64) -> Self {
        Self {
            turn: 0,
            clocks: (0..cores as u64).collect(),
            states: vec![State::Runs; cores],
            directory: Directory::default(),
            figures: Figures::default(),
            counting: false,
            began: 0,
            ended: None,
            random: seed | 1,
            locks: HashMap::new(),
            waits: vec![None; cores],
        }
    }

    /// The core that runs and is furthest behind.
    fn slowest(&self) -> Option<usize> {
        let running = (0..self.clocks.len()).filter(|&core| self.states[core] == State::Runs);
        running.min_by_key(|&core| self.clocks[core])
    }

    /// A few steps more or less, so that cores do not march in step.
    fn jitter(&mut self) -> u64 {
        self.random =
            self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.random >> 33) % 8
    }

    fn access(&mut self, core: usize, line: usize, access: Access, who: &'static str) {
        let now = self.clocks[core];
        let (found, mut over) = self.directory.access(core, line, access, now);
        if found != Found::Hit {
            over += self.jitter();
        }
        self.clocks[core] = over;
        if self.counting {
            let own_steps = if found == Found::Transfer { TRANSFER_STEPS + 8 } else { u64::MAX };
            self.figures.count(who, found, (over - now).saturating_sub(own_steps));
        }
    }

    /// If all that run have met: they go on, from the same moment.
    fn go_on(&mut self) {
        if self.states.contains(&State::Runs) || !self.states.contains(&State::Meets) {
            return;
        }
        let latest = self.clocks.iter().copied().max().unwrap_or(0);
        for (core, state) in self.states.iter_mut().enumerate() {
            if *state == State::Meets {
                *state = State::Runs;
                self.clocks[core] = latest + core as u64;
            }
        }
    }
}

/// Gives the turn away (R1): to the slowest core, if that is another one. Comes back with the turn.
fn hand_on(mut guard: Guard, core: usize) -> Guard {
    let Some(machine) = guard.as_mut() else { return guard };
    let Some(next) = machine.slowest() else { return guard };
    if next == core {
        return guard;
    }
    machine.turn = next;
    TURNS[next].notify_one();
    wait_for_turn(guard, core)
}

fn wait_for_turn(guard: Guard, core: usize) -> Guard {
    let others = |machine: &mut Option<Machine>| machine.as_ref().is_some_and(|m| m.turn != core);
    TURNS[core].wait_while(guard, others).unwrap_or_else(PoisonError::into_inner)
}

/// An access, before it is done. `who` is its file or type.
pub(super) fn seen((start, bytes): (usize, usize), access: Access, who: &'static str) {
    let Some(core) = CORE.get() else { return };
    let mut guard = machine();
    let Some(machine) = guard.as_ref() else { return };
    let access = machine.directory.kind(start, access);
    let who = machine.locks.get(&start).map_or(who, |held| held.name);
    for line in Directory::lines(start, bytes) {
        let Some(machine) = guard.as_ref() else { return };
        let ahead = match machine.directory.look(core, line, access) {
            Found::Hit => AHEAD_STEPS,
            _ => 0,
        };
        let slowest = machine.slowest().map_or(0, |core| machine.clocks[core]);
        if machine.clocks[core] > slowest + ahead {
            guard = hand_on(guard, core);
        }
        if let Some(machine) = guard.as_mut() {
            machine.access(core, line, access, who);
        }
    }
}

/// The workload itself reads or writes memory, under the name `who`.
pub fn touch(start: *const u8, bytes: usize, access: Access, who: &'static str) {
    seen((start.addr(), bytes), access, who);
}

/// The core is busy with something else.
pub fn work(steps: u64) {
    on_core(|machine, core| machine.clocks[core] += steps);
}

/// The core waits for some steps. `false` where this thread stands for none.
pub(super) fn pause(steps: u64) -> bool {
    let Some(core) = CORE.get() else { return false };
    work(steps);
    drop(hand_on(machine(), core));
    true
}

/// Waits until `condition` holds, which another core has to bring about.
///
/// # Panics
///
/// If this thread stands for no core.
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        assert!(pause(LOOK_STEPS), "only a core can wait for another");
    }
}

/// What a lock at this address tells of itself. Its word has the name `name` from now on.
pub(in super::super) fn note_lock(word: &super::AtomicBool, name: &'static str, event: LockEvent) {
    on_core(|machine, core| {
        let now = machine.clocks[core];
        let word = core::ptr::from_ref(word).addr();
        let held = machine.locks.entry(word).or_insert(Held { name, since: now });
        match event {
            LockEvent::Tries => held.name = name,
            LockEvent::Waits => machine.waits[core] = Some(now),
            LockEvent::Taken => held.since = now,
            LockEvent::Freed => {}
        }
        let since = held.since;
        let waited = (event == LockEvent::Taken).then(|| machine.waits[core].take()).flatten();
        if machine.counting {
            let figures = machine.figures.lock(name);
            match event {
                LockEvent::Taken => {
                    figures.taken += 1;
                    figures.contended += u64::from(waited.is_some());
                    figures.waited_steps += waited.map_or(0, |since| now.saturating_sub(since));
                }
                LockEvent::Freed => figures.held_steps += now.saturating_sub(since),
                LockEvent::Tries | LockEvent::Waits => {}
            }
        }
    });
}

/// Waits until all cores have come here, or ended.
pub fn meet() {
    let Some(core) = CORE.get() else { return };
    let mut guard = machine();
    if let Some(machine) = guard.as_mut() {
        machine.states[core] = State::Meets;
        machine.go_on();
    }
    drop(hand_on(guard, core));
}

/// All cores meet, and the count begins.
pub fn count_from_now() {
    meet();
    on_core(|machine, core| {
        if !machine.counting && machine.ended.is_none() {
            machine.counting = true;
            machine.began = machine.clocks[core];
        }
    });
}

/// All cores meet, and the count ends, where it would go on to the end of their lives.
pub fn count_until_now() {
    meet();
    on_core(|machine, core| {
        if machine.counting {
            machine.counting = false;
            machine.ended = Some(machine.clocks[core]);
        }
    });
}

/// The workload has done so many operations. Ignored before the count begins.
pub fn done(operations: u64) {
    on_core(|machine, _| {
        if machine.counting {
            machine.figures.operations += operations;
        }
    });
}

/// Runs `life` in a new thread that stands for this thread's core, and waits for its end, with all its
/// destructors.
///
/// # Panics
///
/// If `life` does.
pub fn replace_thread(life: impl FnOnce() + Send) {
    let core = CORE.get();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            CORE.set(core);
            life();
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// Simulates `cores` cores, each of which runs `life` with its number, and counts from
/// [`count_from_now`] to the end. Cells between the addresses of `only_read` count as read in any case.
///
/// # Panics
///
/// If there are more than [`MAX_CORES`], or `life` panics.
pub fn simulate(
    cores: usize,
    seed: u64,
    only_read: &[core::ops::Range<usize>],
    life: impl Fn(usize) + Sync,
) -> Figures {
    assert!((1..=MAX_CORES).contains(&cores), "1 to {MAX_CORES} cores");
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fresh = Machine::new(cores, seed);
    only_read.iter().for_each(|range| fresh.directory.only_read(range.start, range.end));
    *machine() = Some(fresh);
    let life = &life;
    thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || {
                drop(wait_for_turn(machine(), core));
                CORE.set(Some(core));
                let _end = End(core);
                replace_thread(|| life(core));
            });
        }
    });
    let Some(machine) = machine().take() else { return Figures::default() };
    let last = machine.ended.or_else(|| machine.clocks.iter().copied().max()).unwrap_or(0);
    Figures { steps: last.saturating_sub(machine.began), ..machine.figures }
}

/// Ends a core, also when its life panicked, so that the others come to their end.
struct End(usize);

impl Drop for End {
    fn drop(&mut self) {
        CORE.set(None);
        let mut guard = machine();
        let Some(machine) = guard.as_mut() else { return };
        machine.states[self.0] = State::Ended;
        machine.go_on();
        if let Some(next) = machine.slowest() {
            machine.turn = next;
            TURNS[next].notify_one();
        }
    }
}
