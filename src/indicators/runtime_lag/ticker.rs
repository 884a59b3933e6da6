//! The task on each watched runtime, and what it leaves for the readers.

use std::cmp::Reverse;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use humantime::format_duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::history::{History, PastLag};

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

/// The report of one runtime.
#[derive(Debug)]
struct Pulse {
    runtime: String,
    ticks: Mutex<Ticks>,
}

/// Times are since the epoch.
#[derive(Debug)]
struct Ticks {
    /// When the next one should come.
    due: Duration,
    late: History,
}

impl Pulse {
    fn tick(&self, now: Duration, interval: Duration) {
        let mut ticks = self.ticks();
        let late = now.saturating_sub(ticks.due);
        ticks.late.add(now, late);
        ticks.due = now.saturating_add(interval);
    }

    fn lag(&self, now: Duration, limit: Duration, window: Duration) -> Lag {
        let ticks = self.ticks();
        let overdue = now.saturating_sub(ticks.due);
        let past = ticks.late.past(limit, window, now);
        Lag {
            runtime: self.runtime.clone(),
            time: overdue.max(past.worst),
            state: match past.lag {
                _ if overdue > limit => State::Overdue,
                PastLag::Repeated => State::Behind,
                PastLag::Once => State::WasBehind,
                PastLag::None => State::OnTime,
            },
        }
    }

    /// Held for as long as it takes to note a tick, and never by code of the application.
    fn ticks(&self) -> MutexGuard<'_, Ticks> {
        self.ticks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    pub(super) fn start(self: &Arc<Self>, runtime: String, handle: &Handle, interval: Duration) {
        let pulse = Arc::new(Pulse {
            runtime,
            ticks: Mutex::new(Ticks {
                due: self.epoch.elapsed().saturating_add(interval),
                late: History::default(),
            }),
        });
        self.pulses().push(Arc::clone(&pulse));
        let member = Member {
            watched: Arc::downgrade(self),
            pulse,
        };
        handle.spawn(member.tick(interval));
    }

    /// The lag of each runtime: those that are behind first, and then by its length.
    pub(super) fn lags(&self, limit: Duration, window: Duration) -> Vec<Lag> {
        let now = self.epoch.elapsed();
        let pulses = self.pulses();
        let lags = pulses.iter().map(|pulse| pulse.lag(now, limit, window));
        let mut lags: Vec<_> = lags.collect();
        lags.sort_by_key(|lag| Reverse((lag.rank(), lag.time)));
        lags
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
            self.pulse.tick(watched.epoch.elapsed(), interval);
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
    /// The longest of the window.
    pub(super) time: Duration,
    pub(super) state: State,
}

/// What the lag of a window means, better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    OnTime,
    /// It was beyond the limit once, which is over.
    WasBehind,
    /// It is beyond the limit again and again.
    Behind,
    /// It is beyond the limit now.
    Overdue,
}

impl Lag {
    /// Those that are behind are named by their length, whether it is now or again and again.
    fn rank(&self) -> State {
        self.state.min(State::Behind)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.state >= State::Behind
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        let time = format_duration(Duration::from_millis(millis));
        write!(f, "{} by {time}", self.runtime)
    }
}
