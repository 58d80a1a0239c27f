//! Traces made up for tests: they look like a program's, but nobody recorded them.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use strata_trace::{Header, Summary, Writer};

/// Numbers without order that are the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((u128::from(self.0 ^ (self.0 >> 29)) * u128::from(end)) >> 64) as u64
    }

    /// Small sizes often, large ones sometimes.
    pub fn size(&mut self) -> u64 {
        match self.below(100) {
            0 => self.below(300_000),
            1..10 => self.below(5000),
            _ => self.below(200),
        }
    }
}

/// Writes a trace of a program with `threads` threads that allocate, resize and free, and free each
/// other's objects too.
pub fn write_trace(path: &Path, threads: u32, events: u64) -> Summary {
    let header = Header::now(vec!["made-up".into(), "--for tests <&>".into()]);
    let mut writer = Writer::new(File::create(path).unwrap(), &header).unwrap();
    let mut random = Random::new(u64::from(threads) * 1000 + events);
    let mut live = VecDeque::new();
    for n in 0..events {
        let thread =
            if n < u64::from(threads) { n as u32 } else { random.below(threads.into()) as u32 };
        let growing = live.len() < 500 || (n / 20_000) % 2 == 0 && live.len() < 3000;
        match random.below(10) {
            0..2 if !live.is_empty() => {
                let id = live[random.below(live.len() as u64) as usize];
                writer.realloc(thread, id, random.size(), 16).unwrap();
            }
            choice if growing && choice < 7 || live.is_empty() => {
                let align = if choice == 3 { 64 } else { 16 };
                live.push_back(writer.alloc(thread, random.size(), align, choice == 4).unwrap());
            }
            _ => {
                let at = random.below(live.len() as u64) as usize;
                let id = live.swap_remove_back(at).unwrap();
                writer.free(thread, id).unwrap();
            }
        }
    }
    writer.finish().unwrap().1
}
