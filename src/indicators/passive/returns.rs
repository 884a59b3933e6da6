//! How soon an active check may overrule requests that failed, and since when it does.

use std::time::Duration;

use tokio::time::Instant;

/// Of a pair.
///
/// Where the active check sees no fault, an instance that it brings back fails again: each time the
/// failures must be old for twice as long, so that the light does not flap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Returns {
    /// When the active check overruled the failures that are in the window. `None` if it has not.
    pub(super) last_at: Option<Instant>,
    /// How often a return was followed by a failure.
    in_vain: u32,
}

impl Returns {
    /// Returns for how long nothing must have failed before the active check is asked.
    pub(super) fn silence(&self, quiet_after: Duration) -> Duration {
        quiet_after.saturating_mul(1_u32.checked_shl(self.in_vain).unwrap_or(u32::MAX))
    }

    /// The active check has passed.
    pub(super) fn overrule(&mut self) {
        self.last_at.get_or_insert_with(Instant::now);
    }

    /// The requests since the last return fail the check.
    pub(super) fn fail(&mut self) {
        self.last_at = None;
        // More than ten quiet times are longer than any window.
        self.in_vain = (self.in_vain + 1).min(4);
    }
}
