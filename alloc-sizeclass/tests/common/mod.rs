//! What the tests of forks share.

use std::time::{Duration, Instant};

/// The system's `fork`.
pub fn fork() -> libc::pid_t {
    // SAFETY: a child of these tests calls the stacks, the system's `malloc` (which is safe after a fork), and `_exit`.
    unsafe { libc::fork() }
}

/// Forks by `fork`. The child calls `check`, which says by 0 that all is well, and ends at once. A child that does not end is
/// killed.
///
/// # Panics
///
/// When the child finds something, dies, or hangs.
pub fn in_child(round: usize, fork: impl FnOnce() -> libc::pid_t, check: impl FnOnce() -> i32) {
    let child = fork();
    if child == 0 {
        let code = check();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) };
    }
    assert!(child > 0, "fork failed");
    let begun = Instant::now();
    let mut status = 0;
    // SAFETY: looks for the child that was just made.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if begun.elapsed() > Duration::from_secs(120) {
            // SAFETY: the child has not been waited for, so its number is still its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("round {round}: the child hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(libc::WIFEXITED(status), "round {round}: the child died: {status:#x}");
    assert_eq!(libc::WEXITSTATUS(status), 0, "round {round}");
}
