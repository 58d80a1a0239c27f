//! The bytes of a trace: constants, and numbers of variable length.
//!
//! Above: header, packets, footer. Below: nothing.
//!
//! ```text
//! magic, 8 bytes │ version, u32 LE │ header length, u32 LE │ header │ CRC-32 of all that, u32 LE
//! one zstd frame:
//!     packet*       number of events (1..), then five columns, each with its length in bytes
//!     0             no more packets
//!     summary       its figures
//!     CRC-32        of the version, the header and every byte above of the frame's content, u32 LE
//! ```
//!
//! Numbers without a width are LEB128: seven bits to a byte, low bits first, at most ten bytes.

/// The first bytes of every trace. The first is no text, the last two give away a mangled newline.
pub const MAGIC: [u8; 8] = *b"\xd7STRAT\r\n";

/// The version of the format that this crate writes and reads.
pub const VERSION: u32 = 1;

/// How the names of trace files end, without the dot.
pub const EXTENSION: &str = "strata";

/// Longest header that is written or read.
pub(crate) const HEADER_MAX_BYTES: usize = 64 << 10;

/// Most events in a packet.
pub(crate) const PACKET_MAX_EVENTS: usize = 1 << 14;

/// Longest number of variable length.
pub(crate) const VARINT_MAX_BYTES: usize = 10;

/// Largest zstd window, as a power of two, that is written or read: what a reader may be made to
/// allocate.
pub(crate) const WINDOW_LOG2: u32 = 23;

/// Appends `value` to `out`.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front of `from`; `None` if there is none.
pub(crate) fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for at in 0..VARINT_MAX_BYTES {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if at == VARINT_MAX_BYTES - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * at);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A signed number, small ones first: 0, -1, 1, -2, 2, …
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_return(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            put(&mut bytes, zigzag(signed));
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert_eq!(take(&mut rest).map(unzigzag), Some(signed));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }
}
