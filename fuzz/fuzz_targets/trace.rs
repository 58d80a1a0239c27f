//! The trace reader: it never panics, and takes no damaged trace for a whole one.
//!
//! Of an input, the first byte says whether the rest is the file itself, or operations of which a
//! trace is made that is then damaged.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use strata_trace::{Error, Event, Header, Reader, Writer};

#[derive(Arbitrary, Debug)]
enum Call {
    Alloc { thread: u8, size_bytes: u32, align_log2: u8, zeroed: bool },
    Free { thread: u8, which: u16 },
    Realloc { thread: u8, which: u16, size_bytes: u32, align_log2: u8 },
}

#[derive(Arbitrary, Debug)]
struct Made {
    command: Vec<String>,
    calls: Vec<Call>,
    /// Where the file is changed, and by what; and where it is cut off.
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
}

fuzz_target!(|input: &[u8]| match input.split_first() {
    Some((0, file)) => {
        let _ = read(file);
    }
    Some((_, rest)) => {
        if let Ok(made) = Made::arbitrary_take_rest(Unstructured::new(rest)) {
            damage(made);
        }
    }
    None => {}
});

fn read(file: &[u8]) -> Result<Vec<Event>, Error> {
    let mut reader = Reader::new(file)?;
    let events = reader.by_ref().take(1 << 20).collect::<Result<_, _>>()?;
    assert!(reader.next().is_none() || reader.summary().is_none());
    Ok(events)
}

/// Writes a trace, damages it, and reads it again.
fn damage(made: Made) {
    let header = Header { command: made.command, ..Header::default() };
    let Ok(mut writer) = Writer::new(Vec::new(), &header) else { return };
    let mut live = Vec::new();
    for call in made.calls {
        let at = |which: u16| (which as usize).checked_rem(live.len());
        // What makes no sense is refused, and leaves the writer as it was.
        match call {
            Call::Alloc { thread, size_bytes, align_log2, zeroed } => {
                let align_bytes = 1 << (align_log2 % 64);
                let id = writer.alloc(thread.into(), size_bytes.into(), align_bytes, zeroed);
                live.extend(id);
            }
            Call::Free { thread, which } => {
                let Some(at) = at(which) else { continue };
                if writer.free(thread.into(), live[at]).is_ok() {
                    live.swap_remove(at);
                }
            }
            Call::Realloc { thread, which, size_bytes, align_log2 } => {
                let Some(at) = at(which) else { continue };
                let align_bytes = 1 << (align_log2 % 64);
                let _ = writer.realloc(thread.into(), live[at], size_bytes.into(), align_bytes);
            }
        }
    }
    let (whole, summary) = writer.finish().expect("a vector takes everything");
    let events = read(&whole).expect("a whole trace reads");
    assert_eq!(summary.events, events.len() as u64);
    let mut file = whole.clone();
    for (place, change) in made.changes {
        let place = place as usize % file.len();
        file[place] ^= change;
    }
    file.truncate(made.cut.map_or(file.len(), |cut| cut as usize));
    if let Ok(read) = read(&file) {
        assert!(read == events, "a damaged trace was taken for another");
    }
}
