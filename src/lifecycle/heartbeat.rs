//! Heartbeats: loops that must come round within their deadline, or the process is not alive.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::Lifecycle;
use crate::check::duration_problem;
use crate::clock;
use crate::error::{Named, Problem};
use crate::model::{HeartbeatView, name};

/// `due` of a heartbeat whose handle was dropped: due since ever.
const DEAD: u64 = 0;

#[derive(Debug)]
pub(super) struct Heartbeats {
    beats: ArcSwap<Vec<Arc<Beat>>>,
    /// Whether the list has any: most services have none, and their probes ask no further.
    any: AtomicBool,
    /// Held while the list is changed, never while it is read.
    writer: Mutex<()>,
    epoch: Instant,
}

#[derive(Debug)]
struct Beat {
    name: Arc<str>,
    deadline: Duration,
    /// Nanoseconds after the epoch at which the next beat is missed.
    due: AtomicU64,
}

impl Beat {
    fn is_missed(&self, now: u64) -> bool {
        self.due.load(Ordering::Relaxed) <= now
    }
}

impl Heartbeats {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            beats: ArcSwap::default(),
            any: AtomicBool::new(false),
            writer: Mutex::new(()),
            epoch,
        }
    }

    #[inline]
    pub(super) fn all_beat(&self) -> bool {
        !self.any.load(Ordering::Acquire) || self.none_is_missed()
    }

    fn none_is_missed(&self) -> bool {
        let now = self.nanos(clock::now());
        !self.beats.load().iter().any(|beat| beat.is_missed(now))
    }

    pub(super) fn view(&self, now: Instant) -> Vec<HeartbeatView> {
        let nanos = self.nanos(now);
        let view = |beat: &Arc<Beat>| {
            let due = beat.due.load(Ordering::Relaxed);
            let fault = (due <= nanos).then(|| {
                if due == DEAD {
                    "its loop ended: dropped without finish()".to_owned()
                } else {
                    // No age: the text stays true for as long as the report stands.
                    let deadline = humantime::format_duration(beat.deadline);
                    format!("no beat within its deadline of {deadline}")
                }
            });
            HeartbeatView {
                name: Arc::clone(&beat.name),
                deadline: fault
                    .is_none()
                    .then(|| self.epoch + Duration::from_nanos(due)),
                fault,
            }
        };
        self.beats.load().iter().map(view).collect()
    }

    fn nanos(&self, at: Instant) -> u64 {
        // Beyond 584 years the clock stands still.
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    fn due(&self, deadline: Duration) -> u64 {
        // Never `DEAD`: a deadline is longer than zero.
        self.nanos(clock::now() + deadline)
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Vec<Arc<Beat>>) -> T) -> T {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut beats = Vec::clone(&self.beats.load());
        let result = edit(&mut beats);
        let any = !beats.is_empty();
        self.beats.store(Arc::new(beats));
        self.any.store(any, Ordering::Release);
        result
    }
}

/// A loop that promised to come round: while it misses its deadline, liveness fails.
///
/// The deadline counts from creation. Liveness passes again when a late beat comes. A heartbeat
/// that is dropped without [`finish`](Self::finish) fails liveness for good, because its loop died;
/// a loop that is started again may take the name of the dead one.
///
/// ```
/// use std::time::Duration;
/// use tower_health::Health;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let heartbeat = health.heartbeat("consumer", Duration::from_secs(30))?;
/// for _message in ["one", "two"] {
///     heartbeat.beat();
/// }
/// heartbeat.finish();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a heartbeat that is dropped without `finish` fails liveness"]
pub struct Heartbeat {
    beat: Arc<Beat>,
    lifecycle: Arc<Lifecycle>,
}

impl Heartbeat {
    pub(super) fn add(
        lifecycle: &Arc<Lifecycle>,
        name: &str,
        deadline: Duration,
    ) -> Result<Self, Problem> {
        let of = Named::Heartbeat;
        name::validate(name).map_err(|fault| Problem::Name {
            of,
            name: name.to_owned(),
            fault,
        })?;
        if let Some(problem) = duration_problem(Some(name), "deadline", deadline) {
            return Err(problem);
        }
        let heartbeats = &lifecycle.heartbeats;
        let beat = Arc::new(Beat {
            name: name.into(),
            deadline,
            due: AtomicU64::new(heartbeats.due(deadline)),
        });
        heartbeats.edit(|beats| {
            let place = beats.iter().position(|other| *other.name == *name);
            match place {
                Some(place) if beats[place].due.load(Ordering::Relaxed) == DEAD => {
                    beats[place] = Arc::clone(&beat);
                    Ok(())
                }
                Some(_) => Err(Problem::DuplicateName {
                    of,
                    name: name.to_owned(),
                }),
                None => {
                    beats.push(Arc::clone(&beat));
                    Ok(())
                }
            }
        })?;
        lifecycle.touch();
        Ok(Self {
            beat,
            lifecycle: Arc::clone(lifecycle),
        })
    }

    /// The name under which it was created.
    pub fn name(&self) -> &str {
        &self.beat.name
    }

    /// Says that the loop is well, and starts the deadline anew. Cheap: one atomic swap.
    pub fn beat(&self) {
        let heartbeats = &self.lifecycle.heartbeats;
        let now = heartbeats.nanos(clock::now());
        let before = self
            .beat
            .due
            .swap(heartbeats.due(self.beat.deadline), Ordering::Relaxed);
        if before <= now {
            self.lifecycle.touch();
        }
    }

    /// Ends the loop in good order: it is no longer watched.
    pub fn finish(self) {
        let heartbeats = &self.lifecycle.heartbeats;
        heartbeats.edit(|beats| beats.retain(|beat| !Arc::ptr_eq(beat, &self.beat)));
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.beat.due.store(DEAD, Ordering::Relaxed);
        self.lifecycle.touch();
    }
}
