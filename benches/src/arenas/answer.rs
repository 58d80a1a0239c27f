//! What a contestant's process tells the one that started it.
//!
//! Above: measures whose contestants have processes of their own; `child`, which carries it. Below: numbers.

use serde::{Deserialize, Serialize};

/// What a child tells its parent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// A figure for each column of the measure.
    pub figures: Vec<Option<f64>>,
    /// What is to be said beside them: that a limit of the system was met.
    pub note: Option<String>,
    /// What it got wrong.
    pub failed: Option<String>,
}
