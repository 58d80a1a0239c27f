//! Where and when figures were taken: what a reader has to know before comparing them with others.
//!
//! Above: `results`, `report`. Below: /proc, the command line.

use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Where, when, by which command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Setting {
    /// The machine.
    pub machine: Machine,
    /// When it began: seconds since 1970-01-01 00:00 UTC.
    pub date_unix_seconds: u64,
    /// The command line, as somebody would type it from the top folder.
    pub command: String,
    /// Of this workspace.
    pub version: String,
    /// How many programs wanted a processor in the minute before it began, if the system tells.
    pub load: Option<f64>,
}

/// A machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Threads that it runs at once.
    pub processors: usize,
    /// Its operating system.
    pub system: String,
    /// Its memory.
    pub memory_bytes: u64,
}

impl Setting {
    /// This machine, at the first call: what runs afterwards does not count as its load.
    pub fn this() -> Self {
        static FIRST: OnceLock<Setting> = OnceLock::new();
        FIRST.get_or_init(Self::now).clone()
    }

    fn now() -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            machine: Machine::this(),
            date_unix_seconds: std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs(),
            command: command(std::env::args().skip(1)),
            version: env!("CARGO_PKG_VERSION").into(),
            load: load.split(' ').next().and_then(|word| word.parse().ok()),
        }
    }
}

/// The command with these arguments; those that a shell would read as something else are quoted.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=,:@%+".contains(letter);
    let word = |word: String| match !word.is_empty() && word.chars().all(plain) {
        true => format!(" {word}"),
        false => format!(" '{}'", word.replace('\'', "'\\''")),
    };
    let arguments: String = arguments.map(word).collect();
    let end = if arguments.is_empty() { "" } else { " --" };
    format!("cargo run --release -p benches{end}{arguments}")
}

impl Machine {
    /// This machine, as far as it tells.
    #[must_use]
    pub fn this() -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = after(&file("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let kernel = file("/proc/sys/kernel/osrelease");
        Self {
            processor: after(&file("/proc/cpuinfo"), "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()),
            memory_bytes: kib.unwrap_or(0) * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let of = |words: &[&str]| command(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(of(&[]), "cargo run --release -p benches");
        assert_eq!(
            of(&["compare", "a.strata"]),
            "cargo run --release -p benches -- compare a.strata"
        );
        assert!(of(&["show", "my file's"]).ends_with(r"-- show 'my file'\''s'"));
    }

    #[test]
    fn this_machine_is_known() {
        let setting = Setting::this();
        assert!(setting.machine.processors > 0 && setting.date_unix_seconds > 1_700_000_000);
    }
}
