//! The monotonic clock. It is tokio's, so that tests with paused time control every deadline.

use std::time::{Duration, Instant, SystemTime};

/// Returns the current time.
#[inline]
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    SimulatedPause::come();
    tokio::time::Instant::now().into_std()
}

/// Returns the time of day, which can jump. It is only shown; no deadline depends on it.
pub(crate) fn wall() -> SystemTime {
    #[cfg(test)]
    if let Some(wall) = SimulatedWall::now() {
        return wall;
    }
    SystemTime::now()
}

/// A pause of the process just before some reading of the clock on this thread.
#[cfg(test)]
pub(crate) struct SimulatedPause {
    /// How many readings come before it.
    pub(crate) after: usize,
    pub(crate) length: Duration,
}

#[cfg(test)]
thread_local! {
    static PAUSE: std::cell::Cell<Option<SimulatedPause>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
impl SimulatedPause {
    pub(crate) fn set(self) {
        PAUSE.set(Some(self));
    }

    /// Returns the one that has not come yet, which then does not come.
    pub(crate) fn take() -> Option<Self> {
        PAUSE.take()
    }

    /// Must be called within a runtime whose time is paused, once one was set.
    fn come() {
        match PAUSE.take() {
            Some(Self { after: 0, length }) => jump(length),
            Some(Self { after, length }) => PAUSE.set(Some(Self {
                after: after - 1,
                length,
            })),
            None => {}
        }
    }
}

/// Moves the paused clock of tokio at once, and lets no task run.
#[cfg(test)]
pub(crate) fn jump(by: Duration) {
    // The first poll moves the clock, all further ones would let other tasks run.
    let _ = futures_util::FutureExt::now_or_never(tokio::time::advance(by));
}

/// A wall clock of this thread that goes with the paused clock of tokio, and can be set.
#[cfg(test)]
pub(crate) struct SimulatedWall(());

#[cfg(test)]
thread_local! {
    /// When the clock was set, and the seconds since 1970 to which.
    static SIMULATED: std::cell::Cell<Option<(Instant, i64)>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
impl SimulatedWall {
    /// Shows the year 2023 until it is dropped; must be called within a runtime.
    pub(crate) fn new() -> Self {
        Self::set(1_700_000_000);
        Self(())
    }

    pub(crate) fn set(seconds: i64) {
        SIMULATED.set(Some((now(), seconds)));
    }

    pub(crate) fn seconds() -> i64 {
        let now = Self::now().unwrap_or(SystemTime::UNIX_EPOCH);
        now.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs().try_into().unwrap())
    }

    fn now() -> Option<SystemTime> {
        let (set_at, seconds) = SIMULATED.get()?;
        let from_1970 = Duration::from_secs(seconds.unsigned_abs());
        let set_to = if seconds < 0 {
            SystemTime::UNIX_EPOCH - from_1970
        } else {
            SystemTime::UNIX_EPOCH + from_1970
        };
        Some(set_to + now().saturating_duration_since(set_at))
    }
}

#[cfg(test)]
impl Drop for SimulatedWall {
    fn drop(&mut self) {
        SIMULATED.set(None);
    }
}

/// The moment from which atomic integers count nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn new(at: Instant) -> Self {
        Self(at)
    }

    /// Returns the nanoseconds since the epoch: 0 before it, and `u64::MAX` from 584 years on.
    pub(crate) fn nanos(self, at: Instant) -> u64 {
        as_nanos(at.saturating_duration_since(self.0))
    }

    /// Returns the moment this many nanoseconds after the epoch.
    pub(crate) fn at(self, nanos: u64) -> Instant {
        self.0 + Duration::from_nanos(nanos)
    }
}

pub(crate) fn as_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
