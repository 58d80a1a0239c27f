//! Some thousands of events as five columns, which compress far better apart than mixed.
//!
//! Above: the writer fills packets, the reader empties them. Below: `format`, `ids`.
//!
//! | column | an entry for each | entry |
//! |---|---|---|
//! | kinds | event | one byte: the op, and whether the next two columns have an entry |
//! | threads | event of another thread than the one before | the thread |
//! | aligns | allocation and reallocation whose alignment is not 16 | one byte: its logarithm |
//! | sizes | allocation and reallocation | the size |
//! | ids | free and reallocation | the id, as the distance from the thread's id before |
//!
//! An allocation's id is not in the file: it follows from the rule in `ids`.

use crate::format::{PACKET_MAX_EVENTS, VARINT_MAX_BYTES, put, take, unzigzag, zigzag};
use crate::ids::Ids;
use crate::{Event, Op};

const COLUMNS: usize = 5;
/// What `malloc` promises on 64-bit machines.
const USUAL_ALIGN_BYTES: u64 = 16;

const ALLOC: u8 = 0;
const ALLOC_ZEROED: u8 = 1;
const FREE: u8 = 2;
const REALLOC: u8 = 3;
const OP: u8 = 3;
const OTHER_THREAD: u8 = 4;
const OTHER_ALIGN: u8 = 8;

/// What carries over from event to event, on both sides.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub ids: Ids,
    thread: u32,
    /// By thread: the id of its event before.
    last: Vec<u32>,
}

impl Flow {
    /// How many threads have shown up.
    pub fn threads(&self) -> usize {
        self.last.len()
    }
}

/// The columns, and how many events they hold.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    events: usize,
    kinds: Vec<u8>,
    threads: Vec<u8>,
    aligns: Vec<u8>,
    sizes: Vec<u8>,
    ids: Vec<u8>,
}

impl Packet {
    pub fn is_full(&self) -> bool {
        self.events == PACKET_MAX_EVENTS
    }

    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Appends an event, whose thread is at most [`Flow::threads`].
    pub fn push(&mut self, event: Event, flow: &mut Flow) {
        let mut kind = match event.op {
            Op::Alloc { zeroed: false, .. } => ALLOC,
            Op::Alloc { zeroed: true, .. } => ALLOC_ZEROED,
            Op::Free { .. } => FREE,
            Op::Realloc { .. } => REALLOC,
        };
        let thread = event.thread as usize;
        if thread == flow.last.len() {
            flow.last.push(0);
        }
        if event.thread != flow.thread {
            kind |= OTHER_THREAD;
            put(&mut self.threads, u64::from(event.thread));
        }
        if let Op::Alloc { size_bytes, align_bytes, .. }
        | Op::Realloc { size_bytes, align_bytes, .. } = event.op
        {
            put(&mut self.sizes, size_bytes);
            if align_bytes != USUAL_ALIGN_BYTES {
                kind |= OTHER_ALIGN;
                self.aligns.push(align_bytes.trailing_zeros() as u8);
            }
        }
        let id = event.op.id();
        if let Op::Free { .. } | Op::Realloc { .. } = event.op {
            put(&mut self.ids, zigzag(i64::from(id) - i64::from(flow.last[thread])));
        }
        self.kinds.push(kind);
        flow.thread = event.thread;
        flow.last[thread] = id;
        self.events += 1;
    }

    /// Moves the packet's bytes to the end of `out`; the packet is empty then.
    pub fn drain_to(&mut self, out: &mut Vec<u8>) {
        put(out, self.events as u64);
        for column in self.columns() {
            put(out, column.len() as u64);
        }
        for column in self.columns() {
            out.append(column);
        }
        self.events = 0;
    }

    fn columns(&mut self) -> [&mut Vec<u8>; COLUMNS] {
        [&mut self.kinds, &mut self.threads, &mut self.aligns, &mut self.sizes, &mut self.ids]
    }
}

/// The columns of a packet as they are used up.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    bytes: Vec<u8>,
    /// What is left of each column: from, to.
    left: [(usize, usize); COLUMNS],
    events: usize,
}

impl Columns {
    /// Numbers in front of the columns of a packet, after the number of events.
    pub const LENGTHS: usize = COLUMNS;

    /// Makes room for the columns of a packet of `events` events and these lengths: where their
    /// bytes go. `None` for a packet that cannot be.
    pub fn start(&mut self, events: u64, lengths: [u64; COLUMNS]) -> Option<&mut [u8]> {
        let events = usize::try_from(events).ok().filter(|&n| n <= PACKET_MAX_EVENTS)?;
        let mut end = 0;
        for (left, length) in self.left.iter_mut().zip(lengths) {
            let length = usize::try_from(length).ok()?;
            if length > events * VARINT_MAX_BYTES {
                return None;
            }
            *left = (end, end + length);
            end += length;
        }
        self.events = events;
        self.bytes.clear();
        self.bytes.resize(end, 0);
        Some(&mut self.bytes)
    }

    /// Whether all events were taken; then nothing may be left.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Whether bytes remain after the last event.
    pub fn has_rest(&self) -> bool {
        self.left.iter().any(|&(from, to)| from != to)
    }

    /// Takes the next event. `None` if the columns do not hold one that can be.
    pub fn next(&mut self, flow: &mut Flow) -> Option<Event> {
        let kind = self.byte(0)?;
        if kind > OP | OTHER_THREAD | OTHER_ALIGN {
            return None;
        }
        if kind & OTHER_THREAD != 0 {
            flow.thread = u32::try_from(self.number(1)?).ok()?;
        }
        let thread = flow.thread as usize;
        // Threads come in order, so a mad number cannot make a large `Vec`.
        if thread >= flow.last.len() {
            if thread > flow.last.len() {
                return None;
            }
            flow.last.push(0);
        }
        let op = self.op(kind, flow)?;
        flow.last[thread] = op.id();
        self.events -= 1;
        Some(Event { thread: flow.thread, op })
    }

    fn op(&mut self, kind: u8, flow: &mut Flow) -> Option<Op> {
        let op = kind & OP;
        if op == FREE {
            let id = self.id(flow)?;
            flow.ids.end(id)?;
            return (kind & OTHER_ALIGN == 0).then_some(Op::Free { id });
        }
        let size_bytes = self.number(3)?;
        let align_bytes = match kind & OTHER_ALIGN {
            0 => USUAL_ALIGN_BYTES,
            _ => 1u64.checked_shl(self.byte(2)?.into())?,
        };
        if op == REALLOC {
            let id = self.id(flow)?;
            flow.ids.resize(id, size_bytes)?;
            return Some(Op::Realloc { id, size_bytes, align_bytes });
        }
        let id = flow.ids.begin(size_bytes)?;
        Some(Op::Alloc { id, size_bytes, align_bytes, zeroed: op == ALLOC_ZEROED })
    }

    fn id(&mut self, flow: &Flow) -> Option<u32> {
        let distance = unzigzag(self.number(4)?);
        let last = i64::from(flow.last[flow.thread as usize]);
        u32::try_from(last.checked_add(distance)?).ok()
    }

    fn number(&mut self, column: usize) -> Option<u64> {
        let (from, to) = self.left[column];
        let mut rest = &self.bytes[from..to];
        let value = take(&mut rest)?;
        self.left[column].0 = to - rest.len();
        Some(value)
    }

    fn byte(&mut self, column: usize) -> Option<u8> {
        let (from, to) = self.left[column];
        let byte = *self.bytes[from..to].first()?;
        self.left[column].0 += 1;
        Some(byte)
    }
}
