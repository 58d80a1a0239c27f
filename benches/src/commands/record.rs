//! Runs a program under the preload library, which writes the trace; then looks at the trace.
//!
//! Above: `commands`. Below: `preload`, `elf`, the trace's reader.

use super::elf::{self, Linkage};
use super::options::Options;
use super::preload;
use crate::Failure;
use crate::console::say;
use crate::run::child::signal_name;
use crate::units::bytes;
use clap::Args;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use strata_trace::{EXTENSION, Error, Header, Reader, Summary};

/// How many traces are named after a recording.
const TOLD: usize = 6;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The trace's file [default: the program's name, with .strata]. Processes that the program
    /// starts record to FILE.PID.
    #[arg(short, long = "trace", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    command: Vec<String>,
}

pub(super) fn record(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    if options.json {
        let why = "record prints what PROGRAM prints, so it has no --json; `show FILE --json` has what was recorded";
        return Err(Failure::Usage(why.into()));
    }
    let [program, rest @ ..] = arguments.command.as_slice() else {
        return Err(Failure::Usage("record needs a program".into()));
    };
    let path = elf::find(program).ok_or_else(|| {
        Failure::Record(format!("{program}: no such program (or it may not be run)"))
    })?;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => PathBuf::from(path.file_name().unwrap_or_default()).with_extension(EXTENSION),
    };
    let library = preload::library()?;
    let output = begin(&output)?;
    let status = Command::new(&path)
        .args(rest)
        .env("LD_PRELOAD", preload_list(&library))
        .env("STRATA_RECORD", &output)
        .status()
        .map_err(|error| Failure::Record(format!("{program} cannot be started: {error}")))?;
    let found = traces(&output);
    finish(program, &path, &output, status, &found)
}

/// Removes what an earlier recording left, and makes sure that the file can be written.
fn begin(output: &Path) -> Result<PathBuf, Failure> {
    let write = |error| Failure::write(output, error);
    for old in siblings(output) {
        std::fs::remove_file(&old).map_err(|error| Failure::write(&old, error))?;
    }
    File::create(output).map_err(write)?;
    // The program may change its folder before the library opens the file.
    let full = output.canonicalize().map_err(write)?;
    std::fs::remove_file(&full).map_err(write)?;
    Ok(full)
}

/// The library first, then what is preloaded anyway.
fn preload_list(library: &Path) -> OsString {
    let mut list = library.as_os_str().to_owned();
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        list.push(":");
        list.push(others);
    }
    list
}

/// A trace that was recorded, or why it cannot be used.
type Found = (PathBuf, Result<(Header, Summary), Error>);

fn traces(output: &Path) -> Vec<Found> {
    let files = [output.to_owned()].into_iter().chain(siblings(output));
    files.filter(|file| file.is_file()).map(|file| (file.clone(), read(&file))).collect()
}

/// The traces of processes that the program started: FILE.PID.
fn siblings(output: &Path) -> Vec<PathBuf> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_sibling = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let pid = file.strip_prefix(&*name).and_then(|rest| rest.strip_prefix('.'));
        pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_sibling).collect();
    found.sort();
    found
}

fn read(file: &Path) -> Result<(Header, Summary), Error> {
    let mut reader = Reader::new(File::open(file).map_err(Error::Io)?)?;
    for event in reader.by_ref() {
        event?;
    }
    Ok((reader.header().clone(), reader.summary().unwrap_or_default()))
}

fn finish(
    program: &str,
    path: &Path,
    output: &Path,
    status: ExitStatus,
    found: &[Found],
) -> Result<(), Failure> {
    if let Some(signal) = status.signal() {
        let name = signal_name(signal);
        let message =
            format!("{program} was killed by signal {signal} ({name}): its trace has no end");
        return Err(Failure::Record(message));
    }
    tell(output, found);
    let own = found.iter().find(|(file, _)| file == output);
    let Some((_, Ok((_, summary)))) = own else {
        let why = match own {
            Some((_, Err(error))) => error.to_string(),
            _ => nothing(path).into(),
        };
        return Err(Failure::Record(format!("{program} recorded nothing: {why}")));
    };
    if summary.events == 0 {
        return Err(Failure::Record(format!("{program} recorded nothing: it allocated nothing")));
    }
    if !status.success() {
        say(format_args!("note: {program} ended with exit code {}", status.code().unwrap_or(-1)));
    }
    Ok(())
}

/// Names the program's trace, and the largest of those that its children recorded.
fn tell(output: &Path, found: &[Found]) {
    let mut found: Vec<_> = found.iter().collect();
    let events = |read: &Result<(Header, Summary), Error>| read.as_ref().map_or(0, |r| r.1.events);
    found.sort_by_key(|(file, read)| (file != output, std::cmp::Reverse(events(read))));
    let (told, rest) = found.split_at(found.len().min(TOLD));
    for (file, read) in told {
        match read {
            Ok((header, summary)) => say(described(file, header, summary)),
            Err(error) => say(format_args!("{}: {error}", file.display())),
        }
    }
    if !rest.is_empty() {
        say(format_args!("and {} smaller ones of processes that it started", rest.len()));
    }
}

/// Why there may be no file at all.
fn nothing(path: &Path) -> &'static str {
    match elf::linkage(path) {
        Linkage::Static => "it is statically linked, so no library can be preloaded into it",
        _ => {
            "the preload library did not run in it (a program with privileges, or one that started \
              a statically linked one?)"
        }
    }
}

fn described(file: &Path, header: &Header, summary: &Summary) -> String {
    let mut command = header.command_line();
    if command.chars().count() > 60 {
        command = command.chars().take(59).chain(['…']).collect();
    }
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    format!(
        "{} ({}): {} events, {} threads, peak {} live: {command}",
        file.display(),
        bytes(size),
        summary.events,
        summary.threads,
        bytes(summary.peak_live_bytes),
    )
}
