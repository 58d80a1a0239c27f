//! What the tests share: the library, test programs in C and C++, and the way to run them.
//!
//! Above: the tests. The library is built as a user builds it, by `cargo build`, in the profile of
//! the tests; the programs stand in `programs/` and are built by the system's compilers.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No program takes longer than this, even unoptimised on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The shared library, built when it is first asked for.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build(&["--lib"], !cfg!(debug_assertions), "libstrata_preload.so"))
}

/// The shared library as users have it, in whichever profile the tests are.
pub fn release_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build(&["--lib"], true, "libstrata_preload.so"))
}

/// An example of this package, in the release profile.
pub fn release_example(name: &str) -> PathBuf {
    build(&["--example", name], true, &format!("examples/{name}"))
}

/// What `cargo build` makes of a target: the path that ends so.
fn build(target: &[&str], release: bool, end: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json"]).args(target);
    cargo.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    if release {
        cargo.arg("--release");
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "it does not build");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let end = format!("{end}\"");
    let end = messages.rfind(&end).expect("cargo says where it is") + end.len() - 1;
    let start = messages[..end].rfind('"').expect("paths are quoted") + 1;
    messages[start..end].into()
}

/// Compiles `programs/NAME`; the executable.
pub fn compile(name: &str) -> PathBuf {
    compile_with(name, &[])
}

/// Compiles `programs/NAME`; a shared library.
pub fn compile_shared(name: &str) -> PathBuf {
    compile_with(name, &["-shared", "-fPIC"])
}

fn compile_with(name: &str, more: &[&str]) -> PathBuf {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs")).join(name);
    let program = scratch(&name.replace('.', "-"));
    let (compiler, standard) = match source.extension().and_then(|e| e.to_str()) {
        Some("cpp") => ("c++", "-std=c++17"),
        _ => ("cc", "-std=gnu17"),
    };
    // Tests run side by side: build under another name, then put the program in place at once.
    let draft = program.with_extension(format!("{:?}", std::thread::current().id()));
    let status = Command::new(compiler)
        .args([standard, "-O1", "-g", "-Wall", "-Wextra", "-fno-builtin", "-pthread", "-o"])
        .args([&draft, &source])
        .args(more)
        .arg("-ldl")
        .status()
        .unwrap_or_else(|error| panic!("the tests need a C and C++ compiler: {compiler}: {error}"));
    assert!(status.success(), "{name} does not compile");
    std::fs::rename(&draft, &program).expect("the target directory is writable");
    program
}

/// A path in the tests' own directory.
pub fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A run of a program: on the system's allocator, until it is put on Strata.
pub struct Run(Command);

impl Run {
    pub fn new(program: &Path) -> Self {
        let mut command = Command::new(program);
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name == "LD_PRELOAD" || name == "TEST_ON_STRATA" || name.starts_with("STRATA_") {
                command.env_remove(variable);
            }
        }
        Self(command)
    }

    /// Under a limit of address space.
    pub fn limited(program: &Path, kib: usize) -> Self {
        let mut run = Self::new(Path::new("/bin/sh"));
        run.0.args(["-c", &format!("ulimit -v {kib} && exec \"$0\"")]).arg(program);
        run
    }

    pub fn on_strata(self) -> Self {
        self.with("LD_PRELOAD", library().to_str().expect("the path is UTF-8"))
            .with("TEST_ON_STRATA", "1")
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.0.env(variable, value);
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.0.arg(arg);
        self
    }

    /// Runs it to its end.
    pub fn output(mut self) -> Output {
        let mut child = self
            .0
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.0));
        let id = child.id();
        let name = format!("{:?}", self.0);
        // A hang is a failure: a second thread ends it.
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            let start = Instant::now();
            if wait.recv_timeout(PATIENCE).is_err() && start.elapsed() >= PATIENCE {
                eprintln!("{name} hangs");
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            }
        });
        let mut stdout = child.stdout.take().expect("it is piped");
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut stdout, &mut bytes).map(|_| bytes)
        });
        let output = child.wait_with_output().expect("it can be waited for");
        // The watch has gone if it had to end the program.
        let _ = done.send(());
        watch.join().expect("the watch does not panic");
        let stdout = reader.join().expect("no panic").expect("pipes can be read");
        Output { stdout, ..output }
    }

    /// Runs it; it must end well and have said "ok".
    #[track_caller]
    pub fn must_pass(self) -> Output {
        let name = format!("{:?}", self.0);
        let output = self.output();
        assert!(
            output.status.success() && output.stdout.ends_with(b"ok\n"),
            "{name}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        output
    }
}

/// The signal that ended a program.
pub fn signal(output: &Output) -> Option<i32> {
    output.status.signal()
}
