//! The campaign of faults: what fails, one at a time, and that nothing is lost by it.
//!
//! Above: the command line. Below: `source`, calls to the system in this process.

pub mod source;
