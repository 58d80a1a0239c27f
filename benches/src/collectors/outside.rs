//! Languages of their own: the programs in Go, OCaml and Java, in processes of their own.
//!
//! Above: `contestants`, `child`, which starts them. Below: for each language a folder beside this file, with
//! the programs and a script `build`, which builds them and brings the language where it is not there.
//!
//! Nothing of them runs in this process, so the makers of heaps that every system has are not called.

use super::{Cache, Forest, Graph, Nodes, Scale, Texts, Workload};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Whether a language may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// With what is there, or not at all.
    Never,
    /// By the language's script, if it is not there and the variable `STRATA_OFFLINE` is not set.
    IfMissing,
}

/// A language, and what its script makes of the programs.
#[derive(Debug)]
pub struct Language {
    /// Its folder, beside this file and in cargo's target folder.
    folder: &'static str,
    /// What the script leaves in the latter.
    product: &'static str,
    /// Where other programs in this language are that the script builds, in this package; else those beside it.
    sources: Option<&'static str>,
    /// Whether it is there; known once the script has run.
    built: OnceLock<bool>,
}

/// A system that is a program of its own.
#[derive(Debug)]
pub struct Outside {
    /// What it is written in.
    pub language: &'static Language,
    /// Its variables. They name what whoever starts this process may have set, too, so that the settings are
    /// those here, or the defaults: an empty variable is read as one that is not set.
    pub environment: &'static [(&'static str, &'static str)],
    /// The command line before the program's name and the scale, from where the product is.
    command: fn(&Path, &Workload, Scale) -> CommandLine,
}

/// An executable, and its arguments.
type CommandLine = (PathBuf, Vec<String>);

static GO_ITSELF: Language = Language::new("go", "collectors");

/// The programs of `goroutines` in Go.
pub static GO_TASKS: Language = Language::new("go", "goroutines").with_sources("src/stacks/go");

static OCAML_ITSELF: Language = Language::new("ocaml", "collectors");
static JAVA_ITSELF: Language = Language::new("java", "collectors.jar");

/// Go with its defaults.
pub static GO: Outside = Outside {
    language: &GO_ITSELF,
    environment: &[("GOGC", ""), ("GOMEMLIMIT", ""), ("GOMAXPROCS", ""), ("GODEBUG", "")],
    command: itself,
};

/// OCaml with its defaults: a nursery of 256 Ki words.
pub static OCAML: Outside = ocaml(&[("OCAMLRUNPARAM", ""), ("CAMLRUNPARAM", "")]);

/// OCaml with a nursery of 1 Mi words.
pub static OCAML_1M: Outside = ocaml(&[("OCAMLRUNPARAM", "s=1M"), ("CAMLRUNPARAM", "")]);

/// Java's serial collector with room for four times what is alive.
pub static JAVA_SERIAL: Outside =
    java(|jar, workload, scale| java_serial(jar, 4 * (workload.bytes)(scale).0));

/// The same with room for twice what is alive.
pub static JAVA_SERIAL_2X: Outside =
    java(|jar, workload, scale| java_serial(jar, 2 * (workload.bytes)(scale).0));

const fn ocaml(environment: &'static [(&'static str, &'static str)]) -> Outside {
    Outside { language: &OCAML_ITSELF, environment, command: itself }
}

const fn java(command: fn(&Path, &Workload, Scale) -> CommandLine) -> Outside {
    let environment = &[("JAVA_TOOL_OPTIONS", ""), ("JDK_JAVA_OPTIONS", ""), ("_JAVA_OPTIONS", "")];
    Outside { language: &JAVA_ITSELF, environment, command }
}

/// The product is an executable.
fn itself(product: &Path, _: &Workload, _: Scale) -> CommandLine {
    (product.into(), Vec::new())
}

/// Java has at least so large a heap: in less, its own objects are a part that counts.
const JAVA_LEAST_BYTES: u64 = 32 << 20;

/// The heap has its size from the beginning, so that growing it is no part of the run. What is alive is taken
/// from the table of programs, which counts objects as Rust has them. Java's, whose references have four
/// bytes, are larger by a quarter in gcbench, smaller by a fifth in lru, and about the same elsewhere. A third
/// of the heap is for young objects: twice what is alive leaves little room above it.
fn java_serial(jar: &Path, heap_bytes: u64) -> CommandLine {
    let heap_kib = heap_bytes.max(JAVA_LEAST_BYTES).div_ceil(1 << 10);
    let (first, most) = (format!("-Xms{heap_kib}k"), format!("-Xmx{heap_kib}k"));
    let jar = jar.display().to_string();
    ("java".into(), vec!["-XX:+UseSerialGC".into(), first, most, "-jar".into(), jar])
}

impl Language {
    const fn new(folder: &'static str, product: &'static str) -> Self {
        Self { folder, product, sources: None, built: OnceLock::new() }
    }

    const fn with_sources(mut self, sources: &'static str) -> Self {
        self.sources = Some(sources);
        self
    }

    /// What the script builds.
    pub(crate) fn product(&self) -> PathBuf {
        crate::places::target().join(self.folder).join(self.product)
    }

    /// Builds the programs, which takes no time if they are up to date, once in a process; whether they are
    /// there now. What went wrong is on the standard error.
    #[must_use]
    pub fn build(&self, install: Install) -> bool {
        *self.built.get_or_init(|| self.run_script(install))
    }

    fn run_script(&self, install: Install) -> bool {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = package.join("src/collectors").join(self.folder).join("build");
        if !script.is_file() {
            // Where the sources are gone, a program from before will do.
            return self.product().is_file();
        }
        let mut command = Command::new(script);
        command.arg(crate::places::target()).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(sources) = self.sources {
            command.arg(package.join(sources)).arg(self.product);
        }
        if install == Install::Never {
            command.env("STRATA_OFFLINE", "1");
        }
        command.status().is_ok_and(|status| status.success())
    }
}

impl Outside {
    /// The command line that runs a program.
    pub(super) fn command(&self, workload: &Workload, scale: Scale) -> CommandLine {
        let (executable, mut arguments) = (self.command)(&self.language.product(), workload, scale);
        arguments.extend([workload.name.to_owned(), scale.0.to_string()]);
        (executable, arguments)
    }
}

fn elsewhere() -> ! {
    unreachable!("these programs run in processes of their own")
}

pub(super) fn forest(_: Nodes) -> Box<dyn Forest> {
    elsewhere()
}

pub(super) fn cache(_: usize) -> Box<dyn Cache> {
    elsewhere()
}

pub(super) fn graph(_: usize) -> Box<dyn Graph> {
    elsewhere()
}

pub(super) fn texts(_: usize) -> Box<dyn Texts> {
    elsewhere()
}
