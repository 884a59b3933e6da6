//! What the runs of a check have been like: counters, the latest ones, and sums for each minute.

mod bucket;
mod durations;
mod outcome;
mod sample;
mod stats;

pub use self::bucket::RunBucket;
pub use self::durations::RunDurations;
pub use self::outcome::RunOutcome;
pub use self::sample::RunSample;
pub use self::stats::RunStats;
