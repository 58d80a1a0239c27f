#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod event;
mod format;
mod header;
mod ids;
mod packet;
mod reader;
mod recorder;
mod summary;
mod writer;

pub use error::Error;
pub use event::{Event, Op};
pub use format::{EXTENSION, MAGIC, VERSION};
pub use header::Header;
pub use reader::Reader;
pub use recorder::{Moving, Recorder, Recording};
pub use summary::Summary;
pub use writer::Writer;
