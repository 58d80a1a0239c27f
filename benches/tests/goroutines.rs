//! Tasks on few threads: all run, channels keep the order, panics stay where they are, and everything comes back.

use alloc_core::Layer;
use alloc_core::api2::boxed::Box as TaskBox;
use alloc_core::report::Tree;
use benches::goroutines::programs::{self, Variant};
use benches::goroutines::{
    Channel, Closed, Figures, Group, STACKS, Stopped, TASKS, go, run, spawn, yield_now,
};
use std::sync::{Mutex, PoisonError};

/// One at a time: they count the stacks that are in use.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a task and all that it starts, after which no stack and no memory of a task is in use.
fn on<R: Send + 'static>(
    workers: usize,
    first: impl FnOnce() -> R + Send + 'static,
) -> (R, Figures) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = STACKS.figures().live_stacks;
    // SAFETY: the tests keep channels, groups, numbers and boxes of `TASKS` over a suspension.
    let (answer, figures) = unsafe { run(workers, first) }.unwrap();
    assert_eq!(figures.begun, figures.ended);
    assert_eq!(STACKS.figures().live_stacks, before);
    STACKS.verify().unwrap();
    TASKS.verify().unwrap();
    TASKS.reclaim(usize::MAX);
    let used = Tree::of(&TASKS).figure("SizeClassHeap", "slots in use (caches included)");
    assert_eq!(used, Some(0));
    (answer, figures)
}

#[test]
fn all_tasks_run_and_tasks_start_tasks() {
    for workers in [1, 2, 4] {
        let (sum, figures) = on(workers, || {
            let sums = Channel::new(8);
            for number in 0..100u64 {
                let sums = sums.clone();
                go(move || {
                    for inner in 0..10 {
                        let sums = sums.clone();
                        go(move || sums.send(number * 10 + inner).unwrap());
                    }
                });
            }
            (0..1000).map(|_| sums.receive().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, 999 * 1000 / 2);
        assert_eq!((figures.begun, figures.panics), (1101, 0));
    }
}

#[test]
fn a_channel_keeps_the_order_and_what_is_in_it_when_it_is_closed() {
    for room in [0, 1, 7] {
        let (received, _) = on(2, move || {
            let channel = Channel::new(room);
            let sender = channel.clone();
            go(move || {
                (0..500).for_each(|number| sender.send(number).unwrap());
                sender.close();
                assert_eq!(sender.send(7), Err(Closed(7)));
            });
            std::iter::from_fn(|| channel.receive()).collect::<Vec<_>>()
        });
        assert_eq!(received, (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn who_waits_goes_on_when_the_channel_is_closed() {
    let ((senders, receivers), _) = on(2, || {
        let full = Channel::new(1);
        full.send(0).unwrap();
        let empty = Channel::<u64>::new(0);
        let waiting: Vec<_> = (1..=20)
            .map(|number| {
                let (full, empty) = (full.clone(), empty.clone());
                (spawn(move || full.send(number)), spawn(move || empty.receive()))
            })
            .collect();
        (0..100).for_each(|_| yield_now());
        full.close();
        empty.close();
        let outcomes = waiting.into_iter().map(|(send, receive)| {
            (send.join().unwrap().is_err_and(|Closed(number)| number > 0), receive.join().unwrap())
        });
        let (senders, receivers): (Vec<_>, Vec<_>) = outcomes.unzip();
        assert_eq!((full.receive(), full.receive()), (Some(0), None));
        (senders, receivers)
    });
    assert_eq!(senders, [true; 20]);
    assert_eq!(receivers, [None; 20]);
}

#[test]
fn a_panic_ends_its_task_alone() {
    let ((joined, others), figures) = on(2, || {
        let group = Group::new();
        for number in 0..50 {
            let member = group.member();
            go(move || {
                let _member = member;
                // Without a word on the standard error output.
                assert!(number % 2 == 0 || std::panic::resume_unwind(Box::new(number)));
            });
        }
        group.wait();
        let joined = spawn(|| -> u64 { std::panic::resume_unwind(Box::new("why")) }).join();
        (joined.unwrap_err().downcast_ref::<&str>().copied(), spawn(|| 3).join().unwrap())
    });
    assert_eq!((joined, others, figures.panics), (Some("why"), 3, 25));
}

#[test]
fn tasks_move_between_workers_with_their_memory() {
    let (moved, figures) = on(2, || {
        let group = Group::new();
        for number in 0..2000u64 {
            let member = group.member();
            go(move || {
                let _member = member;
                for turn in 0..20 {
                    let kept = TaskBox::new_in([number + turn; 6], &TASKS);
                    yield_now();
                    let next = TaskBox::new_in(number, &TASKS);
                    assert_eq!((*kept, *next), ([number + turn; 6], number));
                    drop(kept);
                    yield_now();
                    assert_eq!(*next, number);
                }
            });
        }
        group.wait();
    });
    assert_eq!(moved, ());
    assert_eq!(figures.panics, 0);
    assert!(figures.moves > 0 && figures.steals > 0, "{figures:?}");
}

#[test]
fn programs_give_the_answers_of_the_others() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for variant in [Variant::Nothing, Variant::Cache, Variant::Bump] {
        assert_eq!(programs::storm(2, 500, 3, variant).unwrap().answer, 1500);
        let live = programs::live(2, 2000, variant).unwrap();
        assert_eq!(live.figures.ended, 2001);
    }
    assert_eq!(programs::ping_pong(2, 3, 100).unwrap().answer, 300);
}

#[test]
fn a_deadlock_is_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: it keeps a channel.
    let stopped = unsafe { run(2, || Channel::<()>::new(0).receive()) };
    assert!(matches!(stopped, Err(Stopped::Deadlock { tasks: 1 })), "{stopped:?}");
}
