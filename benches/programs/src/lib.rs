#![doc = include_str!("../README.md")]

pub mod child;
pub mod loads;
pub mod rounds;
