//! The command line of the interpreter.

use super::collector::Options;
use super::interpreter::Interpreter;
use gc_marksweep::{Mode, Torture};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: scheme [--mode stop|incremental|background] [--limit MIB] [--torture] [--trace] [FILE...]

Runs the files in order; without files, what is typed or piped in.

  --mode     how the collector marks: all at once (default), in steps, on a thread of its own
  --limit    the most memory that the heap may have, in MiB
  --torture  a whole collection after every few steps
  --trace    a line on standard error for each collection";

pub fn main() -> ExitCode {
    let mut options = Options::default();
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut is_known = true;
        match argument.as_str() {
            "--mode" => match mode(arguments.next()) {
                Some(mode) => options.mode = mode,
                None => is_known = false,
            },
            "--limit" => match mebibytes(arguments.next()) {
                Some(bytes) => options.limit_bytes = bytes,
                None => is_known = false,
            },
            "--torture" => options.torture = Torture::Cycles,
            "--trace" => options.trace = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            flag if flag.starts_with('-') => is_known = false,
            _ => files.push(argument.clone()),
        }
        if !is_known {
            eprintln!("scheme: {argument}: not understood\n\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    match run(options, &files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scheme: {error}");
            ExitCode::FAILURE
        }
    }
}

fn mode(name: Option<String>) -> Option<Mode> {
    Some(match name?.as_str() {
        "stop" => Mode::StopTheWorld,
        "incremental" => Mode::Incremental,
        "background" => Mode::Background,
        _ => return None,
    })
}

fn mebibytes(number: Option<String>) -> Option<usize> {
    number?.parse::<usize>().ok()?.checked_mul(1 << 20)
}

fn run(options: Options, files: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut scheme = Interpreter::new(options)?;
    let mut out = io::stdout();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        scheme.run(&text, &mut out).map_err(|error| format!("{file}: {error}"))?;
    }
    if !files.is_empty() {
        return Ok(());
    }
    if io::stdin().is_terminal() {
        return Ok(prompt(&mut scheme)?);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(scheme.run(&text, &mut out)?)
}

/// Reads a form, which may take several lines, evaluates it, prints its value, and so on.
fn prompt(scheme: &mut Interpreter) -> io::Result<()> {
    let (mut out, mut text) = (io::stdout(), String::new());
    loop {
        write!(out, "{}", if text.is_empty() { "> " } else { "  " })?;
        out.flush()?;
        if io::stdin().lock().read_line(&mut text)? == 0 {
            return writeln!(out);
        }
        match scheme.run_showing(&text, &mut out) {
            Err(error) if error.is_unfinished() => continue,
            Err(error) => writeln!(out, "{error}")?,
            Ok(()) => {}
        }
        text.clear();
    }
}
