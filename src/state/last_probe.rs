//! The time of the last readiness probe, for checks that run only while they are probed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct LastProbe {
    epoch: Instant,
    /// The second of the last probe, counted from 1 at the epoch; 0 before the first probe.
    second: AtomicU64,
}

impl LastProbe {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            second: AtomicU64::new(0),
        }
    }

    /// Records a probe. Writes at most once a second, so that probes on several cores do not contend for one cache
    /// line.
    #[inline]
    pub(super) fn note(&self, now: Instant) {
        let second = now.saturating_duration_since(self.epoch).as_secs() + 1;
        if self.second.load(Ordering::Relaxed) != second {
            self.second.store(second, Ordering::Relaxed);
        }
    }

    /// Returns whether readiness was probed within this time, to the second.
    pub(super) fn is_within(&self, window: Duration, now: Instant) -> bool {
        let second = self.second.load(Ordering::Relaxed);
        second > 0 && self.epoch + Duration::from_secs(second) + window >= now
    }
}
