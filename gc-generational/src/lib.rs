#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("gc-generational has tags in headers, for which words of eight bytes are needed");

mod cards;
mod collector;
mod compact;
mod config;
mod figures;
mod links;
mod minor;
mod mover;
mod nursery;
mod pacer;
mod ranges;
mod remembered;
mod scarce;
mod turn;
#[cfg(feature = "std")]
mod verify;

pub use collector::Generational;
pub use config::{Config, Promotion};
pub use figures::Figures;
#[cfg(feature = "std")]
#[doc(inline)]
pub use gc_marksweep::Reclaimer;
#[doc(inline)]
pub use gc_marksweep::{
    Cause, Config as TenuredConfig, Cycle, Figures as TenuredFigures, Mode, Pace, Torture,
};
pub use mover::Mover;
