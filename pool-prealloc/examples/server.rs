//! A server that takes its memory at start-up and cannot allocate after: the global allocator refuses.
//!
//! A store of words, over TCP: `SET name value`, `GET name`, `DEL name`, a line each. Everything that the
//! server keeps is planned: sessions, records, and the map from names to records. Its clients are threads of
//! the same process, and may not allocate either.
//!
//! `cargo run -p pool-prealloc --example server`

use alloc_core::api2::alloc::System;
use alloc_core::report::Text;
use alloc_core::{AsGlobal, Failing, Layer, Schedule};
use hashbrown::{DefaultHashBuilder, HashMap};
use pool_prealloc::{Budget, Key, KeyPool, Plan, Pool, PoolBox, Preparation, Share, SlotBox};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;

/// Refuses every request from `resume` on.
#[global_allocator]
static GLOBAL: AsGlobal<Failing<System>> =
    AsGlobal::new(Failing::new(Schedule::After(0), System).paused());

const SESSIONS: usize = 4;
const RECORDS: usize = 256;
const TEXT_BYTES: usize = 24;
/// A table that is half full at most is never made longer, only tidied up in place.
const PLACES: usize = 2 * RECORDS;
/// For 1024 names with their keys, and hashbrown's bytes beside them.
const TABLE_BYTES: usize = 40 << 10;

const PLAN: Plan<3> = Plan::new([
    Share::pool::<Session>(SESSIONS),
    Share::key_pool::<Word>(RECORDS),
    Share::of::<[u128; TABLE_BYTES / 16]>(1),
]);
const _: () = assert!(PLAN.bytes() < 64 << 10, "the server fits into 64 KiB");

type Below<'b> = &'b Budget<System, 3>;
type Names<'b> = HashMap<Word, Key<Word>, DefaultHashBuilder, Below<'b>>;

/// A short text, in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Word {
    bytes: [u8; TEXT_BYTES],
    length: u8,
}

impl Word {
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; TEXT_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, length: text.len() as u8 })
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A connection, with what of its next request has come.
struct Session {
    stream: TcpStream,
    line: [u8; 128],
    length: usize,
}

#[derive(Default)]
struct Served {
    sessions: u32,
    requests: u32,
    refused: u32,
}

struct Store<'b> {
    records: KeyPool<Word, Below<'b>>,
    names: Names<'b>,
    served: Served,
}

impl<'b> Store<'b> {
    fn new(budget: Below<'b>) -> Self {
        Self {
            records: KeyPool::with_capacity_in(RECORDS, budget),
            names: HashMap::with_capacity_in(PLACES, budget),
            served: Served::default(),
        }
    }

    /// Answers one request. There is always an answer, also if there is no room.
    fn answer(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.served.requests += 1;
        let mut words = line.split(|byte| *byte == b' ').map(Word::new);
        let (verb, name, value) = (words.next().flatten(), words.next().flatten(), words.next());
        let (Some(verb), Some(name)) = (verb, name) else { return out.write_all(b"what?\n") };
        let known = self.names.get(&name).copied();
        match (verb.text(), value.flatten(), known) {
            (b"SET", Some(value), Some(key)) => {
                self.records[key] = value;
                out.write_all(b"ok\n")
            }
            (b"SET", Some(value), None) => match self.records.insert(value) {
                Ok(key) => {
                    self.names.insert(name, key); // there is room for as many as there are records
                    out.write_all(b"ok\n")
                }
                Err(_) => {
                    self.served.refused += 1;
                    out.write_all(b"full\n")
                }
            },
            (b"GET", None, Some(key)) => {
                out.write_all(self.records[key].text())?;
                out.write_all(b"\n")
            }
            (b"DEL", None, Some(key)) => {
                self.names.remove(&name);
                let was = self.records.remove(key).is_ok();
                out.write_all(if was { b"ok\n" } else { b"none\n" })
            }
            (b"GET" | b"DEL", None, None) => out.write_all(b"none\n"),
            _ => out.write_all(b"what?\n"),
        }
    }
}

impl Session {
    /// Reads what has come and answers what is complete. `false` when the connection has ended.
    fn step(&mut self, store: &mut Store<'_>) -> io::Result<bool> {
        let read = match self.stream.read(&mut self.line[self.length..]) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        self.length += read;
        while let Some(end) = self.line[..self.length].iter().position(|byte| *byte == b'\n') {
            store.answer(&self.line[..end], &mut self.stream)?;
            self.line.copy_within(end + 1..self.length, 0);
            self.length -= end + 1;
        }
        Ok(self.length < self.line.len())
    }
}

/// Serves until `clients` connections have ended.
fn serve<'p>(
    listener: &TcpListener,
    clients: u32,
    sessions: &'p Pool<Session, Below<'_>>,
    store: &mut Store<'_>,
) -> io::Result<()> {
    let mut open: [Option<PoolBox<'p, Session, Below<'_>>>; SESSIONS] = [const { None }; SESSIONS];
    while store.served.sessions < clients {
        // A client waits in the listener's queue while all sessions are in use.
        if let Some(place) = open.iter_mut().find(|place| place.is_none()) {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    *place = sessions.alloc(Session { stream, line: [0; 128], length: 0 }).ok();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => return Err(error),
            }
        }
        for place in &mut open {
            let ended = place.as_mut().is_some_and(|session| !session.step(store).unwrap_or(false));
            if ended {
                drop(place.take().map(SlotBox::into_inner));
                store.served.sessions += 1;
            }
        }
    }
    Ok(())
}

/// Sends requests and looks at the answers, without an allocation of its own.
fn client(number: u8, address: SocketAddr) -> io::Result<u32> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut right = 0;
    for round in 0..200_u16 {
        let name = [b'a' + number, b'0' + (round % 50 / 10) as u8, b'0' + (round % 10) as u8];
        let mut ask = |parts: &[&[u8]], want: &[u8]| -> io::Result<()> {
            let (mut line, mut length) = ([0; 128], 0);
            for part in parts {
                line[length..length + part.len()].copy_from_slice(part);
                length += part.len();
            }
            stream.write_all(&line[..length])?;
            let mut answer = [0; 64];
            stream.read_exact(&mut answer[..want.len()])?;
            right += u32::from(answer[..want.len()] == *want);
            Ok(())
        };
        ask(&[b"SET ", &name, b" value-of-", &name, b"\n"], b"ok\n")?;
        let mut want = *b"value-of-xyz\n";
        want[9..12].copy_from_slice(&name);
        ask(&[b"GET ", &name, b"\n"], &want)?;
        if round % 2 == 0 {
            ask(&[b"DEL ", &name, b"\n"], b"ok\n")?;
            ask(&[b"GET ", &name, b"\n"], b"none\n")?;
        }
    }
    Ok(right)
}

fn main() -> io::Result<()> {
    const CLIENTS: u8 = 6;
    let ready = Preparation::new().prefault();
    let budget = Budget::prepared_in(PLAN, ready, System).map_err(io::Error::other)?;
    let sessions = Pool::with_capacity_in(SESSIONS, &budget);
    let mut store = Store::new(&budget);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    println!("{} bytes planned and taken; serving at {address}", PLAN.bytes());

    let start = Barrier::new(usize::from(CLIENTS) + 1);
    let right = std::thread::scope(|scope| {
        let clients = [0, 1, 2, 3, 4, 5_u8].map(|number| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                client(number, address)
            })
        });
        GLOBAL.below().resume(); // from here on, whoever allocates is refused, and the process ends
        start.wait();
        serve(&listener, CLIENTS.into(), &sessions, &mut store)?;
        clients.into_iter().try_fold(0, |sum, client| match client.join() {
            Ok(right) => Ok::<u32, io::Error>(sum + right?),
            Err(_) => Err(ErrorKind::Other.into()),
        })
    });
    GLOBAL.below().pause();

    let (right, served) = (right?, &store.served);
    println!("{} sessions, {} requests, {right} right", served.sessions, served.requests);
    println!("allocations after start-up: {}", GLOBAL.below().requests());
    assert_eq!((right, served.refused, GLOBAL.below().requests()), (served.requests, 0, 0));
    let mut text = String::new();
    store.records.report(&mut alloc_core::Report::new(&mut Text::new(&mut text)));
    print!("{text}");
    budget.verify().map_err(io::Error::other)
}
