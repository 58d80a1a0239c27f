//! The process of one replay, from both sides.
//!
//! Above: `run`, which starts it; `main`, which becomes it when its first argument says so.
//! Below: `candidates`, `replay`.
//!
//! The child's answer is a line of JSON; a child that ends without one has crashed.

use crate::candidates;
use crate::program::Program;
use crate::replay::{Fault, Outcome, Pass};
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The first argument of a child.
pub const WORD: &str = "__replay";

/// A child's whole life: `arguments` are those behind [`WORD`].
#[must_use]
pub fn live(arguments: &[String]) -> ExitCode {
    let [path, candidate, pass] = arguments else { return ExitCode::from(2) };
    let Some(candidate) = candidates::find(candidate) else { return ExitCode::from(2) };
    let Some(&pass) = Pass::ALL.iter().find(|one| one.name() == pass) else {
        return ExitCode::from(2);
    };
    // SAFETY: the file was written by `Program::save`: `replay` below is who starts a child.
    let program = match unsafe { Program::load(Path::new(path)) } {
        Ok(program) => program,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(2);
        }
    };
    let answer: Result<Outcome, Fault> = (candidate.replay)(&program, pass);
    let text = serde_json::to_string(&answer).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Replays the program at `path` on a candidate, in a new process of this very executable.
///
/// # Errors
///
/// What went wrong, in words: a fault, a crash, a replay that took longer than `limit`.
pub fn replay(
    path: &Path,
    candidate: &str,
    pass: Pass,
    limit: Duration,
) -> Result<Outcome, String> {
    let arguments = [WORD.as_ref(), path.as_os_str(), candidate.as_ref(), pass.name().as_ref()];
    let answer: Result<Outcome, Fault> = ask(&arguments, limit)?;
    answer.map_err(|fault| fault.to_string())
}

/// Starts this very executable with these arguments, and reads its answer.
///
/// # Errors
///
/// As for [`replay`].
pub(crate) fn ask<T: DeserializeOwned>(arguments: &[&OsStr], limit: Duration) -> Result<T, String> {
    ask_with(arguments, &[], limit)
}

/// As [`ask`], with these variables in its environment.
///
/// # Errors
///
/// As for [`replay`].
pub(crate) fn ask_with<T: DeserializeOwned>(
    arguments: &[&OsStr],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<T, String> {
    let this = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    ask_program(&this, arguments, variables, limit)
}

/// As [`ask_with`], of another executable.
///
/// # Errors
///
/// As for [`replay`].
pub(crate) fn ask_program<T: DeserializeOwned>(
    program: &Path,
    arguments: &[&OsStr],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<T, String> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start a replay: {error}"))?;
    let (out, err) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let status = wait(&mut child, limit);
    // Both end when the child has ended.
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    let (out, err) = (text(out), text(err));
    interpret(status, &out, &err, limit)
}

/// Makes an answer of what a child left.
fn interpret<T: DeserializeOwned>(
    status: Option<ExitStatus>,
    out: &str,
    err: &str,
    limit: Duration,
) -> Result<T, String> {
    let Some(status) = status else {
        return Err(format!("did not end within {} s", limit.as_secs()));
    };
    if let Some(signal) = status.signal() {
        return Err(format!(
            "was killed by signal {signal} ({}){}",
            signal_name(signal),
            last(err)
        ));
    }
    if !status.success() {
        return Err(format!("ended with exit code {}{}", status.code().unwrap_or(-1), last(err)));
    }
    serde_json::from_str(out).map_err(|error| format!("gave no answer: {error}{}", last(err)))
}

/// What the child said last on its standard error, if it said anything: not the calls below it, nor what it notes besides.
fn last(err: &str) -> String {
    let says = |line: &&str| !line.is_empty() && !line.starts_with([' ', '\t']);
    let said = err.lines().rfind(|line| says(line) && !line.starts_with("note:"));
    said.map_or(String::new(), |line| format!(": {line}"))
}

/// The usual name of a signal.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGTERM => "SIGTERM",
        _ => "another signal",
    }
}

fn gather(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the child's end; kills it and answers `None` if it takes longer than `limit`.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(pause),
            _ => break,
        }
        pause = (pause * 2).min(Duration::from_millis(10));
    }
    // It may have ended just now; waiting collects it either way.
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(9);

    #[test]
    fn every_end_of_a_child_is_told() {
        let end = |raw| Some(ExitStatus::from_raw(raw));
        type Answer = Result<Outcome, Fault>;
        let told = |status, out, err| interpret::<Answer>(status, out, err, LIMIT).unwrap_err();
        assert_eq!(told(None, "", ""), "did not end within 9 s");
        assert_eq!(told(end(libc::SIGSEGV), "", ""), "was killed by signal 11 (SIGSEGV)");
        assert_eq!(told(end(2 << 8), "", "x\nwhy\n\n"), "ended with exit code 2: why");
        let mistake = "strata: double free at 0x10\n    0x20 main (main.rs:1)\n";
        let told_of_it = "was killed by signal 6 (SIGABRT): strata: double free at 0x10";
        assert_eq!(told(end(libc::SIGABRT), "", mistake), told_of_it);
        let panic = "thread 'main' panicked at a.rs:1:1:\nwhy\nnote: run with RUST_BACKTRACE=1\n";
        assert_eq!(told(end(101 << 8), "", panic), "ended with exit code 101: why");
        assert!(told(end(0), "nonsense", "").starts_with("gave no answer"));
        let fault = Fault { thread: 1, event: 7, op: "free".into(), what: "bad".into() };
        let text = serde_json::to_string(&Err::<Outcome, _>(fault)).unwrap();
        let answer: Answer = interpret(end(0), &text, "", LIMIT).unwrap();
        assert_eq!(answer.unwrap_err().to_string(), "event 7 of thread 1, free: bad");
        let text =
            serde_json::to_string(&Ok::<_, Fault>(Outcome { wall_ns: 5, ..Outcome::default() }));
        let answer: Answer = interpret(end(0), &text.unwrap(), "", LIMIT).unwrap();
        assert_eq!(answer.unwrap().wall_ns, 5);
    }

    #[test]
    fn a_child_that_hangs_is_ended() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let start = Instant::now();
        assert_eq!(wait(&mut child, Duration::from_millis(50)), None);
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
