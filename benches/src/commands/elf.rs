//! Whether a program can be recorded at all: LD_PRELOAD works on what is linked dynamically.
//!
//! Above: `record`. Below: files.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What kind of program a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linkage {
    /// It names a dynamic linker, which loads the preload library.
    Dynamic,
    /// It names none.
    Static,
    /// It is a script or something else that is not ELF of 64 bits.
    Unknown,
}

/// The file that a command's first word means, as a shell finds it.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(runs);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(runs)
}

/// How the program in `path` is linked.
pub(super) fn linkage(path: &Path) -> Linkage {
    // The program headers stand right behind the file's header in all that linkers write.
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64 << 10).read_to_end(&mut head));
    read.ok().and_then(|_| linkage_of(&head)).unwrap_or(Linkage::Unknown)
}

fn linkage_of(head: &[u8]) -> Option<Linkage> {
    const INTERPRETER: u32 = 3;
    const OF_64_BITS: u8 = 2;
    if !head.starts_with(b"\x7fELF") || *head.get(4)? != OF_64_BITS {
        return None;
    }
    let word = |at: usize, n: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(n)?)?;
        let fold = |word, &byte: &u8| word << 8 | u64::from(byte);
        // Byte 5 tells the order: 1 is little-endian.
        Some(if head[5] == 1 {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        })
    };
    let table = usize::try_from(word(32, 8)?).ok()?;
    let (size, count) = (word(54, 2)? as usize, word(56, 2)? as usize);
    for n in 0..count {
        if word(table.checked_add(n * size)?, 4)? == u64::from(INTERPRETER) {
            return Some(Linkage::Dynamic);
        }
    }
    Some(Linkage::Static)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_read() {
        let shell = find("sh").expect("there is a shell");
        assert_eq!(linkage(&shell.canonicalize().unwrap()), Linkage::Dynamic);
        assert_eq!(find(shell.to_str().unwrap()), Some(shell));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(find("/etc/passwd"), None, "it is no program");
        assert_eq!(linkage(Path::new("/etc/passwd")), Linkage::Unknown);
    }

    #[test]
    fn a_header_without_interpreter_is_static() {
        let mut head = vec![0; 64 + 56];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (head[32], head[54], head[56], head[64]) = (64, 56, 1, 1);
        assert_eq!(linkage_of(&head), Some(Linkage::Static));
        head[64] = 3;
        assert_eq!(linkage_of(&head), Some(Linkage::Dynamic));
        assert_eq!(linkage_of(&head[..64]), None, "cut short");
    }
}
