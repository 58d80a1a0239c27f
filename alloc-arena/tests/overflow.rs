//! Overflows of pooled stacks, each in a process of its own: they are named, and end it by SIGABRT; other faults go
//! where they went before.
#![cfg(target_os = "linux")]

use alloc_arena::{Os, PooledStack, StackPool, overflow};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::ffi::c_void;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const CHILD: &str = "ALLOC_ARENA_OVERFLOW";

static STACKS: StackPool<Os> = StackPool::new(Os::new()).with_stack_bytes(64 << 10);

/// Runs `child` in a process of its own: this test again.
fn in_child(test: &str, child: fn()) -> Output {
    if std::env::var_os(CHILD).is_some() {
        child();
        std::process::exit(0);
    }
    let program = std::env::current_exe().unwrap();
    let args = [test, "--exact", "--nocapture", "--test-threads=1"];
    Command::new(program).args(args).env(CHILD, "1").output().unwrap()
}

fn assert_named(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
}

/// Uses a kilobyte and more for each level.
fn recurse(level: u64) -> u64 {
    let local = black_box([level; 128]);
    if level == u64::MAX { 0 } else { recurse(level + 1) + local[level as usize % 128] }
}

fn deep(body: fn() -> u64) {
    let stack = STACKS.take().unwrap();
    stack.set_name("the deep one");
    stack.set_number(77);
    let mut task: Coroutine<(), (), u64, PooledStack> =
        Coroutine::with_stack(stack, move |_: &Yielder<(), ()>, ()| body());
    let CoroutineResult::Return(sum) = task.resume(()) else { unreachable!() };
    println!("came back with {sum}");
}

#[test]
fn overflow_of_a_coroutine_is_named() {
    let output = in_child("overflow_of_a_coroutine_is_named", || {
        overflow::install().unwrap();
        overflow::install().unwrap();
        deep(|| recurse(0));
    });
    assert_named(&output, &["stack overflow in coroutine 'the deep one' (77)", "69632 bytes"]);
}

/// Each level takes more than the guard has.
#[test]
fn overflow_by_large_frames_is_named() {
    fn large(level: u64) -> u64 {
        let local = black_box([level as u8; 50_000]);
        if level == u64::MAX { 0 } else { large(level + 1) + u64::from(local[level as usize]) }
    }
    let output = in_child("overflow_by_large_frames_is_named", || {
        overflow::install().unwrap();
        deep(|| large(0));
    });
    assert_named(&output, &["stack overflow in coroutine 'the deep one' (77)"]);
}

#[test]
fn overflow_by_one_frame_larger_than_the_stack_is_named() {
    fn huge() -> u64 {
        let local = black_box([1_u8; 400_000]);
        u64::from(local[7])
    }
    let output = in_child("overflow_by_one_frame_larger_than_the_stack_is_named", || {
        overflow::install().unwrap();
        deep(huge);
    });
    assert_named(&output, &["stack overflow in coroutine 'the deep one' (77)"]);
}

#[test]
fn overflow_in_another_thread_without_a_name() {
    let output = in_child("overflow_in_another_thread_without_a_name", || {
        overflow::install().unwrap();
        std::thread::spawn(|| {
            let stack = STACKS.take().unwrap();
            let mut task: Coroutine<(), (), u64, PooledStack> =
                Coroutine::with_stack(stack, |_: &Yielder<(), ()>, ()| recurse(0));
            task.resume(());
        })
        .join()
        .unwrap();
    });
    assert_named(&output, &["stack overflow in coroutine (no name): stack 0 of its mapping"]);
}

/// A thread that the standard library did not start has no alternate stack, but that of `SignalStack`.
#[test]
fn overflow_in_a_posix_thread() {
    extern "C" fn run(_: *mut c_void) -> *mut c_void {
        let _signals = overflow::SignalStack::new().unwrap();
        deep(|| recurse(0));
        std::ptr::null_mut()
    }
    let output = in_child("overflow_in_a_posix_thread", || {
        overflow::install().unwrap();
        let mut thread = 0;
        // SAFETY: the routine fits its argument; the thread is joined.
        unsafe {
            let (none, nothing) = (std::ptr::null(), std::ptr::null_mut());
            assert_eq!(libc::pthread_create(&mut thread, none, run, nothing), 0);
            libc::pthread_join(thread, std::ptr::null_mut());
        }
    });
    assert_named(&output, &["stack overflow in coroutine 'the deep one' (77)"]);
}

/// Who writes past the high end of one stack reaches the guard of the next one.
#[test]
fn overflow_stray_writes_are_told_from_overflows() {
    let output = in_child("overflow_stray_writes_are_told_from_overflows", || {
        overflow::install().unwrap();
        let (lower, upper) = (STACKS.take().unwrap(), STACKS.take().unwrap());
        upper.set_name("the upper one");
        lower.set_name("the lower one");
        let address = upper.usable().addr().get() - 100;
        let mut task: Coroutine<(), (), (), PooledStack> =
            Coroutine::with_stack(lower, move |_: &Yielder<(), ()>, ()| {
                // SAFETY: not at all: the child ends here.
                unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
            });
        task.resume(());
    });
    let words = [
        "stray access",
        "coroutine 'the upper one'",
        "100 bytes below it",
        "by code on stack 0, 'the lower one'",
    ];
    assert_named(&output, &words);
}

#[test]
fn overflow_handler_passes_other_faults_on() {
    let output = in_child("overflow_handler_passes_other_faults_on", || {
        overflow::install().unwrap();
        let stack = STACKS.take().unwrap();
        let mut task: Coroutine<(), (), (), PooledStack> =
            Coroutine::with_stack(stack, |_: &Yielder<(), ()>, ()| {
                // SAFETY: not at all: the child ends here.
                unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
            });
        task.resume(());
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("coroutine"));
}

/// The standard library's handler, which was there before, still says what it knows of.
#[test]
fn overflow_handler_leaves_threads_to_the_one_before() {
    let output = in_child("overflow_handler_leaves_threads_to_the_one_before", || {
        overflow::install().unwrap();
        drop(STACKS.take().unwrap());
        let thread = std::thread::Builder::new().name("plain".into());
        thread.spawn(|| println!("{}", recurse(0))).unwrap().join().unwrap();
    });
    assert_named(&output, &["thread 'plain'", "has overflowed its stack"]);
}

/// A handler of the program that was there before gets the signal, with its address, and may mend the matter.
#[test]
fn overflow_handler_calls_a_handler_of_the_program() {
    extern "C" fn mine(_: i32, info: *mut libc::siginfo_t, _: *mut c_void) {
        // SAFETY: the system gives the information; `_exit` may be called in a handler.
        unsafe { libc::_exit(if (*info).si_addr().addr() == 64 { 42 } else { 1 }) }
    }
    let output = in_child("overflow_handler_calls_a_handler_of_the_program", || {
        // SAFETY: a handler with the arguments that SA_SIGINFO gives.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = mine;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
        }
        overflow::install().unwrap();
        // SAFETY: not at all: the child ends here.
        unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
    });
    assert_eq!(output.status.code(), Some(42), "{output:?}");
}

/// An idle stack has no coroutine that could be named: that is some other fault.
#[test]
fn overflow_handler_ignores_guards_of_idle_stacks() {
    let output = in_child("overflow_handler_ignores_guards_of_idle_stacks", || {
        overflow::install().unwrap();
        let stack = STACKS.take().unwrap();
        let low = stack.usable().cast::<u8>();
        drop(stack);
        // SAFETY: not at all: the child ends here.
        unsafe { low.as_ptr().wrapping_sub(1).write_volatile(1) };
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
}
