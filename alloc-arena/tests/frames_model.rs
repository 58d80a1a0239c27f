//! Frames against a model: trees of frames that allocate, grow vectors, defer calls, cancel them, panic, and run out of
//! memory. What lies in an open frame is intact after each step; each deferred call is made once, in its turn.

use alloc_arena::{Bump, Frame, Lifo, Stack};
use alloc_core::api2::alloc::Global;
use alloc_core::{Failing, Layer, Observe, Schedule};
use proptest::prelude::*;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[derive(Clone, Debug)]
enum Step {
    Value(u64),
    Slice(usize, u8),
    Vector(usize, usize),
    Text(usize),
    Defer,
    DeferPanic,
    Cancel(usize),
    Panic,
    Inner(Vec<Step>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => any::<u64>().prop_map(Step::Value),
        4 => (0..300_usize, any::<u8>()).prop_map(|(len, byte)| Step::Slice(len, byte)),
        1 => (1000..9000_usize, any::<u8>()).prop_map(|(len, byte)| Step::Slice(len, byte)),
        3 => (0..200_usize, 0..200_usize).prop_map(|(len, kept)| Step::Vector(len, kept)),
        2 => (0..90_usize).prop_map(Step::Text),
        5 => Just(Step::Defer),
        1 => Just(Step::DeferPanic),
        2 => (0..8_usize).prop_map(Step::Cancel),
        1 => Just(Step::Panic),
    ];
    let inner = step.prop_recursive(6, 120, 12, |step| {
        prop_oneof![3 => step.clone(), 2 => prop::collection::vec(step, 0..12).prop_map(Step::Inner)]
    });
    prop::collection::vec(inner, 0..24)
}

/// What was called, and what should have been; and the number of the next call.
#[derive(Default)]
struct Log {
    called: RefCell<Vec<u32>>,
    expected: RefCell<Vec<u32>>,
    calls: RefCell<u32>,
}

impl Log {
    fn next(&self) -> u32 {
        *self.calls.borrow_mut() += 1;
        *self.calls.borrow()
    }
}

/// Values that lie in a frame.
enum Held<'f> {
    Value(&'f mut u64, u64),
    Slice(&'f mut [u8], u8),
    Numbers(&'f mut [u16]),
    Text(&'f mut str, usize),
}

impl Held<'_> {
    fn check(&self) {
        match self {
            Held::Value(place, value) => assert_eq!(**place, *value),
            Held::Slice(place, byte) => assert!(place.iter().all(|at| at == byte)),
            Held::Numbers(place) => assert!(place.iter().copied().eq(0..place.len() as u16)),
            Held::Text(place, width) => assert_eq!(**place, *format!("{:width$}", 7)),
        }
    }
}

type Cancel<'f> = Box<dyn FnOnce() -> bool + 'f>;

/// Plays the steps of one frame. Calls that are left go to the expected log when the frame ends, which is its caller's to
/// do: so they are returned, or carried by the panic.
fn play<'f, L: Lifo>(
    frame: &mut Frame<'f, '_, L>,
    steps: &[Step],
    log: &'f Log,
    left: &RefCell<Vec<u32>>,
) {
    let mut held: Vec<Held<'f>> = Vec::new();
    let mut cancels: Vec<(u32, Cancel<'f>)> = Vec::new();
    for step in steps {
        match *step {
            Step::Value(value) => {
                held.extend(frame.try_alloc(value).map(|place| Held::Value(place, value)));
            }
            Step::Slice(len, byte) => {
                let slice = frame.try_alloc_slice_fill(len, &byte);
                held.extend(slice.map(|place| Held::Slice(place, byte)));
            }
            Step::Vector(len, kept) => {
                let mut numbers = frame.vec();
                if numbers.try_reserve(len.min(4)).is_ok() {
                    for n in 0..len as u16 {
                        if numbers.try_reserve(1).is_ok() {
                            numbers.push(n);
                        }
                    }
                    numbers.truncate(kept);
                }
                drop(numbers);
                let numbers =
                    frame.try_alloc_iter((0..len as u16).filter(|n| usize::from(*n) < kept));
                held.extend(numbers.map(Held::Numbers));
            }
            Step::Text(width) => {
                let text = frame.try_alloc_fmt(format_args!("{:width$}", 7));
                held.extend(text.map(|place| Held::Text(place, width)));
            }
            Step::Defer | Step::DeferPanic => {
                let (number, panics) = (log.next(), matches!(step, Step::DeferPanic));
                let call = move || {
                    log.called.borrow_mut().push(number);
                    if panics {
                        resume_unwind(Box::new(Planned));
                    }
                };
                if let Ok(deferred) = frame.try_defer(call) {
                    left.borrow_mut().push(number);
                    cancels.push((number, Box::new(move || deferred.cancel().is_some())));
                }
            }
            Step::Cancel(which) if which < cancels.len() => {
                let (number, cancel) = cancels.swap_remove(which);
                assert!(cancel());
                left.borrow_mut().retain(|waits| *waits != number);
            }
            Step::Cancel(_) => {}
            Step::Panic => resume_unwind(Box::new(Planned)),
            Step::Inner(ref steps) => {
                planned(|| within(log, |left| frame.frame(|inner| play(inner, steps, log, left))));
            }
        }
        held.iter().for_each(Held::check);
        frame.verify().unwrap();
    }
}

/// A panic that the steps ask for.
struct Planned;

/// Lets panics end here that the steps ask for; not those of a check.
fn planned(body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body))
        && !payload.is::<Planned>()
    {
        resume_unwind(payload);
    }
}

/// Runs a frame, and notes in which order its calls have to have been made.
fn within(log: &Log, frame: impl FnOnce(&RefCell<Vec<u32>>)) {
    struct Ended<'l>(&'l Log, RefCell<Vec<u32>>);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.expected.borrow_mut().extend(self.1.borrow().iter().rev());
        }
    }
    let ended = Ended(log, RefCell::default());
    frame(&ended.1);
}

fn check(log: &Log) {
    assert_eq!(log.called, log.expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn frames_of_a_stack(steps in steps(), capacity_bytes in 0..12_000_usize) {
        let log = Log::default();
        let mut stack = Stack::with_capacity_in(capacity_bytes, Global);
        planned(|| within(&log, |left| stack.frame(|frame| play(frame, &steps, &log, left))));
        check(&log);
        assert_eq!(stack.used_bytes(), 0);
    }

    #[test]
    fn frames_of_a_bump(steps in steps(), refusals: u64, most_log2 in 8..14_u32) {
        let log = Log::default();
        let below = Observe::new(Failing::new(Schedule::Bits(refusals & refusals.rotate_left(7)), Global));
        let mut bump = Bump::new(&below).with_chunk_bytes(256, 1 << most_log2);
        for _ in 0..2 {
            planned(|| within(&log, |left| bump.frame(|frame| play(frame, &steps, &log, left))));
            check(&log);
            assert_eq!(bump.allocated_bytes(), 0);
            assert_eq!(bump.chunk_bytes(), below.figures().live_bytes);
        }
        drop(bump);
        assert_eq!(below.figures().live_bytes, 0);
    }
}
