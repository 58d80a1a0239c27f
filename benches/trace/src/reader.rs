//! Reads a trace event by event, and believes nothing that it has not checked.
//!
//! Above: `benches`. Below: `packet`, `header`, `summary`, and zstd.

use crate::format::{VARINT_MAX_BYTES, WINDOW_LOG2, take};
use crate::packet::{Columns, Flow};
use crate::{Error, Event, Header, Summary};
use std::io::{BufRead, BufReader, Read};
use zstd::stream::read::Decoder;

/// An iterator over the events of a trace.
///
/// Every event that it gives makes sense after those before it (only live objects are freed or
/// resized, threads and ids come in order), whatever the file holds. That the events are those
/// which were recorded is certain once the iterator has ended without an error.
/// It takes memory in proportion to the live objects and the threads, not to the file.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut reader = strata_trace::Reader::new(std::fs::File::open("python.strata")?)?;
/// for event in reader.by_ref() {
///     println!("{:?}", event?);
/// }
/// println!("{:?}", reader.summary().expect("the trace has ended"));
/// # Ok(()) }
/// ```
pub struct Reader<R: Read> {
    body: Option<Decoder<'static, BufReader<R>>>,
    header: Header,
    crc: crc32fast::Hasher,
    columns: Columns,
    flow: Flow,
    counted: Summary,
    summary: Option<Summary>,
}

impl<R: Read> Reader<R> {
    /// Opens a trace: reads its header.
    ///
    /// # Errors
    ///
    /// All kinds of [`Error`], as far as the header shows them.
    pub fn new(from: R) -> Result<Self, Error> {
        let mut from = BufReader::with_capacity(64 << 10, from);
        let (header, crc) = Header::read(&mut from)?;
        let mut body = Decoder::with_buffer(from).map_err(Error::Io)?.single_frame();
        body.window_log_max(WINDOW_LOG2).map_err(Error::Io)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&crc.to_le_bytes());
        Ok(Self {
            body: Some(body),
            header,
            crc: hasher,
            columns: Columns::default(),
            flow: Flow::default(),
            counted: Summary::default(),
            summary: None,
        })
    }

    /// Whose trace it is.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its figures, once the iterator has ended without an error.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }

    fn advance(&mut self) -> Result<Option<Event>, Error> {
        if self.columns.is_empty() {
            if self.columns.has_rest() {
                return Err(Error::Damaged("a packet holds more than its events"));
            }
            if !self.packet()? {
                return Ok(None);
            }
        }
        let event = self.columns.next(&mut self.flow);
        let event = event.ok_or(Error::Damaged("an event makes no sense"))?;
        self.counted.count(event, &self.flow.ids);
        Ok(Some(event))
    }

    /// Reads the next packet; `false` if it was the footer instead.
    fn packet(&mut self) -> Result<bool, Error> {
        let events = self.number()?;
        if events == 0 {
            self.footer()?;
            return Ok(false);
        }
        let mut lengths = [0; Columns::LENGTHS];
        for length in &mut lengths {
            *length = self.number()?;
        }
        let room = self.columns.start(events, lengths);
        let room = room.ok_or(Error::Damaged("a packet is larger than any packet"))?;
        self.body.as_mut().ok_or(Error::Truncated)?.read_exact(room).map_err(Error::body)?;
        self.crc.update(room);
        Ok(true)
    }

    /// Reads the footer, compares it with what was counted, and lets nothing come after it.
    fn footer(&mut self) -> Result<(), Error> {
        let mut figures = Vec::new();
        for _ in 0..Summary::FIGURES {
            crate::format::put(&mut figures, self.number()?);
        }
        let crc = std::mem::take(&mut self.crc).finalize();
        let mut body = self.body.take().ok_or(Error::Truncated)?;
        let mut stated = [0; 4];
        body.read_exact(&mut stated).map_err(Error::body)?;
        if u32::from_le_bytes(stated) != crc {
            return Err(Error::Damaged("its events do not match their checksum"));
        }
        if Summary::take(&mut figures.as_slice()) != Some(self.counted) {
            return Err(Error::Damaged("its events do not match its footer"));
        }
        // Reading to the end makes zstd compare its own checksum.
        if body.read(&mut [0]).map_err(Error::body)? != 0 {
            return Err(Error::Damaged("there is something after its footer"));
        }
        if !body.finish().fill_buf().map_err(Error::Io)?.is_empty() {
            return Err(Error::Damaged("there is something after its end"));
        }
        self.summary = Some(self.counted);
        Ok(())
    }

    fn number(&mut self) -> Result<u64, Error> {
        let body = self.body.as_mut().ok_or(Error::Truncated)?;
        let mut bytes = [0; VARINT_MAX_BYTES];
        let mut length = 0;
        loop {
            body.read_exact(&mut bytes[length..=length]).map_err(Error::body)?;
            length += 1;
            if bytes[length - 1] < 0x80 || length == VARINT_MAX_BYTES {
                break;
            }
        }
        self.crc.update(&bytes[..length]);
        take(&mut &bytes[..length]).ok_or(Error::Damaged("a number is longer than any number"))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, Error>;

    /// The next event; after the last event or the first error, `None` for ever.
    fn next(&mut self) -> Option<Self::Item> {
        self.body.as_ref()?;
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.body = None;
        }
        next
    }
}

impl<R: Read> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("header", &self.header).finish_non_exhaustive()
    }
}
