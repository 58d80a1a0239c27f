//! What the system says of this process: processor time, page faults, resident memory.
//!
//! Above: `replay`, `micro`. Below: getrusage, clocks and /proc. Nothing here allocates while it measures.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Processor time and faults of this process since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time in the program, over all threads.
    pub user: Duration,
    /// Time in the kernel, over all threads.
    pub sys: Duration,
    /// Pages that the kernel had to put in without reading a disk.
    pub minor_faults: u64,
}

impl Usage {
    /// As of now.
    #[must_use]
    pub fn now() -> Self {
        // SAFETY: `rusage` is plain numbers, for which zero is a value.
        let mut raw: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a live `rusage`; the call can fail only for other arguments.
        unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut raw) };
        let time = |t: libc::timeval| {
            Duration::from_secs(t.tv_sec.unsigned_abs())
                + Duration::from_micros(t.tv_usec.unsigned_abs())
        };
        Self {
            user: time(raw.ru_utime),
            sys: time(raw.ru_stime),
            minor_faults: raw.ru_minflt.unsigned_abs(),
        }
    }

    /// What was used from `before` until this.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            sys: self.sys.saturating_sub(before.sys),
            minor_faults: self.minor_faults.saturating_sub(before.minor_faults),
        }
    }
}

/// How much of the processor the calling thread takes for `work`: other programs on the machine, which
/// stretch the wall time, hardly touch it.
pub fn of_this_thread(work: impl FnOnce()) -> Duration {
    let start = thread_time();
    work();
    thread_time().saturating_sub(start)
}

fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`; every thread has such a clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Reads the resident memory of this process, and its highest mark.
#[derive(Debug)]
pub struct Resident {
    /// Walks the page tables: exact, and slow enough to stay out of timed runs.
    rollup: Option<File>,
    statm: Option<File>,
    status: Option<File>,
    page_bytes: u64,
}

impl Resident {
    /// Opens the kernel's files. On a system without them every figure is 0.
    #[must_use]
    pub fn open() -> Self {
        Self {
            rollup: File::open("/proc/self/smaps_rollup").ok(),
            statm: File::open("/proc/self/statm").ok(),
            status: File::open("/proc/self/status").ok(),
            page_bytes: page_bytes() as u64,
        }
    }

    /// Resident bytes now: exact where the kernel tells it, else as its own counters have it (they
    /// may be off by some dozen pages per processor).
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let exact = self.rollup.as_ref().and_then(|file| field(file, b"Rss:"));
        exact.map(|kib| kib * 1024).or_else(|| self.counted_bytes()).unwrap_or(0)
    }

    /// The part of the resident bytes that the program has given back, but the system has not taken
    /// yet (`MADV_FREE`); 0 where the kernel does not tell.
    #[must_use]
    pub fn lazily_freed_bytes(&self) -> u64 {
        let lazy = self.rollup.as_ref().and_then(|file| field(file, b"LazyFree:"));
        lazy.map_or(0, |kib| kib * 1024)
    }

    /// Resident bytes by the kernel's own counters alone, without a walk of page tables.
    #[must_use]
    pub fn counted_bytes(&self) -> Option<u64> {
        let mut room = [0; 128];
        let text = read(self.statm.as_ref()?, &mut room)?;
        let pages = text.split(|&b| b == b' ').nth(1)?;
        Some(number(pages)? * self.page_bytes)
    }

    /// Makes the highest mark start again from now; `false` where the system does not allow it.
    #[must_use]
    pub fn reset_peak(&self) -> bool {
        std::fs::write("/proc/self/clear_refs", "5").is_ok()
    }

    /// The largest number of resident bytes since the start of the process or the last reset.
    #[must_use]
    pub fn peak_bytes(&self) -> Option<u64> {
        Some(field(self.status.as_ref()?, b"VmHWM:")? * 1024)
    }
}

/// The size of the system's pages.
#[must_use]
pub fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).ok().filter(|bytes| bytes.is_power_of_two()).unwrap_or(4096)
}

/// For each page of a stretch of this process's memory, whether it holds memory; `true` where the
/// system does not tell.
#[must_use]
pub fn resident_pages(base: usize, bytes: usize) -> Vec<bool> {
    let mut pages = vec![1u8; bytes.div_ceil(page_bytes())];
    let address = std::ptr::without_provenance_mut(base);
    // SAFETY: the call writes a byte for each page of the stretch to `pages`, which has as many. It
    // reads no memory of the stretch, and refuses what is not mapped.
    unsafe { libc::mincore(address, bytes, pages.as_mut_ptr()) };
    pages.into_iter().map(|page| page & 1 == 1).collect()
}

fn read<'a>(file: &File, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = file.read_at(room, 0).ok()?;
    Some(&room[..length])
}

/// The number behind `name` at the start of a line.
fn field(file: &File, name: &[u8]) -> Option<u64> {
    let mut room = [0; 4096];
    let text = read(file, &mut room)?;
    text.split(|&b| b == b'\n').find_map(|line| number(line.strip_prefix(name)?))
}

/// The first number of `text`, after spaces.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_start();
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_pages_are_told_apart() {
        let page = page_bytes();
        let mut memory: Vec<u8> = Vec::with_capacity(256 * page);
        let base = memory.as_ptr().addr().next_multiple_of(page);
        let at = base - memory.as_ptr().addr() + 100 * page;
        memory.spare_capacity_mut()[at].write(1);
        let resident = resident_pages(base, 200 * page);
        assert_eq!(resident.len(), 200);
        assert!(resident[100] && !resident[50], "a page of its own is a page of its own");
    }

    #[test]
    fn touched_memory_is_seen() {
        let resident = Resident::open();
        let before = resident.bytes();
        assert!(before > 100 << 10, "a process has some memory, not {before}");
        let reset = resident.reset_peak();
        let faults = Usage::now();
        let touched = std::hint::black_box(vec![1u8; 32 << 20]);
        let after = resident.bytes();
        drop(touched);
        assert!(after >= before + (30 << 20), "{before} then {after}");
        assert!(Usage::now().since(&faults).minor_faults > 0);
        if reset {
            let peak = resident.peak_bytes().unwrap();
            // The kernel's own counters are off by a few pages; other tests may take memory too.
            assert!(peak + (2 << 20) > after, "{peak} is below {after}");
        }
    }
}
