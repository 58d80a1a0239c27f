//! Allocators, and what becomes of an attack on them.
//!
//! Above: the tests. Below: the programs in `programs/attacks`, and the way to run them (`common`). Not here: what is expected.

use crate::common::{Run, release_example, release_library, scratch, signal};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

/// Attacks wait for children and for memory more than they compute.
const THREADS: usize = 2;

/// What no attack is luckier than.
const ROUNDS: usize = 3;

/// An attack, as a program lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attack {
    pub class: String,
    pub name: String,
}

impl Attack {
    /// Whether it is one of those on stacks in Rust; the others go through C's symbols.
    fn is_rust(&self) -> bool {
        self.class.starts_with("Rust: ")
    }
}

/// What became of an attack: from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It proved its effect.
    Through,
    /// The allocator fell over later, without a word.
    Crash,
    /// It came to its end, and there was no effect.
    Void,
    /// A fault, or an end without a word, at the mistake itself.
    Fault,
    /// A diagnosis, and the end of the program.
    Abort,
    /// Nothing to attack: a function that this C library does not have.
    Absent,
}

impl Outcome {
    const ALL: [(Self, &str); 6] = [
        (Self::Through, "through"),
        (Self::Crash, "crash"),
        (Self::Void, "void"),
        (Self::Fault, "fault"),
        (Self::Abort, "abort"),
        (Self::Absent, "absent"),
    ];

    pub fn text(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(outcome, _)| *outcome)
    }

    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Void | Self::Fault | Self::Abort)
    }

    pub fn went_through(self) -> bool {
        self == Self::Through
    }

    /// Whether both are stops, or neither; what is absent here says nothing.
    pub fn agrees(self, other: Self) -> bool {
        self == Self::Absent || other == Self::Absent || self.is_stopped() == other.is_stopped()
    }

    fn of(attack: &Attack, output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout);
        let says = |word: &str| said.lines().any(|line| line.starts_with(word));
        let explained = !output.stderr.trim_ascii().is_empty();
        let stuck = format!("{}: {:?}, {said}", attack.name, output.status);
        assert!(!says("BROKEN") && signal(output) != Some(libc::SIGALRM), "{stuck}");
        // The programs in C have a handler that says it, those in Rust say what they are about to do.
        let at_mistake = says("FAULT at the mistake")
            || said.lines().last().is_some_and(|line| line.starts_with("MISTAKE"));
        match signal(output) {
            _ if says("EFFECT") => Self::Through,
            None if says("VOID") => Self::Void,
            None if says("ABSENT") => Self::Absent,
            Some(libc::SIGABRT | libc::SIGILL | libc::SIGTRAP) if explained => Self::Abort,
            Some(_) if at_mistake => Self::Fault,
            None if !output.status.success() && explained => Self::Abort,
            _ => Self::Crash,
        }
    }
}

/// An allocator that attacks are run on.
pub struct Allocator {
    column: &'static str,
    preload: Option<PathBuf>,
    variable: Option<(&'static str, String)>,
    /// The stack that attacks in Rust are told to use.
    stack: &'static str,
}

impl Allocator {
    /// A preset of our library, if the library has it.
    pub fn preset(name: &'static str) -> Option<Self> {
        let variable = match name {
            "default" => None,
            "hardened" => Some("STRATA_HARDENED"),
            _ => panic!("there is no preset {name}"),
        };
        let library = std::fs::read(release_library()).expect("it was built");
        let has = |text: &str| library.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        (variable.is_none_or(has)).then(|| Self {
            column: name,
            preload: Some(release_library().into()),
            variable: variable.map(|variable| (variable, "1".into())),
            stack: name,
        })
    }

    /// The allocator that falls for everything, in one of its kinds.
    pub fn naive(kind: &str) -> Self {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        let library =
            LIBRARY.get_or_init(|| compile("libnaive.so", &["naive.c"], &["-shared", "-fPIC"]));
        let variable = Some(("NAIVE", kind.into()));
        Self { column: "naive", preload: Some(library.clone()), variable, stack: "naive" }
    }

    pub fn column(&self) -> &'static str {
        self.column
    }

    /// Its name and version.
    pub fn version(&self) -> String {
        let output = self.run_c("--allocator").output();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(text.starts_with(self.column), "{}: {output:?}", self.column);
        let path = self.preload.as_ref().map(|path| path.to_string_lossy().into_owned());
        match path.and_then(|path| Some(path.split_once("/llvm-")?.1.split_once('/')?.0.to_owned()))
        {
            Some(llvm) => format!("{text} (LLVM {llvm})"),
            None => text,
        }
    }

    fn run(&self, attack: &Attack) -> Run {
        if !attack.is_rust() {
            return self.run_c(&attack.name);
        }
        let run = Run::new(rust_program()).arg(&attack.name).arg(self.stack);
        // The peers are what stands below the standard library.
        if self.stack == "system" { self.preloaded(run) } else { run }
    }

    fn run_c(&self, arg: &str) -> Run {
        self.preloaded(Run::new(program()).arg(arg))
    }

    fn preloaded(&self, mut run: Run) -> Run {
        if let Some(preload) = &self.preload {
            run = run.with("LD_PRELOAD", preload.to_str().expect("the path is UTF-8"));
        }
        match &self.variable {
            Some((name, value)) => run.with(name, value),
            None => run,
        }
    }
}

/// glibc, and the peers that are installed.
pub fn peers() -> Vec<Allocator> {
    let arch = std::env::consts::ARCH;
    let scudo = format!("libclang_rt.scudo_standalone-{arch}.so");
    let llvm: Vec<_> = folders("/usr/lib", "llvm-")
        .into_iter()
        .flat_map(|llvm| folders(llvm.join("lib/clang"), ""))
        .map(|clang| clang.join("lib/linux"))
        .collect();
    let usual = [format!("/usr/lib/{arch}-linux-gnu"), "/usr/lib64".into(), "/usr/lib".into()];
    let usual = usual.map(PathBuf::from).to_vec();
    let peer = |column, preload| Allocator { column, preload, variable: None, stack: "system" };
    let mut peers = vec![peer("glibc", None)];
    for (column, file, places) in [
        ("jemalloc", "libjemalloc.so.2", &usual),
        ("tcmalloc", "libtcmalloc_minimal.so.4", &usual),
        ("mimalloc", "libmimalloc.so.2", &usual),
        ("scudo", &*scudo, &llvm),
    ] {
        match places.iter().map(|place| place.join(file)).find(|path| path.exists()) {
            Some(path) => peers.push(peer(column, Some(path))),
            None => println!("SKIPPED: there is no {file}: what is known of {column} is kept"),
        }
    }
    peers
}

/// What is in a folder, and begins so.
fn folders(path: impl AsRef<Path>, begin: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(begin))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Optimisation would remove mistakes: that is what undefined behaviour allows.
fn compile(name: &str, sources: &[&str], more: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/attacks");
    let result = scratch(name);
    let status = Command::new("cc")
        .args(["-O0", "-g", "-Wall", "-Wextra", "-fno-builtin", "-pthread", "-o"])
        .arg(&result)
        .args(sources.iter().map(|source| folder.join(source)))
        .args(more)
        .status()
        .unwrap_or_else(|error| panic!("the tests need a C and C++ compiler: {error}"));
    assert!(status.success(), "{name} does not compile");
    result
}

/// The program with the attacks in C and C++.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    const SOURCES: [&str; 7] =
        ["main.c", "frees.c", "bounds.c", "stale.c", "poison.c", "layout.c", "cxx.cpp"];
    PROGRAM.get_or_init(|| compile("attacks", &SOURCES, &["-lstdc++", "-ldl"]))
}

/// The program with the attacks in Rust.
fn rust_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| release_example("attacks"))
}

/// All attacks.
pub fn attacks() -> Vec<Attack> {
    let lists = [Run::new(program()).arg("--list"), Run::new(rust_program())];
    let mut attacks = Vec::new();
    for list in lists {
        let text = String::from_utf8(list.output().stdout).expect("names are UTF-8");
        assert!(!text.is_empty(), "there are attacks");
        let lines = text.lines().map(|line| line.split_once('\t').expect("a class and a name"));
        attacks
            .extend(lines.map(|(class, name)| Attack { class: class.into(), name: name.into() }));
    }
    attacks
}

/// Runs attacks, each in a process of its own.
pub fn outcomes(allocator: &Allocator, attacks: &[Attack]) -> Vec<Outcome> {
    let results = Mutex::new(vec![Outcome::Absent; attacks.len()]);
    let queue = Mutex::new(attacks.iter().enumerate());
    let work = || {
        loop {
            let next = queue.lock().expect("nobody panics with it").next();
            let Some((at, attack)) = next else { return };
            let outcome = Outcome::of(attack, &allocator.run(attack).output());
            results.lock().expect("nobody panics with it")[at] = outcome;
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    results.into_inner().expect("nobody panicked")
}

/// The worst of several rounds: a peer may be lucky with what lies at an address.
pub fn worst_outcomes(allocator: &Allocator, attacks: &[Attack]) -> Vec<Outcome> {
    let mut worst = outcomes(allocator, attacks);
    for _ in 1..ROUNDS {
        for (worst, outcome) in worst.iter_mut().zip(outcomes(allocator, attacks)) {
            *worst = outcome.min(*worst);
        }
    }
    worst
}

/// Whether the system puts things at other addresses each time.
pub fn is_randomised() -> bool {
    let level = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space");
    level.is_ok_and(|level| level.trim() == "2")
}
