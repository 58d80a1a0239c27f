//! Giving memory back while nothing is allocated.
//!
//! Above: a program, which starts a [`Purger`] for its stack, or asks [`Idle`] from a loop of its own.
//! Below: [`Layer::report`](crate::Layer::report), which tells whether anything happens, and
//! [`Layer::reclaim`](crate::Layer::reclaim).
//! Layers do their housekeeping when they are called, so a stack that nobody calls keeps what it has. Here
//! somebody calls it. Nothing here is on the way of an allocation: a layer does not know that it is
//! watched.
//!
//! | file | in one line |
//! |---|---|
//! | `policy.rs` | when to look, when to give back, and how much: numbers in, calls out |
//! | `activity.rs` | a report as one number |
//! | `purger.rs` | the thread |

mod activity;
mod policy;
#[cfg(feature = "std")]
mod purger;

pub use policy::Idle;
#[cfg(feature = "std")]
pub use purger::Purger;
