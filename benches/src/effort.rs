//! How much time the long part takes.

use std::time::Duration;

/// How often things are done, and for how long.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Turns of each server under load.
    pub rounds: usize,
    /// How long a turn is; whole seconds.
    pub turn: Duration,
    /// How often each fault is inflicted.
    pub detections: usize,
}

impl Effort {
    /// What the published results are made with.
    pub const FULL: Self = Self {
        rounds: 7,
        turn: Duration::from_secs(4),
        detections: 30,
    };

    /// What a table of a few minutes has time for.
    pub const BRIEF: Self = Self {
        rounds: 3,
        turn: Duration::from_secs(1),
        detections: 3,
    };

    /// Enough to see whether everything works.
    pub const SHORT: Self = Self {
        rounds: 1,
        turn: Duration::from_secs(1),
        detections: 3,
    };
}
