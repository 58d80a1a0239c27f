#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ahead;
#[cfg(feature = "std")]
mod background;
mod cards;
mod collector;
mod config;
#[cfg(feature = "std")]
mod crew;
mod cycle;
#[cfg(feature = "std")]
mod exchange;
mod figures;
#[cfg(feature = "std")]
mod handover;
pub mod heap;
mod outside;
mod pacer;
mod protocol;
mod queue;
#[cfg(feature = "std")]
mod reclaim;
mod space;
mod tracer;
#[cfg(feature = "std")]
mod verify;

pub use collector::MarkSweep;
pub use config::{Config, Mode, Torture};
pub use figures::{Cause, Cycle, Figures};
pub use outside::{Change, Outside};
pub use pacer::Pace;
#[doc(hidden)]
pub use protocol::{Passage, Verdict};
#[doc(hidden)]
pub use queue::Queue;
#[cfg(feature = "std")]
pub use reclaim::Reclaimer;
pub use space::Space;
pub use tracer::Tracer;
#[cfg(feature = "std")]
#[doc(hidden)]
pub use {
    exchange::{Exchange, Own},
    handover::Handover,
};
