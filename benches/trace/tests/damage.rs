//! No damage passes for data: every cut and every flipped bit of a trace is an error.

use strata_trace::{Error, Event, Header, MAGIC, Reader, VERSION, Writer};

fn trace() -> Vec<u8> {
    let header =
        Header { command: vec!["demo".into()], date_unix_seconds: 1, platform: "p".into() };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    let mut live = Vec::new();
    let mut random = 1u64;
    for n in 0..400u32 {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(99);
        let thread = n % 3;
        if random >> 62 == 0 && !live.is_empty() {
            let id = live.swap_remove((random >> 20) as usize % live.len());
            writer.free(thread, id).unwrap();
        } else {
            live.push(writer.alloc(thread, random >> 50, 1 << (n % 6), n % 7 == 0).unwrap());
        }
    }
    writer.finish().unwrap().0
}

fn read(bytes: &[u8]) -> Result<Vec<Event>, Error> {
    Reader::new(bytes)?.collect()
}

#[test]
fn every_flipped_bit_is_noticed() {
    let good = trace();
    let events = read(&good).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            match read(&bad) {
                Ok(same) => assert!(same == events, "bit {bit} of byte {at} changed the events"),
                Err(Error::NotATrace) => assert!(at < 8),
                Err(Error::Version { found, expected }) => {
                    assert!((8..12).contains(&at) && expected == VERSION && found != VERSION);
                }
                Err(Error::Truncated | Error::Damaged(_)) => assert!(at >= 12),
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
}

#[test]
fn every_cut_is_a_truncation() {
    let good = trace();
    for length in 0..good.len() {
        match read(&good[..length]) {
            Err(Error::Truncated) => {}
            other => panic!("{length} of {} bytes: {:?}", good.len(), other.map(|e| e.len())),
        }
    }
}

#[test]
fn bytes_in_wild_disorder_are_survived() {
    let good = trace();
    let mut random = 42u64;
    let mut next = || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(7);
        (random >> 33) as usize
    };
    for _ in 0..2000 {
        let mut bad = good.clone();
        for _ in 0..1 + next() % 20 {
            let at = next() % bad.len();
            bad[at] = next() as u8;
        }
        let _ = read(&bad);
        let (from, to) = (next() % good.len(), next() % good.len());
        bad.splice(from.min(to)..from.max(to), good[to..].iter().copied());
        let _ = read(&bad);
    }
}

#[test]
fn other_files_are_not_traces() {
    for other in
        [b"#!/bin/sh\n".as_slice(), b"\x28\xb5\x2f\xfd", b"\x7fELF\x02\x01\x01\0", b"\xd7STRAT\n"]
    {
        assert!(matches!(read(other), Err(Error::NotATrace)), "{other:?}");
    }
    assert!(matches!(read(b""), Err(Error::Truncated)));
    assert!(matches!(read(&MAGIC), Err(Error::Truncated)));
}

#[test]
fn another_version_is_named() {
    let mut bytes = trace();
    bytes[8..12].copy_from_slice(&7u32.to_le_bytes());
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, Error::Version { found: 7, expected: VERSION }));
    assert!(error.to_string().contains("version 7"), "{error}");
}

#[test]
fn nothing_may_follow_the_end() {
    let mut bytes = trace();
    bytes.push(0);
    assert!(matches!(read(&bytes), Err(Error::Damaged(_))));
    let mut twice = trace();
    twice.extend(trace());
    assert!(matches!(read(&twice), Err(Error::Damaged(_))));
}

#[test]
fn a_body_that_lies_about_its_counts_is_damaged() {
    // A well-formed frame with a right checksum may still state a wrong footer.
    let good = trace();
    let header_end = 8 + 4 + 4 + u32::from_le_bytes(good[12..16].try_into().unwrap()) as usize + 4;
    let crc_of_header = &good[header_end - 4..header_end];
    let mut body = zstd::decode_all(&good[header_end..]).unwrap();
    let end = body.len();
    // The last figure, peak_live_bytes, stands right before the checksum; change its low bit.
    let mut at = end - 5;
    while body[at - 1] >= 0x80 {
        at -= 1;
    }
    body[at] ^= 1;
    let mut crc = crc32fast::Hasher::new();
    crc.update(crc_of_header);
    crc.update(&body[..end - 4]);
    let crc = crc.finalize();
    body[end - 4..].copy_from_slice(&crc.to_le_bytes());
    let mut lie = good[..header_end].to_vec();
    lie.extend(zstd::encode_all(body.as_slice(), 3).unwrap());
    assert!(matches!(read(&lie), Err(Error::Damaged("its events do not match its footer"))));
}

#[test]
fn a_reader_that_failed_stays_ended() {
    let good = trace();
    let mut reader = Reader::new(&good[..good.len() - 3]).unwrap();
    assert!(reader.by_ref().any(|event| event.is_err()));
    assert!(reader.next().is_none() && reader.summary().is_none());
}
