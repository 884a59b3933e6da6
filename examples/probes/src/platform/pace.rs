//! How fast the time of a platform runs, and how its threads are told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many times faster the pauses of a platform pass.
#[derive(Clone, Copy, Debug)]
pub struct Pace(f64);

impl Pace {
    /// A second of the platform takes a second.
    pub const REAL: Self = Self(1.0);

    /// A second of the platform takes this part of a second.
    pub fn times(factor: f64) -> Self {
        Self(factor.max(0.001))
    }

    /// What a pause of the platform takes here.
    pub fn scaled(self, duration: Duration) -> Duration {
        duration.div_f64(self.0)
    }

    /// What a time that has passed here is to the platform.
    pub fn of_platform(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0)
    }
}

/// Tells the threads of a platform to end.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Sets it.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Pauses, unless the flag is set before; returns whether it is.
    pub fn pause(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_set() || left.is_zero() {
                return self.is_set();
            }
            std::thread::sleep(left.min(Duration::from_millis(5)));
        }
    }
}
