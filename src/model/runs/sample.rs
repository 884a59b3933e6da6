//! One of the latest runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::RunOutcome;

/// Tells when a run ended, how long it took, and how it ended. It takes 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSample {
    /// Milliseconds since 1970.
    time: u64,
    /// Microseconds; 71 minutes at most.
    duration: u32,
    outcome: RunOutcome,
}

impl RunSample {
    pub(crate) fn new(time: SystemTime, duration: Duration, outcome: RunOutcome) -> Self {
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            time: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            duration: u32::try_from(duration.as_micros()).unwrap_or(u32::MAX),
            outcome,
        }
    }

    /// Returns when the run ended, to the millisecond.
    pub fn time(&self) -> SystemTime {
        let since_1970 = Duration::from_millis(self.time);
        UNIX_EPOCH.checked_add(since_1970).unwrap_or(UNIX_EPOCH)
    }

    /// Returns how long the run took, without the lateness of the refresher, to the microsecond and
    /// at most 71 minutes.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(u64::from(self.duration))
    }

    /// Returns how the run ended.
    pub fn outcome(&self) -> RunOutcome {
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_small_and_keeps_what_it_was_given() {
        assert_eq!(size_of::<RunSample>(), 16);
        let time = UNIX_EPOCH + Duration::from_millis(1_705_314_600_007);
        let took = Duration::from_micros(1_234);
        let sample = RunSample::new(time, took, RunOutcome::Warn);
        assert_eq!(
            (sample.time(), sample.duration(), sample.outcome()),
            (time, took, RunOutcome::Warn)
        );
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        let sample = RunSample::new(before_1970, Duration::MAX, RunOutcome::Fail);
        assert_eq!(sample.time(), UNIX_EPOCH);
        assert_eq!(sample.duration().as_micros(), u128::from(u32::MAX));
    }
}
