//! Which files are mapped where, so that `go tool pprof` finds the functions that have no names here.
//!
//! Above: `pprof.rs`. Below: Linux's `/proc/self/maps`; elsewhere nothing is known.

/// Code of a file, mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset_bytes: u64,
    pub(super) file: String,
}

/// What is mapped for execution.
pub(super) fn mapped() -> Vec<Mapped> {
    let text = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    text.lines().filter_map(parse).collect()
}

/// `START-END RIGHTS OFFSET DEVICE INODE   FILE`
fn parse(line: &str) -> Option<Mapped> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?;
    let offset = words.next()?;
    let file = words.nth(2)?.trim_start().to_owned();
    let number = |text| u64::from_str_radix(text, 16).ok();
    let (start, end, offset_bytes) = (number(start)?, number(end)?, number(offset)?);
    rights.contains('x').then_some(Mapped { start, end, offset_bytes, file })
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::{Mapped, parse};

    #[test]
    fn lines_of_the_kernel() {
        let line = "7f01a000-7f01c000 r-xp 00026000 08:01 1234      /usr/lib/a file.so";
        let expected = Mapped {
            start: 0x7f01_a000,
            end: 0x7f01_c000,
            offset_bytes: 0x26000,
            file: "/usr/lib/a file.so".into(),
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("7f01a000-7f01c000 rw-p 00026000 08:01 1234 /usr/lib/a.so"), None);
        assert_eq!(parse("no map"), None);
    }
}
