//! What a trace says before its first event: whose it is, and when it was taken.
//!
//! Above: the writer writes it at once, the reader reads it first. Below: `format`.
//! Not here: figures that are known only at the end (`summary`).

use crate::Error;
use crate::format::{HEADER_MAX_BYTES, MAGIC, VERSION, put, take};
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose allocations a trace holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When the recording began: seconds since 1970-01-01 00:00 UTC.
    pub date_unix_seconds: u64,
    /// The operating system and processor that it ran on, such as `linux-x86_64`.
    pub platform: String,
}

impl Header {
    /// A header for a recording that begins now, on this machine.
    #[must_use]
    pub fn now(command: Vec<String>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            command,
            date_unix_seconds: since.as_secs(),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }

    /// The command in one line, its arguments set apart by spaces.
    #[must_use]
    pub fn command_line(&self) -> String {
        self.command.join(" ")
    }

    /// Everything in front of the compressed body. Arguments that do not fit are left out.
    pub(crate) fn write(&self, out: &mut impl Write) -> std::io::Result<u32> {
        let mut text = Vec::new();
        put(&mut text, self.date_unix_seconds);
        put_text(&mut text, cut_text(&self.platform, 256));
        let mut room = HEADER_MAX_BYTES - 1024;
        let fits = |arg: &&String| {
            let left = room.checked_sub(arg.len() + 10);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let command: Vec<&String> = self.command.iter().take_while(fits).collect();
        put(&mut text, command.len() as u64);
        for arg in command {
            put_text(&mut text, arg);
        }
        debug_assert!(text.len() <= HEADER_MAX_BYTES);

        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text);
        let crc = crc32fast::hash(&bytes);
        bytes.extend(crc.to_le_bytes());
        out.write_all(&bytes)?;
        Ok(crc)
    }

    /// Reads what [`write`](Header::write) wrote, and the checksum that it returned.
    pub(crate) fn read(from: &mut impl Read) -> Result<(Self, u32), Error> {
        let mut bytes = vec![0; MAGIC.len()];
        let got = read_up_to(from, &mut bytes)?;
        if bytes[..got] != MAGIC[..got] {
            return Err(Error::NotATrace);
        }
        if got < MAGIC.len() {
            return Err(Error::Truncated);
        }
        let version = read_u32(from, &mut bytes)?;
        if version != VERSION {
            return Err(Error::Version { found: version, expected: VERSION });
        }
        let length = read_u32(from, &mut bytes)? as usize;
        if length > HEADER_MAX_BYTES {
            return Err(Error::Damaged("its header is longer than any header"));
        }
        let start = bytes.len();
        bytes.resize(start + length, 0);
        from.read_exact(&mut bytes[start..]).map_err(Error::plain)?;
        let crc = crc32fast::hash(&bytes);
        if read_u32(from, &mut Vec::new())? != crc {
            return Err(Error::Damaged("its header does not match its checksum"));
        }
        let header = Self::parse(&bytes[start..]).ok_or(Error::Damaged("its header is odd"))?;
        Ok((header, crc))
    }

    fn parse(mut text: &[u8]) -> Option<Self> {
        let date_unix_seconds = take(&mut text)?;
        let platform = take_text(&mut text)?;
        let count = usize::try_from(take(&mut text)?).ok()?;
        // An argument takes a byte at least, so a mad count cannot make a large `Vec`.
        if count > text.len() {
            return None;
        }
        let command = (0..count).map(|_| take_text(&mut text)).collect::<Option<_>>()?;
        text.is_empty().then_some(Self { command, date_unix_seconds, platform })
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn take_text(from: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(take(from)?).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

/// The longest beginning of `text` that is at most `max_bytes` long.
fn cut_text(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Fills `into` as far as `from` goes.
fn read_up_to(from: &mut impl Read, into: &mut [u8]) -> Result<usize, Error> {
    let mut got = 0;
    while got < into.len() {
        match from.read(&mut into[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Io(error)),
        }
    }
    Ok(got)
}

/// Reads a number and keeps its bytes in `seen`.
fn read_u32(from: &mut impl Read, seen: &mut Vec<u8>) -> Result<u32, Error> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).map_err(Error::plain)?;
    seen.extend(bytes);
    Ok(u32::from_le_bytes(bytes))
}
