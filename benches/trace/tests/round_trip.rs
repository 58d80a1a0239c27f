//! Whatever is written is read back, event by event.

use proptest::prelude::*;
use strata_trace::{Event, Header, Op, Reader, Recorder, Recording, Summary, Writer};

/// A step of a random program: `pick` chooses among live objects.
#[derive(Clone, Debug)]
enum Step {
    Alloc { thread: u32, size: u64, align_log2: u32, zeroed: bool },
    Free { thread: u32, pick: usize },
    Realloc { thread: u32, pick: usize, size: u64, align_log2: u32 },
}

fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![0..200u64, Just(4096), 0..1u64 << 40]
}

fn aligns() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(4u32), 1 => 0..22u32]
}

fn steps(threads: u32, max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..threads, sizes(), aligns(), any::<bool>())
            .prop_map(|(thread, size, align_log2, zeroed)| Step::Alloc { thread, size, align_log2, zeroed }),
        2 => (0..threads, any::<usize>()).prop_map(|(thread, pick)| Step::Free { thread, pick }),
        1 => (0..threads, any::<usize>(), sizes(), aligns())
            .prop_map(|(thread, pick, size, align_log2)| Step::Realloc { thread, pick, size, align_log2 }),
    ];
    prop::collection::vec(step, 0..max)
}

fn header() -> Header {
    Header { command: vec!["a".into(), "ü b".into()], date_unix_seconds: 7, platform: "p".into() }
}

/// Writes the steps; what was written, and the events as the writer saw them.
fn write(steps: &[Step]) -> (Vec<u8>, Vec<Event>, Summary) {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    let (mut live, mut events, mut threads) = (Vec::new(), Vec::new(), 0);
    let mut in_order = |thread: u32| {
        let thread = thread.min(threads);
        threads = threads.max(thread + 1);
        thread
    };
    for step in steps {
        let event = match *step {
            Step::Alloc { thread, size, align_log2, zeroed } => {
                let thread = in_order(thread);
                let id = writer.alloc(thread, size, 1 << align_log2, zeroed).unwrap();
                live.push(id);
                let align_bytes = 1 << align_log2;
                Event { thread, op: Op::Alloc { id, size_bytes: size, align_bytes, zeroed } }
            }
            _ if live.is_empty() => continue,
            Step::Free { thread, pick } => {
                let thread = in_order(thread);
                let id = live.swap_remove(pick % live.len());
                writer.free(thread, id).unwrap();
                Event { thread, op: Op::Free { id } }
            }
            Step::Realloc { thread, pick, size, align_log2 } => {
                let thread = in_order(thread);
                let id = live[pick % live.len()];
                writer.realloc(thread, id, size, 1 << align_log2).unwrap();
                let op = Op::Realloc { id, size_bytes: size, align_bytes: 1 << align_log2 };
                Event { thread, op }
            }
        };
        events.push(event);
    }
    let (bytes, summary) = writer.finish().unwrap();
    (bytes, events, summary)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(steps in steps(5, 400)) {
        let (bytes, events, summary) = write(&steps);
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        prop_assert_eq!(reader.header(), &header());
        let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(&read, &events);
        prop_assert_eq!(reader.summary(), Some(summary));
        prop_assert!(reader.next().is_none());

        // The figures, counted once more and apart from the crate.
        let mut sizes = std::collections::HashMap::new();
        let (mut peak, mut most) = (0, 0);
        for event in &events {
            match event.op {
                Op::Alloc { id, size_bytes, .. } => {
                    prop_assert!(sizes.insert(id, size_bytes).is_none(), "an id is given out twice");
                }
                Op::Realloc { id, size_bytes, .. } => {
                    prop_assert!(sizes.insert(id, size_bytes).is_some());
                }
                Op::Free { id } => prop_assert!(sizes.remove(&id).is_some()),
            }
            peak = peak.max(sizes.values().sum::<u64>());
            most = most.max(sizes.len() as u64);
        }
        prop_assert_eq!(summary.peak_live_bytes, peak);
        prop_assert_eq!(summary.peak_live_objects, most);
        prop_assert_eq!(summary.events, events.len() as u64);
        prop_assert_eq!(summary.objects - summary.frees, sizes.len() as u64);
    }
}

#[test]
fn more_events_than_a_packet_holds() {
    let steps: Vec<Step> = (0..100_000u64)
        .map(|n| match n % 3 {
            2 => Step::Free { thread: 1, pick: (n / 7) as usize },
            _ => {
                Step::Alloc { thread: (n % 2) as u32, size: n % 500, align_log2: 4, zeroed: false }
            }
        })
        .collect();
    let (bytes, events, _) = write(&steps);
    let read: Vec<Event> = Reader::new(bytes.as_slice()).unwrap().map(Result::unwrap).collect();
    assert!(read == events);
    assert!(bytes.len() < events.len() * 4, "{} bytes for {} events", bytes.len(), events.len());
}

#[test]
fn a_command_that_is_too_long_is_cut_not_refused() {
    let long = Header { command: vec!["x".repeat(1000); 1000], ..header() };
    let (bytes, _) = Writer::new(Vec::new(), &long).unwrap().finish().unwrap();
    let reader = Reader::new(bytes.as_slice()).unwrap();
    let command = &reader.header().command;
    assert!((50..1000).contains(&command.len()), "{}", command.len());
    assert!(command.iter().all(|arg| arg.len() == 1000));
}

#[test]
fn the_writer_refuses_what_cannot_be() {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    assert!(writer.alloc(1, 8, 8, false).is_err(), "thread 0 comes first");
    assert!(writer.alloc(0, 8, 24, false).is_err(), "24 is no power of two");
    let id = writer.alloc(0, 8, 8, false).unwrap();
    assert!(writer.free(0, id + 1).is_err());
    assert!(writer.realloc(0, id, u64::MAX, 8).is_ok());
    assert!(writer.alloc(0, 1, 1, false).is_err(), "2^64 bytes");
    writer.free(0, id).unwrap();
    assert!(writer.free(0, id).is_err(), "freed twice");
    let (bytes, summary) = writer.finish().unwrap();
    assert_eq!(summary.events, 3);
    assert_eq!(Reader::new(bytes.as_slice()).unwrap().filter_map(Result::ok).count(), 3);
}

#[test]
fn a_recording_follows_addresses() {
    let mut r = Recording::new(Writer::new(Vec::new(), &header()).unwrap());
    r.free(9, 0x5000).unwrap(); // from before the recording
    r.alloc(77, 0x1000, 10, 16, true).unwrap();
    r.alloc(5, 0x2000, 20, 64, false).unwrap();
    let moving = r.realloc_begins(0x1000);
    r.alloc(5, 0x1000, 30, 16, false).unwrap(); // the old place, taken in between
    r.realloc_ends(moving, 77, 0x3000, 40, 16).unwrap();
    let failed = r.realloc_begins(0x2000);
    r.realloc_fails(failed);
    r.free(77, 0x2000).unwrap();
    let unknown = r.realloc_begins(0x7000);
    r.realloc_ends(unknown, 5, 0x8000, 50, 16).unwrap();
    r.alloc(5, 0x8000, 60, 16, false).unwrap(); // the free of 0x8000 escaped
    let (bytes, summary) = r.finish().unwrap();

    let alloc =
        |id, size_bytes, align_bytes, zeroed| Op::Alloc { id, size_bytes, align_bytes, zeroed };
    let expected = [
        (0, alloc(0, 10, 16, true)),
        (1, alloc(1, 20, 64, false)),
        (1, alloc(2, 30, 16, false)),
        (0, Op::Realloc { id: 0, size_bytes: 40, align_bytes: 16 }),
        (0, Op::Free { id: 1 }),
        (1, alloc(1, 50, 16, false)),
        (1, Op::Free { id: 1 }),
        (1, alloc(1, 60, 16, false)),
    ];
    let read: Vec<_> = Reader::new(bytes.as_slice())
        .unwrap()
        .map(|e| e.map(|e| (e.thread, e.op)).unwrap())
        .collect();
    assert_eq!(read, expected);
    assert_eq!(summary.threads, 2, "thread 9 recorded nothing");
}

#[test]
fn a_recorder_serves_many_threads() {
    let recorder = Recorder::new(Writer::new(Vec::new(), &header()).unwrap());
    std::thread::scope(|s| {
        for thread in 0..4u64 {
            let recorder = &recorder;
            s.spawn(move || {
                for n in 0..5000usize {
                    let address = (thread as usize + 1) << 32 | n << 4;
                    recorder.alloc(thread * 1000, address, n, 16, false);
                    if n % 2 == 0 {
                        let moving = recorder.realloc_begins(address);
                        recorder.realloc_ends(moving, thread * 1000, address + 8, 2 * n, 16);
                        recorder.free(thread * 1000, address + 8);
                    }
                }
            });
        }
    });
    let (bytes, summary) = recorder.finish().unwrap().unwrap();
    assert!(recorder.finish().is_none());
    recorder.alloc(1, 1, 1, 1, false); // dropped
    assert_eq!((summary.objects, summary.frees, summary.threads), (20_000, 10_000, 4));
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 40_000);
    assert_eq!(reader.summary(), Some(summary));
}

#[test]
fn a_full_disk_ends_the_recording_and_is_told() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::new(Writer::new(Full(1000), &header()).unwrap());
    let mut random = 1u64;
    for n in 0..200_000usize {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        recorder.alloc(0, n, (random >> 40) as usize, 16, false);
    }
    let error = recorder.finish().unwrap().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
