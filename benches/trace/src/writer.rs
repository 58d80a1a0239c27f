//! Writes a trace as its events come.
//!
//! Above: [`Recording`](crate::Recording), which knows addresses, and whoever makes traces up.
//! Below: `packet`, `header`, `summary`, and zstd.

use crate::format::WINDOW_LOG2;
use crate::packet::{Flow, Packet};
use crate::{Event, Header, Op, Summary};
use std::io::{self, Write};
use zstd::stream::write::Encoder;

/// Slower levels shrink a trace by a few percent only, and a recording runs inside `malloc`.
const LEVEL: i32 = 6;

/// Writes a trace to `W`, in memory that does not grow with the number of events.
///
/// A trace that is dropped before [`finish`](Writer::finish) has no footer: it reads as truncated.
///
/// ```
/// use strata_trace::{Header, Op, Reader, Writer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut writer = Writer::new(Vec::new(), &Header::now(vec!["demo".into()]))?;
/// let id = writer.alloc(0, 100, 16, false)?;
/// writer.free(0, id)?;
/// let (bytes, summary) = writer.finish()?;
/// assert_eq!((summary.objects, summary.peak_live_bytes), (1, 100));
///
/// let mut reader = Reader::new(bytes.as_slice())?;
/// assert_eq!(reader.header().command, ["demo"]);
/// let ops = reader.by_ref().map(|event| Ok(event?.op)).collect::<Result<Vec<Op>, strata_trace::Error>>()?;
/// assert_eq!(ops[1], Op::Free { id });
/// # Ok(()) }
/// ```
pub struct Writer<W: Write> {
    body: Encoder<'static, W>,
    crc: crc32fast::Hasher,
    packet: Packet,
    bytes: Vec<u8>,
    flow: Flow,
    summary: Summary,
}

impl<W: Write> Writer<W> {
    /// Begins a trace: writes its header.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        Self::with_level(out, header, LEVEL)
    }

    /// Begins a trace that is compressed by another zstd level than the usual one.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn with_level(mut out: W, header: &Header, level: i32) -> io::Result<Self> {
        let crc = header.write(&mut out)?;
        let mut body = Encoder::new(out, level)?;
        body.include_checksum(true)?;
        body.window_log(WINDOW_LOG2)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&crc.to_le_bytes());
        Ok(Self {
            body,
            crc: hasher,
            packet: Packet::default(),
            bytes: Vec::new(),
            flow: Flow::default(),
            summary: Summary::default(),
        })
    }

    /// `thread` allocated an object; its id.
    ///
    /// # Errors
    ///
    /// Those of the writer below; `InvalidInput` for a thread that skips numbers, an alignment
    /// that is no power of two, and more than 2³² live objects or 2⁶⁴ live bytes.
    pub fn alloc(
        &mut self,
        thread: u32,
        size_bytes: u64,
        align_bytes: u64,
        zeroed: bool,
    ) -> io::Result<u32> {
        self.check(thread, align_bytes)?;
        let id = self.flow.ids.begin(size_bytes).ok_or_else(|| odd("too much is live at once"))?;
        self.push(Event { thread, op: Op::Alloc { id, size_bytes, align_bytes, zeroed } })?;
        Ok(id)
    }

    /// `thread` freed the object `id`.
    ///
    /// # Errors
    ///
    /// Those of the writer below; `InvalidInput` if `id` is not live or `thread` skips numbers.
    pub fn free(&mut self, thread: u32, id: u32) -> io::Result<()> {
        self.check(thread, 1)?;
        self.flow.ids.end(id).ok_or_else(|| odd("the object does not live"))?;
        self.push(Event { thread, op: Op::Free { id } })
    }

    /// `thread` changed the size of the object `id`, which keeps its id.
    ///
    /// # Errors
    ///
    /// Those of [`alloc`](Writer::alloc) and [`free`](Writer::free).
    pub fn realloc(
        &mut self,
        thread: u32,
        id: u32,
        size_bytes: u64,
        align_bytes: u64,
    ) -> io::Result<()> {
        self.check(thread, align_bytes)?;
        let resized = self.flow.ids.resize(id, size_bytes);
        resized.ok_or_else(|| odd("the object does not live, or too much does"))?;
        self.push(Event { thread, op: Op::Realloc { id, size_bytes, align_bytes } })
    }

    /// The figures up to now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Writes the footer. Without it, the trace counts as truncated.
    ///
    /// # Errors
    ///
    /// Those of the writer below.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        self.ship()?;
        let mut footer = vec![0];
        self.summary.put(&mut footer);
        self.crc.update(&footer);
        footer.extend(self.crc.finalize().to_le_bytes());
        self.body.write_all(&footer)?;
        let mut out = self.body.finish()?;
        out.flush()?;
        Ok((out, self.summary))
    }

    fn check(&self, thread: u32, align_bytes: u64) -> io::Result<()> {
        if thread as usize > self.flow.threads() {
            return Err(odd("threads are numbered in the order of their first event"));
        }
        if !align_bytes.is_power_of_two() {
            return Err(odd("an alignment is a power of two"));
        }
        Ok(())
    }

    fn push(&mut self, event: Event) -> io::Result<()> {
        self.packet.push(event, &mut self.flow);
        self.summary.count(event, &self.flow.ids);
        if self.packet.is_full() { self.ship() } else { Ok(()) }
    }

    /// Compresses the packet, unless it is empty.
    #[cold]
    fn ship(&mut self) -> io::Result<()> {
        if self.packet.is_empty() {
            return Ok(());
        }
        self.bytes.clear();
        self.packet.drain_to(&mut self.bytes);
        self.crc.update(&self.bytes);
        self.body.write_all(&self.bytes)
    }
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("summary", &self.summary).finish_non_exhaustive()
    }
}

fn odd(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
