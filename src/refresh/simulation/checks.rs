//! Simulated checks: every kind of dependency that the refresher has to live with.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::time::sleep;

use super::host::{CheckId, Host};
use super::model::{Ending, Settings};
use super::rng::Rng;
use crate::{Check, CheckResult, Criticality, Failure, HealthIndicator, Observation, OnTimeout};

/// How the dependency of a check behaves until the driver changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Passes after several round trips, within the timeout.
    Slow,
    /// Passes after about its timeout: in time, or not.
    Borderline,
    Down,
    Flapping,
    Hanging,
    Panicking,
    /// Runs that block the thread.
    Blocking,
    /// Runs that panic when they are dropped.
    BadToDrop,
    /// Runs that block the thread when they are dropped, so that an abort takes time.
    SlowToDrop,
}

impl Mood {
    /// Most dependencies are well most of the time.
    pub(super) fn any(rng: &mut Rng) -> Self {
        use Mood::*;
        rng.pick(&[
            Well, Well, Well, Well, Slow, Slow, Slow, Borderline, Down, Down, Flapping, Flapping,
            Hanging, Panicking, Blocking, BadToDrop, SlowToDrop,
        ])
    }

    /// Moods in which no run can fail.
    pub(super) fn good(rng: &mut Rng) -> Self {
        rng.pick(&[Mood::Well, Mood::Well, Mood::Slow])
    }
}

/// What one run does.
struct Script {
    /// Blocks the thread first, for that long.
    block: Duration,
    /// The duration of each round trip.
    trips: Vec<Duration>,
    ending: Ending,
    on_drop: OnDrop,
}

enum OnDrop {
    Nothing,
    Panic,
    Block(Duration),
}

impl Script {
    fn draw(mood: Mood, settings: &Settings, rng: &mut Rng) -> Self {
        let timeout = u64::try_from(settings.timeout.as_millis()).unwrap();
        let trips = |rng: &mut Rng, most: u64| -> Vec<Duration> {
            let count = 1 + rng.below(4);
            (0..count).map(|_| rng.millis(0, most / count)).collect()
        };
        let mut script = Self {
            block: Duration::ZERO,
            trips: Vec::new(),
            ending: if rng.one_in(8) {
                Ending::Warned
            } else {
                Ending::Passed
            },
            on_drop: OnDrop::Nothing,
        };
        match mood {
            Mood::Well => {}
            Mood::Slow => script.trips = trips(rng, timeout * 9 / 10),
            Mood::Borderline => script.trips = vec![rng.millis(timeout / 2, timeout * 3 / 2)],
            Mood::Down => {
                script.trips = trips(rng, timeout * 9 / 10);
                script.ending = Ending::Failed;
            }
            Mood::Flapping => {
                script.trips = trips(rng, timeout / 4);
                if rng.one_in(2) {
                    script.ending = Ending::Failed;
                }
            }
            Mood::Hanging => {
                script.trips = trips(rng, timeout / 2);
                // Detached runs end one day, so that others can start.
                if settings.detached.is_some() {
                    script.trips.push(rng.millis(timeout, timeout * 20));
                } else {
                    script.ending = Ending::Aborted;
                }
            }
            Mood::Panicking => {
                script.trips = trips(rng, timeout / 2);
                script.ending = Ending::Panicked;
            }
            Mood::Blocking => {
                script.block = rng.millis(1, timeout * 2);
                script.trips = trips(rng, timeout / 4);
            }
            Mood::BadToDrop => {
                script.trips = vec![rng.millis(timeout / 2, timeout * 3 / 2)];
                script.on_drop = OnDrop::Panic;
            }
            Mood::SlowToDrop => {
                script.trips = vec![rng.millis(timeout / 2, timeout * 3 / 2)];
                script.on_drop = OnDrop::Block(rng.millis(1, 2_000));
            }
        }
        script
    }
}

struct Simulated {
    id: CheckId,
    name: String,
    host: Host,
}

impl HealthIndicator for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    // Not an async function, so that what is drawn is drawn when the run is polled.
    fn check(&self) -> impl Future<Output = CheckResult> + Send {
        run(self.id, self.host.clone())
    }
}

async fn run(id: CheckId, host: Host) -> CheckResult {
    let script = {
        let mut facts = host.facts();
        let facts = &mut *facts;
        let book = facts.books.get_mut(&id).unwrap();
        Script::draw(book.mood, &book.settings, &mut facts.rng)
    };
    let run = Started::new(id, &host);
    // Dropped before `run`, which ends with it.
    let mut dropped = Dropped {
        host: host.clone(),
        id,
        number: run.number,
        on_drop: script.on_drop,
        ending: Ending::Aborted,
    };
    if script.block > Duration::ZERO {
        host.jump("a run blocks for", script.block);
    }
    for trip in script.trips {
        sleep(trip).await;
    }
    dropped.ending = match dropped.on_drop {
        // Its panic becomes the result.
        OnDrop::Panic => Ending::Panicked,
        _ => script.ending,
    };
    let result = match script.ending {
        Ending::Passed => Ok(Observation::pass()),
        Ending::Warned => Ok(Observation::warn("warned")),
        Ending::Failed => Err(Failure::new("refused")),
        Ending::Panicked => host.panic("a run panics"),
        Ending::Aborted => pending().await,
    };
    drop(dropped);
    drop(run);
    result
}

/// A run as long as its future exists.
struct Started {
    id: CheckId,
    number: u64,
    host: Host,
}

impl Started {
    fn new(id: CheckId, host: &Host) -> Self {
        let moment = host.moment();
        host.note("start of a run of", Some(id), Duration::ZERO);
        let mut facts = host.facts();
        let facts = &mut *facts;
        let began = facts.jumps.chain_start(moment.at);
        let book = facts.books.get_mut(&id).unwrap();
        let started = book.run_started(moment, began, &facts.jumps);
        let number = started.unwrap_or_else(|fault| {
            facts.violation.get_or_insert(fault);
            0
        });
        Self {
            id,
            number,
            host: host.clone(),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let now = self.host.now();
        let mut facts = self.host.facts();
        let facts = &mut *facts;
        if let Some(book) = facts.books.get_mut(&self.id) {
            book.run_gone(self.number, now, &facts.jumps);
        }
    }
}

/// What a run holds while it works.
struct Dropped {
    host: Host,
    id: CheckId,
    number: u64,
    on_drop: OnDrop,
    ending: Ending,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let moment = self.host.moment();
        self.host
            .note(self.ending.as_str(), Some(self.id), Duration::ZERO);
        {
            let mut facts = self.host.facts();
            if let Some(book) = facts.books.get_mut(&self.id) {
                book.run_ended(self.number, moment, self.ending);
            }
        }
        match self.on_drop {
            OnDrop::Nothing => {}
            OnDrop::Block(time) => {
                self.host.jump("dropping a run blocks for", time);
                let moment = self.host.moment();
                if let Some(book) = self.host.facts().books.get_mut(&self.id) {
                    // The refresher sees a result only now, but it has aborted a run before.
                    if self.ending == Ending::Aborted {
                        book.had_slow_abort = true;
                    } else {
                        book.run_ended(self.number, moment, self.ending);
                    }
                }
            }
            // A second panic while a first one unwinds would end the process.
            OnDrop::Panic if std::thread::panicking() => {}
            OnDrop::Panic => self.host.panic("dropping a run panics"),
        }
    }
}

/// Creates a check whose runs are recorded in its book.
pub(super) fn check(id: CheckId, name: String, settings: &Settings, host: &Host) -> Check {
    let mut check = Check::new(Simulated {
        id,
        name,
        host: host.clone(),
    })
    .ttl(settings.ttl)
    .failing_ttl(settings.failing_ttl)
    .suspect_ttl(settings.suspect_ttl)
    .timeout(settings.timeout)
    .failure_threshold(settings.failure_threshold)
    .success_threshold(settings.success_threshold)
    .criticality(if settings.is_critical {
        Criticality::Critical
    } else {
        Criticality::NonCritical
    });
    if settings.detached.is_some() {
        check = check.on_timeout(OnTimeout::Detach);
    }
    if let Some(stale_after) = settings.stale_after {
        check = check.stale_after(stale_after);
    }
    if let Some(within) = settings.while_probed {
        check = check.while_probed(within);
    }
    check
}
