//! Bumps: their chunks come from an arena, and large objects have one of their own.
//!
//! Above: the campaign. Below: `Bump` and `Herd` over an arena.

use super::{Pages, Subject, has_all_back, pages};
use crate::ground::Ground;
use crate::objects::{Object, layout};
use crate::random::Random;
use alloc_arena::{Bump, Herd};
use alloc_core::{AllocError, Layer};

/// One bump, reset and used again.
pub struct InBump {
    bump: Bump<Pages>,
    pages: Pages,
}

impl Subject for InBump {
    const NAME: &'static str = "Bump, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        let pages = pages(ground);
        Ok(Self { bump: Bump::new(pages.clone()), pages })
    }

    fn play(&mut self) -> usize {
        let mut refused = 0;
        for round in 0..4 {
            refused += fill(&self.bump, round);
            self.bump.reset();
            if round == 2 {
                self.bump.reclaim(usize::MAX);
            }
        }
        refused
    }

    fn end(self) {
        drop(self.bump);
        has_all_back(&self.pages);
    }
}

/// Bumps of a herd, taken and put back.
pub struct InHerd {
    herd: Herd<Pages>,
    pages: Pages,
}

impl Subject for InHerd {
    const NAME: &'static str = "Herd, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        let pages = pages(ground);
        Ok(Self { herd: Herd::new(pages.clone()), pages })
    }

    fn play(&mut self) -> usize {
        let mut refused = 0;
        for round in 0..3 {
            {
                let members = [self.herd.try_get(), self.herd.try_get()];
                for (member, number) in members.iter().zip(round * 7..) {
                    refused += member.as_ref().map_or(1, |bump| fill(&**bump, number));
                }
            }
            self.herd.reset();
        }
        refused
    }

    fn end(self) {
        drop(self.herd);
        has_all_back(&self.pages);
    }
}

/// Fills a bump, and checks all of it. How much was refused.
fn fill(bump: &impl Layer, round: u64) -> usize {
    let mut random = Random::new(round + 1);
    let mut refused = 0;
    let mut objects = Vec::new();
    for number in 0..200 {
        match Object::make(bump, layout(&mut random), number % 3 == 0, number) {
            Ok(object) => objects.push(object),
            Err(AllocError) => refused += 1,
        }
    }
    objects.iter().for_each(Object::check);
    bump.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
    refused
}
