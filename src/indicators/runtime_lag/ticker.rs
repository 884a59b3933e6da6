//! The task on each watched runtime, and the atomics that it writes.

use std::cmp::Reverse;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use humantime::format_duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// All watched runtimes.
///
/// The clock is that of the system, not tokio's: a paused clock belongs to a single runtime, and a
/// blocked thread is blocked in real time.
#[derive(Debug)]
pub(super) struct Watched {
    epoch: Instant,
    pulses: Mutex<Vec<Arc<Pulse>>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            pulses: Mutex::default(),
        }
    }
}

/// The report of one runtime, in nanoseconds.
#[derive(Debug)]
struct Pulse {
    runtime: String,
    /// When the next tick should come, since the epoch.
    due: AtomicU64,
    /// How late the last tick was.
    late: AtomicU64,
}

impl Pulse {
    fn tick(&self, now: u64, interval: Duration) {
        let late = now.saturating_sub(self.due.load(Ordering::Relaxed));
        self.late.store(late, Ordering::Relaxed);
        // Stored last: a reader for which this tick is no longer overdue also sees how late it was.
        self.due
            .store(now.saturating_add(nanos(interval)), Ordering::Release);
    }

    fn lag(&self, now: u64) -> Lag {
        let overdue = now.saturating_sub(self.due.load(Ordering::Acquire));
        let late = self.late.load(Ordering::Relaxed);
        Lag {
            runtime: self.runtime.clone(),
            time: Duration::from_nanos(overdue.max(late)),
        }
    }
}

impl Watched {
    pub(super) fn start(self: &Arc<Self>, runtime: String, handle: &Handle, interval: Duration) {
        let pulse = Arc::new(Pulse {
            runtime,
            due: AtomicU64::new(self.now().saturating_add(nanos(interval))),
            late: AtomicU64::new(0),
        });
        self.pulses().push(Arc::clone(&pulse));
        let member = Member {
            watched: Arc::downgrade(self),
            pulse,
        };
        handle.spawn(member.tick(interval));
    }

    /// The lag of each runtime, longest first.
    pub(super) fn lags(&self) -> Vec<Lag> {
        let now = self.now();
        let mut lags: Vec<_> = self.pulses().iter().map(|pulse| pulse.lag(now)).collect();
        lags.sort_by_key(|lag| Reverse(lag.time));
        lags
    }

    fn now(&self) -> u64 {
        nanos(self.epoch.elapsed())
    }

    /// A tick never takes this lock.
    fn pulses(&self) -> MutexGuard<'_, Vec<Arc<Pulse>>> {
        self.pulses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owned by the task, so that a runtime that shuts down drops it.
struct Member {
    watched: Weak<Watched>,
    pulse: Arc<Pulse>,
}

impl Member {
    async fn tick(self, interval: Duration) {
        loop {
            sleep(interval).await;
            let Some(watched) = self.watched.upgrade() else {
                return;
            };
            self.pulse.tick(watched.now(), interval);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // `sleep` panics on a runtime without a timer, which stays in the list and is overdue.
        if thread::panicking() {
            return;
        }
        if let Some(watched) = self.watched.upgrade() {
            let pulse = &self.pulse;
            watched.pulses().retain(|other| !Arc::ptr_eq(other, pulse));
        }
    }
}

/// The lag of one runtime.
pub(super) struct Lag {
    runtime: String,
    pub(super) time: Duration,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        let time = format_duration(Duration::from_millis(millis));
        write!(f, "{} by {time}", self.runtime)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
