//! Tells the program which versions its peers have, and builds mimalloc's second major version for
//! the feature `mimalloc2`.
//!
//! The crate `libmimalloc-sys` holds the sources of both major versions, and builds one of them. Here
//! the other is built from the same sources, with the settings of that crate's own release build, and
//! every name that it gives to the linker gets a prefix, so that both can be in one program.

use std::path::PathBuf;
use std::{env, fs};

/// The packages whose versions are told, as environment variables `VERSION_OF_…`.
const PACKAGES: [&str; 8] = [
    "mimalloc",
    "libmimalloc-sys",
    "snmalloc-rs",
    "tikv-jemalloc-sys",
    "rpmalloc-sys",
    "rallocator",
    "tcmalloc-better",
    "scudo-sys",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    tell_versions();
    #[cfg(feature = "mimalloc2")]
    mimalloc2::build();
}

/// From the workspace's lock file, which holds the versions that cargo took.
fn tell_versions() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let lock = here.join("../Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    for package in PACKAGES {
        let version = version(&text, package).unwrap_or("unknown");
        let name = package.to_uppercase().replace('-', "_");
        println!("cargo:rustc-env=VERSION_OF_{name}={version}");
    }
}

fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    Some(entry.split_once('"')?.0)
}

#[cfg(feature = "mimalloc2")]
mod mimalloc2 {
    use super::{PathBuf, env, fs};
    use std::path::Path;
    use std::process::Command;

    /// What every name of the second version begins with, in this program.
    const PREFIX: &str = "v2_";

    pub fn build() {
        let sources = sources();
        let mut build = cc::Build::new();
        build
            .include(sources.join("include"))
            .include(sources.join("src"))
            .file(sources.join("src/static.c"))
            .flag("-Wno-error=date-time")
            .flag_if_supported("-ftls-model=initial-exec")
            .define("MI_DEBUG", "0")
            .define("MI_BUILD_RELEASE", None)
            .define("NDEBUG", None)
            .debug(false);
        let objects = build.compile_intermediates();
        let mut archive = cc::Build::new();
        for object in objects {
            archive.object(renamed(&object));
        }
        archive.compile("mimalloc_v2");
    }

    /// Beside the sources of the third version, whose header files cargo tells about.
    fn sources() -> PathBuf {
        let third = env::var_os("DEP_MIMALLOC_INCLUDE_DIR").map(PathBuf::from).unwrap_or_default();
        let second = third.join("../../v2");
        assert!(
            second.join("src/static.c").is_file(),
            "libmimalloc-sys has no sources of mimalloc 2 at {}",
            second.display()
        );
        second
    }

    /// The object with every name that it defines for others behind [`PREFIX`].
    fn renamed(object: &Path) -> PathBuf {
        let names = run(Command::new("nm").args(["--defined-only", "-g", "-P"]).arg(object));
        let names = names.lines().filter_map(|line| line.split(' ').next());
        let list: String = names.map(|name| format!("{name} {PREFIX}{name}\n")).collect();
        let file = object.with_extension("names");
        fs::write(&file, list).expect("cargo's output folder can be written to");
        let new = object.with_extension("renamed.o");
        run(Command::new("objcopy").arg("--redefine-syms").arg(&file).arg(object).arg(&new));
        new
    }

    /// A tool's output. Both tools come with the linker that every build here needs (binutils).
    fn run(command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| {
            panic!("the feature `mimalloc2` needs nm and objcopy (binutils): {command:?}: {error}")
        });
        let (out, err) = (output.stdout, output.stderr);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&err));
        String::from_utf8_lossy(&out).into_owned()
    }
}
