//! The simulated host: its clock, which jumps when the host pauses or a task blocks the thread, and
//! the record of what happened.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task;
use tokio::time::Instant;

use super::model::Book;
use super::rng::Rng;
use super::semantics::{RESUMING, UNNOTICED, UNNOTICED_IDLE};
use crate::state::clock;

/// Time since the start of the simulation.
pub(super) type Time = Duration;

/// The number of rounds after which every task that was woken before has had its turns: a run that
/// ends, the scheduler that takes its result, and whoever that wakes.
pub(super) const SETTLED: u64 = 3;

/// How many of the latest events are shown when an invariant is broken.
const EVENTS: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CheckId(pub(super) u64);

/// When something happened: at which time, and in which round of the driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Time,
    pub(super) round: u64,
}

/// What every part of a simulation shares. All of it runs on one thread.
#[derive(Clone)]
pub(super) struct Host {
    start: Instant,
    facts: Arc<Mutex<Facts>>,
}

pub(super) struct Facts {
    pub(super) rng: Rng,
    pub(super) jumps: Jumps,
    /// The most by which a deadline or an expiry moves.
    pub(super) bound: Duration,
    /// What truly happened to each check that is or was registered.
    pub(super) books: BTreeMap<CheckId, Book>,
    /// When each of the latest rounds of the driver began, the present one last.
    rounds: VecDeque<Time>,
    pub(super) round: u64,
    /// How many panics the simulation itself caused.
    pub(super) panics: u64,
    /// How many of these were those of listeners.
    pub(super) listener_panics: u64,
    /// When somebody read the health, since every task had its turns.
    reads: VecDeque<Time>,
    /// The first broken invariant that a task noticed.
    pub(super) violation: Option<String>,
    events: VecDeque<Event>,
}

struct Event {
    at: Time,
    what: &'static str,
    check: Option<CheckId>,
    by: Duration,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.3} s  {}", self.at.as_secs_f64(), self.what)?;
        if let Some(CheckId(id)) = self.check {
            write!(f, " check-{id}")?;
        }
        if self.by > Duration::ZERO {
            write!(f, " {:?}", self.by)?;
        }
        Ok(())
    }
}

impl Host {
    /// Creates a host; must be called within a runtime whose time is paused.
    pub(super) fn new(rng: Rng, bound: Duration) -> Self {
        let facts = Facts {
            rng,
            jumps: Jumps::default(),
            bound,
            books: BTreeMap::new(),
            rounds: VecDeque::from([Time::ZERO]),
            round: 0,
            panics: 0,
            listener_panics: 0,
            reads: VecDeque::new(),
            violation: None,
            events: VecDeque::new(),
        };
        Self {
            start: Instant::now(),
            facts: Arc::new(Mutex::new(facts)),
        }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    pub(super) fn now(&self) -> Time {
        self.start.elapsed()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            at: self.now(),
            round: self.facts().round,
        }
    }

    /// Moves the clock while nothing else runs: the process is stopped, or a task blocks.
    pub(super) fn jump(&self, what: &'static str, by: Duration) {
        let from = self.now();
        clock::jump(by);
        let mut facts = self.facts();
        facts.jumps.add(from, by);
        facts.note(from, what, None, by);
    }

    pub(super) fn note(&self, what: &'static str, check: Option<CheckId>, by: Duration) {
        let now = self.now();
        self.facts().note(now, what, check, by);
    }

    /// Panics, on purpose.
    pub(super) fn panic(&self, what: &'static str) -> ! {
        self.facts().panics += 1;
        self.note(what, None, Duration::ZERO);
        panic!("{what}")
    }

    /// Records that an invariant is broken.
    pub(super) fn violated(&self, what: String) {
        self.facts().violation.get_or_insert(what);
    }

    /// Begins a round: every task that was ready at the start of the last one has had a turn.
    pub(super) fn next_round(&self) {
        let now = self.now();
        let mut facts = self.facts();
        facts.round += 1;
        facts.rounds.push_back(now);
        if facts.rounds.len() as u64 > SETTLED + 1 {
            facts.rounds.pop_front();
        }
    }
}

/// Gives every task that is ready a turn.
pub(super) async fn round(host: &Host) {
    // Resumes after the runtime has looked at its timers.
    task::yield_now().await;
    // This task is behind all that are ready, those of the timers included.
    let last = tokio::spawn(async {});
    let _ = last.await;
    host.next_round();
}

/// Gives every task that is ready its turns, and those that they wake.
pub(super) async fn settle(host: &Host) {
    for _ in 0..=SETTLED {
        round(host).await;
    }
}

impl Facts {
    fn note(&mut self, at: Time, what: &'static str, check: Option<CheckId>, by: Duration) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            at,
            what,
            check,
            by,
        });
    }

    /// Returns whether everything that follows from an event at that moment has happened: enough
    /// rounds have passed, or the clock went on by itself, which it does when no task is ready.
    pub(super) fn is_settled(&self, moment: Moment, now: Time) -> bool {
        let jumped = self.jumps.between(moment.at, now).total;
        self.round >= moment.round + SETTLED || now - moment.at > jumped
    }

    /// Returns a time since which every task that was ready has had its turns.
    pub(super) fn settled_since(&self) -> Time {
        self.rounds.front().copied().unwrap_or_default()
    }

    /// Notes that somebody reads the health, and returns whether the refresher may have been found
    /// overdue for so long that readers do not forgive it any more.
    pub(super) fn read(&mut self, now: Time) -> bool {
        let since = self.settled_since();
        self.reads.retain(|read| *read >= since);
        if self.reads.back() != Some(&now) {
            self.reads.push_back(now);
        }
        self.reads[0] + RESUMING <= now
    }

    pub(super) fn events(&self) -> impl Iterator<Item = impl fmt::Display + '_> {
        self.events.iter()
    }
}

/// The jumps of the clock, with running sums.
#[derive(Default)]
pub(super) struct Jumps(Vec<Jump>);

struct Jump {
    from: Time,
    to: Time,
    /// Where the unbroken chain of jumps begins that this one belongs to.
    chain: Time,
    /// The sums of this jump and all before it.
    sums: Lost,
}

/// How much time was lost to jumps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) total: Duration,
    /// What the refresher has to notice of it while a run is in flight.
    pub(super) noticeable: Duration,
    /// What it has to notice of it while a heartbeat is pending.
    pub(super) noticeable_idle: Duration,
    pub(super) count: u32,
}

impl Jumps {
    fn add(&mut self, from: Time, by: Duration) {
        let last = self.0.last();
        let sums = last.map(|last| last.sums).unwrap_or_default();
        let chain = last.filter(|last| last.to == from).map(|last| last.chain);
        self.0.push(Jump {
            from,
            to: from + by,
            chain: chain.unwrap_or(from),
            sums: Lost {
                total: sums.total + by,
                noticeable: sums.noticeable + by.saturating_sub(UNNOTICED),
                noticeable_idle: sums.noticeable_idle + by.saturating_sub(UNNOTICED_IDLE),
                count: sums.count + 1,
            },
        });
    }

    /// Returns what was lost to jumps that began within a time.
    pub(super) fn between(&self, from: Time, to: Time) -> Lost {
        let Some(last) = self.0.last().filter(|last| last.from >= from) else {
            return Lost::default();
        };
        let before = |time: Time| {
            if last.from < time {
                return last.sums;
            }
            let count = self.0.partition_point(|jump| jump.from < time);
            count
                .checked_sub(1)
                .map(|last| self.0[last].sums)
                .unwrap_or_default()
        };
        let (until_from, until_to) = (before(from), before(to));
        Lost {
            total: until_to.total - until_from.total,
            noticeable: until_to.noticeable - until_from.noticeable,
            noticeable_idle: until_to.noticeable_idle - until_from.noticeable_idle,
            count: until_to.count - until_from.count,
        }
    }

    /// Returns whether any part of a time was lost.
    pub(super) fn any(&self, from: Time, to: Time) -> bool {
        let first = self.0.partition_point(|jump| jump.to <= from);
        self.0.get(first).is_some_and(|jump| jump.from < to)
    }

    /// Returns when the last jump was over that began before a time.
    pub(super) fn last_end(&self, before: Time) -> Time {
        let count = self.0.partition_point(|jump| jump.from < before);
        count
            .checked_sub(1)
            .map_or(Time::ZERO, |last| self.0[last].to)
    }

    /// Returns the only jump that began within a time, if there is exactly one.
    pub(super) fn only(&self, from: Time, to: Time) -> Option<(Time, Time)> {
        let first = self.0.partition_point(|jump| jump.from < from);
        let mut within = self.0[first..].iter().take_while(|jump| jump.from < to);
        let only = within.next()?;
        within.next().is_none().then_some((only.from, only.to))
    }

    /// Returns where the chain of jumps ended that began at this time; this time if there is none.
    pub(super) fn chain_end(&self, at: Time) -> Time {
        let first = self.0.partition_point(|jump| jump.from < at);
        let mut end = at;
        for jump in &self.0[first..] {
            if jump.from > end {
                break;
            }
            end = jump.to;
        }
        end
    }

    /// Returns where the chain of jumps began that ended at this time; this time if there is none.
    pub(super) fn chain_start(&self, at: Time) -> Time {
        let count = self.0.partition_point(|jump| jump.to <= at);
        count
            .checked_sub(1)
            .map(|last| &self.0[last])
            .filter(|last| last.to == at)
            .map_or(at, |last| last.chain)
    }
}
