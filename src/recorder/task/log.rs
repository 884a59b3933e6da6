//! One line for each change: the database fails, or works again.

use crate::catch::log;
use crate::recorder::{RecorderError, RecorderStats};

/// Tells that the recorder fails.
pub(super) fn failing(error: &RecorderError) {
    log!(WARN, %error, "the health history cannot be written");
}

/// Tells that old rows stay.
pub(super) fn untidy(error: &RecorderError) {
    log!(WARN, %error, "the health history cannot be tidied up");
}

/// Tells that the recorder works again; `before` is how it was doing.
pub(super) fn recovered(before: &RecorderStats, now: &RecorderStats) {
    let since = before.failing_since.and_then(|since| since.elapsed().ok());
    let failed_seconds = since.unwrap_or_default().as_secs();
    let (lost_minutes, lost_transitions) = (now.lost_minutes, now.lost_transitions);
    log!(
        INFO,
        failed_seconds,
        lost_minutes,
        lost_transitions,
        "the health history is written again"
    );
}
