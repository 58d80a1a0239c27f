//! What a pool of stacks does when its source fails, or has no more; limits; forks; and a hundred thousand live stacks.

#[path = "common/watched_os.rs"]
mod watched_os;

use alloc_arena::{Call, Failures, Fixed, Os, PooledStack, Scheduled, StackError, StackPool};
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use watched_os::WatchedOs;

const PAGE: usize = 4 << 10;

type Pool = StackPool<Scheduled<Os>>;

/// Makes every kind of call that pools make, and checks the pool after each step. How often a stack was refused.
fn play(pool: &Pool) -> usize {
    let mut refused = 0;
    let mut live = Vec::new();
    for round in 0..3 {
        for step in 0..24_u8 {
            match pool.take() {
                Ok(stack) => {
                    fill(&stack, step);
                    live.push((stack, step));
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
            if step % 4 == round {
                live.truncate(live.len() / 2);
            }
            check(pool, &live);
        }
        live.clear();
        pool.verify().unwrap();
        pool.reclaim(if round == 0 { 1 } else { usize::MAX });
        check(pool, &live);
    }
    refused
}

fn fill(stack: &PooledStack<&Pool>, byte: u8) {
    let bytes = stack.usable();
    // SAFETY: the stack is the test's, and nothing runs on it.
    unsafe { bytes.cast::<u8>().write_bytes(byte, bytes.len()) };
}

fn check(pool: &Pool, live: &[(PooledStack<&Pool>, u8)]) {
    pool.verify().unwrap();
    for (stack, byte) in live {
        // SAFETY: the stack is the test's, and nothing runs on it.
        assert!(unsafe { stack.usable().as_ref() }.iter().step_by(61).all(|at| at == byte));
        assert!(guard_is_there(stack));
    }
    assert_eq!(pool.figures().live_stacks, live.len());
}

/// Whether the kernel cannot read the pages below a stack, either end of them.
fn guard_is_there(stack: &PooledStack<&Pool>) -> bool {
    let low = stack.usable().cast::<u8>().as_ptr();
    [1, stack.guard_bytes()].iter().all(|&below| !readable(low.wrapping_sub(below)))
}

/// Asks the kernel to read a byte.
fn readable(address: *const u8) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: writing to a pipe reads one byte, or fails with EFAULT.
    unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let written = libc::write(pipe[1], address.cast(), 1);
        pipe.iter().for_each(|&end| assert_eq!(libc::close(end), 0));
        written == 1
    }
}

/// Stacks of a page, which are deep as soon as they are touched, and cool when they come back or on demand.
fn pool(delay: Option<Duration>) -> Pool {
    StackPool::new(Scheduled::new(Os::new()))
        .with_stack_bytes(2 * PAGE)
        .with_guard_bytes(2 * PAGE)
        .with_kept_bytes(PAGE)
        .with_idle_delay(delay)
}

const DELAYS: [Option<Duration>; 3] = [None, Some(Duration::ZERO), Some(Duration::from_secs(1))];

fn play_with(call: Call, failures: Failures, delay: Option<Duration>) -> usize {
    let pool = pool(delay);
    pool.below().fail(call, failures);
    play(&pool);
    let calls = pool.below().calls(call);
    pool.below().fail(call, Failures::Never);
    assert_eq!(play(&pool), 0, "{call:?} {failures:?}: no service after the failures");
    pool.reclaim(usize::MAX);
    let figures = pool.figures();
    assert_eq!(
        (figures.live_stacks, figures.warm_stacks),
        (0, 0),
        "{call:?} {failures:?}: something is lost"
    );
    calls
}

#[test]
fn stacks_faults_one_at_a_time() {
    // Guards that split mappings are asked for when the others are refused; the rest is not for pools.
    for call in [Call::Reserve, Call::Commit, Call::Decommit, Call::GuardWithin, Call::Advise] {
        for delay in DELAYS {
            let calls = play_with(call, Failures::Never, delay);
            assert!(calls > 0, "the script makes no {call:?}");
            for nth in 1..=calls {
                play_with(call, Failures::Nth(nth), delay);
            }
        }
    }
}

#[test]
fn stacks_faults_from_some_call_on() {
    for call in Call::ALL {
        for first in 1..=play_with(call, Failures::Never, None) {
            play_with(call, Failures::From(first), None);
        }
    }
}

#[test]
fn stacks_faults_now_and_then_of_all_kinds() {
    for every in 2..9 {
        for delay in DELAYS {
            let pool = pool(delay);
            Call::ALL.iter().for_each(|&call| pool.below().fail(call, Failures::Every(every)));
            play(&pool);
        }
    }
}

#[test]
fn stacks_without_light_guards_have_others() {
    let pool = pool(None);
    pool.below().fail(Call::GuardWithin, Failures::From(1));
    assert_eq!(play(&pool), 0);
    let figures = pool.figures();
    assert!(figures.split_guards > 0 && figures.split_guards == figures.cold_stacks, "{figures:?}");
}

#[test]
fn stacks_without_any_guard_are_not_given_out() {
    let source = pool(None);
    for call in [Call::Guard, Call::GuardWithin] {
        source.below().fail(call, Failures::From(1));
    }
    assert_eq!(source.take().unwrap_err(), StackError::Guard { split_guards: 0 });
    assert_eq!(source.figures().cold_stacks, 1);
    source.below().fail(Call::Guard, Failures::Never);
    assert!(guard_is_there(&source.take().unwrap()));

    // A buffer has no pages that could be made inaccessible.
    let mut buffer = vec![MaybeUninit::uninit(); 1 << 20];
    let fixed =
        StackPool::new(Fixed::new(&mut buffer)).with_stack_bytes(PAGE).with_guard_bytes(PAGE);
    assert_eq!(fixed.take().unwrap_err(), StackError::Guard { split_guards: 0 });
    fixed.verify().unwrap();
}

#[test]
fn stacks_have_a_limit() {
    for limit_stacks in [0, 1, 3, 100] {
        let pool = pool(None).with_limit_stacks(limit_stacks);
        let mut taken: Vec<_> = (0..limit_stacks).map(|_| pool.take().unwrap()).collect();
        for _ in 0..3 {
            let error = pool.take().unwrap_err();
            assert_eq!(error, StackError::Limit { limit_stacks });
            assert!(error.to_string().contains(&limit_stacks.to_string()));
            if taken.pop().is_some() {
                taken.push(pool.take().unwrap());
            }
        }
        assert_eq!(pool.figures().peak_live_stacks, limit_stacks);
        pool.verify().unwrap();
    }
}

/// A source that grants a megabyte at a time: mapping after mapping, and an error at the end.
#[test]
fn stacks_use_several_mappings() {
    let source: &WatchedOs = Box::leak(Box::default());
    source.most_bytes.store(1 << 20, Relaxed);
    let pool = StackPool::new(source).with_stack_bytes(60 << 10).with_guard_bytes(64 << 10);
    let mut live = Vec::new();
    let error = loop {
        match pool.take() {
            Ok(stack) => live.push(stack),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StackError::Addresses { .. }), "{error}");
    // A megabyte has room for the records, and seven places of 128 KiB.
    assert_eq!((live.len(), pool.figures().calls.reserve), (16 * 7, 16));
    let highs: BTreeSet<usize> = live.iter().map(PooledStack::high).collect();
    assert_eq!(highs.len(), live.len());
    pool.verify().unwrap();
    drop(live);
    pool.reclaim(usize::MAX);
    assert_eq!(pool.figures().cold_stacks, 16 * 7);
    drop(pool);
    assert_eq!(source.reserved_bytes.load(Relaxed), 0);
}

/// A source that has no room for a single place in what it grants.
#[test]
fn stacks_that_do_not_fit_are_refused() {
    let source: &WatchedOs = Box::leak(Box::default());
    source.most_bytes.store(64 << 10, Relaxed);
    let pool = StackPool::new(source);
    assert!(matches!(pool.take(), Err(StackError::Addresses { .. })));
    assert_eq!(source.reserved_bytes.load(Relaxed), 0);
    source.most_bytes.store(0, Relaxed);
    assert!(pool.take().is_ok());
}

#[cfg(target_os = "linux")]
mod children {
    use super::*;
    use std::process::{Command, Output};

    const CHILD: &str = "ALLOC_ARENA_STACKS_CHILD";

    /// Runs `child` in a process of its own: this test again.
    fn in_child(test: &str, child: fn()) {
        if std::env::var_os(CHILD).is_some() {
            child();
            std::process::exit(0);
        }
        let program = std::env::current_exe().unwrap();
        let name = format!("children::{test}");
        let args = [&name, "--exact", "--nocapture", "--test-threads=1"];
        let output: Output = Command::new(program).args(args).env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn mappings() -> usize {
        std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
    }

    #[test]
    fn stacks_that_meet_the_limit_of_mappings_say_so() {
        in_child("stacks_that_meet_the_limit_of_mappings_say_so", || {
            let pool = pool(None);
            pool.below().fail(Call::GuardWithin, Failures::From(1));
            let mut live = Vec::with_capacity(1 << 20);
            let error = loop {
                match pool.take() {
                    Ok(stack) => live.push(stack),
                    Err(error) => break error,
                }
                if live.len() > 1_000_000 {
                    return; // there is no such limit here
                }
            };
            assert_eq!(error, StackError::Guard { split_guards: live.len() });
            assert!(error.to_string().contains("vm.max_map_count"), "{error}");
            // With the other kind of guard it goes on.
            pool.below().fail(Call::GuardWithin, Failures::Never);
            assert!(live.iter().all(|stack| stack.usable().len() >= 2 * PAGE));
            live.truncate(1);
            assert!(pool.take().is_ok());
            pool.verify().unwrap();
            // Not the end of the pool: a sanitizer would want a mapping for that.
            std::process::exit(0);
        });
    }

    /// 100,000 stacks, each touched: a handful of mappings of the system, whatever `vm.max_map_count` says.
    #[test]
    fn stacks_by_the_hundred_thousand() {
        in_child("stacks_by_the_hundred_thousand", || {
            let pool = StackPool::new(Os::new());
            drop(pool.take().unwrap());
            let stacks = if pool.figures().split_guards > 0 { 1000 } else { 100_000 };
            let before = mappings();
            let live: Vec<_> = (0..stacks).map(|_| pool.take().unwrap()).collect();
            for stack in &live {
                // SAFETY: the stack is the test's, and nothing runs on it.
                unsafe { stack.usable().cast::<u8>().add(stack.usable().len() - 1).write(1) };
            }
            if stacks == 100_000 {
                assert!(mappings() <= before + 50, "{before} mappings before, {} now", mappings());
            }
            assert_eq!(pool.figures().live_stacks, stacks);
            drop(live);
            pool.reclaim(usize::MAX);
            assert_eq!(pool.figures().given_back_bytes, stacks * PAGE);
            pool.verify().unwrap();
        });
    }

    #[test]
    fn stacks_under_a_limit_of_addresses_leave_half() {
        in_child("stacks_under_a_limit_of_addresses_leave_half", || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
            let bytes = pages * PAGE as u64 + (2 << 30);
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
            // SAFETY: the limit lives through the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
            let pool = StackPool::new(Os::new());
            let _live: Vec<_> = (0..100).map(|_| pool.take().unwrap()).collect();
            assert!(pool.figures().reserved_bytes <= 1 << 30);
            let rest: Vec<u8> = Vec::with_capacity(400 << 20);
            assert_eq!(rest.len(), 0);
            // Until there are none; an error then, and no end.
            let mut all = Vec::new();
            let error = loop {
                match pool.take() {
                    Ok(stack) => all.push(stack),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, StackError::Addresses { .. }), "{error}");
            assert!(pool.figures().live_stacks > 1000, "{:?}", pool.figures());
            pool.verify().unwrap();
        });
    }

    #[test]
    fn stacks_go_on_in_a_child() {
        let pool = pool(None);
        let live = pool.take().unwrap();
        fill(&live, 3);
        drop(pool.take().unwrap());
        pool.freeze();
        // SAFETY: the child calls the pool, which is frozen, and `_exit`.
        let child = unsafe { libc::fork() };
        // SAFETY: frozen above, in this thread or the one that it is the copy of.
        unsafe { pool.thaw() };
        if child == 0 {
            let sound = pool.take().is_ok_and(|stack| guard_is_there(&stack))
                && guard_is_there(&live)
                && pool.verify().is_ok();
            // SAFETY: the child ends without the test's own end.
            unsafe { libc::_exit(if sound { 42 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `status` lives through the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 42);
        check(&pool, &[(live, 3)]);
    }
}
