//! How the recorder is doing.

use std::time::SystemTime;

/// Tells how a recorder is doing. The counters only grow.
///
/// [`Recorder::stats`](super::Recorder::stats) returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderStats {
    /// When the recorder last wrote successfully; `None` if it never did.
    pub last_written: Option<SystemTime>,
    /// Since when it fails; `None` while it writes.
    pub failing_since: Option<SystemTime>,
    /// Why it fails, in one line with credentials masked; `None` while it writes.
    pub error: Option<String>,
    /// Why it could not roll up rows or delete old ones the last time, in one line with credentials
    /// masked; `None` if it could. Rows are written nevertheless.
    pub tidying_error: Option<String>,
    /// How often it has failed.
    pub failures: u64,
    /// How many minutes it has written. One that grows is written several times.
    pub written_minutes: u64,
    /// How many transitions it has written.
    pub written_transitions: u64,
    /// How many minutes left the memory before they were written.
    pub lost_minutes: u64,
    /// How many transitions left the memory before they were written.
    pub lost_transitions: u64,
    /// How many minutes came after the database had rolled up their hour, because a clock was set
    /// back by days. They are not counted twice.
    pub late_minutes: u64,
}
