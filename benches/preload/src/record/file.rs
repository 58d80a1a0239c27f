//! The file that a trace goes to: a descriptor inside a process that does not know of it.
//!
//! Above: `record/mod.rs`, `watch/profile.rs`. Below: system calls.
//! The program may close every descriptor it finds, and open a file of its own under the same
//! number. So the descriptor is a high one, and before each write the file behind it is compared
//! with the one that was opened.
//!
//! Whose the path is: the first process that gets the lock on it. It stays locked as long as that
//! process runs; its children, which inherit `STRATA_RECORD` (or `STRATA_PROFILE`), write to `PATH.PID`. A program that
//! replaces itself by another (`exec`) gives up the lock, and the new one starts the file anew.

use core::mem::ManuallyDrop;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Descriptors below this one are left to the program.
const FIRST_DESCRIPTOR: libc::c_int = 900;

/// A file, and which it was when it was opened.
#[derive(Debug)]
pub(crate) struct TraceFile {
    file: ManuallyDrop<File>,
    device: u64,
    inode: u64,
}

impl TraceFile {
    /// Opens, locks and empties `path`, or `path` with this process's number.
    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        let file = match locked(&path)? {
            Some(file) => file,
            None => {
                let mut own: OsString = path.into_os_string();
                own.push(format!(".{}", std::process::id()));
                locked(own.as_ref())?.ok_or(io::ErrorKind::WouldBlock)?
            }
        };
        file.set_len(0)?;
        let file = lifted(file);
        let metadata = file.metadata()?;
        Ok(Self { file: ManuallyDrop::new(file), device: metadata.dev(), inode: metadata.ino() })
    }

    /// Makes `bytes` all that is in the file.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(bytes)
    }

    fn check(&self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if (metadata.dev(), metadata.ino()) == (self.device, self.inode) {
            Ok(())
        } else {
            Err(io::Error::other("the program took over the trace's file descriptor"))
        }
    }
}

impl Drop for TraceFile {
    /// Closes the descriptor, unless it is the program's by now.
    fn drop(&mut self) {
        if self.check().is_ok() {
            // SAFETY: `file` is not used after its owner's `drop`.
            unsafe { ManuallyDrop::drop(&mut self.file) }
        }
    }
}

impl Write for TraceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens `path` and locks it; `None` if another process has it locked.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    // SAFETY: `file` is open.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(Some(file));
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        error => Err(error),
    }
}

/// The same open file under a high descriptor; as it is if there is none.
fn lifted(file: File) -> File {
    // SAFETY: `file` is open; the call makes a descriptor of its own.
    let high = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) };
    if high < 0 {
        return file;
    }
    // SAFETY: made above, and owned by nobody else.
    unsafe { File::from_raw_fd(high) }
}
