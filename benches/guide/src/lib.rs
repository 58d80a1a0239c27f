//! The guide in `docs`, as documentation whose code is compiled and run.
//!
//! Above: `cargo test -p guide`. Below: every library crate. Each chapter is a module, so that its code is a doc test. In `tests`: what of
//! the guide is more than that: reports, models, figures, links. Not here: the guide's text.

#[doc = include_str!("../../../docs/README.md")]
pub mod contents {}

#[doc = include_str!("../../../docs/tasks.md")]
#[allow(clippy::test_attr_in_doctest)] // task 5's is run by `tests/loom.rs`
pub mod tasks {}

#[doc = include_str!("../../../docs/choosing.md")]
pub mod choosing {}

#[doc = include_str!("../../../docs/composing.md")]
pub mod composing {}

#[doc = include_str!("../../../docs/reports.md")]
pub mod reports {}

#[doc = include_str!("../../../docs/mechanisms.md")]
pub mod mechanisms {}

#[doc = include_str!("../../../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../../../docs/figures.md")]
pub mod figures {}

#[doc = include_str!("../../../docs/limits.md")]
pub mod limits {}
