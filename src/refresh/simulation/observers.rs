//! Those who watch the health: a subscriber that keeps up, one that lags, a listener and a tracing
//! subscriber that misbehave.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::SystemTime;

use tokio::task;
use tracing::field::{Field, Visit};
use tracing::span;

use super::host::Host;
use crate::state::clock;
use crate::{Health, Probe, Status, Subject, Transition, Transitions};

/// How many of the latest transitions are kept.
const KEPT: usize = 8_192;

/// Every transition, in the order of their announcement.
#[derive(Clone, Default)]
pub(super) struct Announced(Arc<Mutex<Log>>);

#[derive(Default)]
pub(super) struct Log {
    /// The number of transitions before the first that is kept.
    forgotten: u64,
    kept: VecDeque<Transition>,
    /// The latest status of each subject.
    subjects: BTreeMap<String, Option<Status>>,
    /// The number of transitions of each probe.
    of_probe: [usize; Probe::EACH.len()],
    /// When readiness changed as announced, and to what.
    readiness: Vec<(SystemTime, Status)>,
    pub(super) has_ended: bool,
    violation: Option<String>,
}

impl Announced {
    /// Collects transitions in a task of its own, which keeps up.
    pub(super) fn collect(health: &Health) -> Self {
        let announced = Self::default();
        for probe in Probe::EACH {
            let first = Some(health.status(probe));
            announced.log().subjects.insert(probe.to_string(), first);
        }
        let first = (clock::wall(), health.status(Probe::Readiness));
        announced.log().readiness.push(first);
        let log = announced.clone();
        let mut transitions = health.subscribe();
        tokio::spawn(task::unconstrained(async move {
            while let Some(transition) = transitions.next().await {
                log.log().add(transition, transitions.missed());
            }
            log.log().has_ended = true;
        }));
        announced
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap()
    }
}

impl Log {
    fn add(&mut self, transition: Transition, missed: u64) {
        let last = self
            .subjects
            .entry(transition.subject.to_string())
            .or_default();
        let is_check = matches!(transition.subject, Subject::Check { .. });
        let fault = if missed > 0 {
            Some("a subscriber that keeps up missed a transition")
        } else if transition.from == Some(transition.to) {
            Some("a transition changes nothing")
        } else if is_check && transition.from.is_none() {
            // The first result of a check; its name may have belonged to another one before.
            None
        } else {
            (transition.from != *last)
                .then_some("a transition does not begin where the one before it ended")
        };
        *last = Some(transition.to);
        if let Subject::Probe(probe) = transition.subject {
            self.of_probe[probe as usize] += 1;
            if probe == Probe::Readiness {
                self.readiness.push((transition.time, transition.to));
            }
        }
        if let Some(fault) = fault {
            self.violation
                .get_or_insert_with(|| format!("{fault}: {transition:?}"));
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.forgotten += 1;
        }
        self.kept.push_back(transition);
    }

    pub(super) fn total(&self) -> u64 {
        self.forgotten + self.kept.len() as u64
    }

    /// Returns the latest status of a probe that was announced.
    pub(super) fn latest(&self, probe: Probe) -> Option<Status> {
        self.subjects.get(probe.as_str()).copied().flatten()
    }

    /// Returns whether the announcements tell that readiness had this status at this time.
    pub(super) fn tells(&self, status: Status, at: SystemTime) -> bool {
        let first = self.readiness.partition_point(|(time, _)| *time < at);
        let holds = |index: usize| {
            self.readiness
                .get(index)
                .is_some_and(|(_, to)| *to == status)
        };
        let before = first.checked_sub(1).is_some_and(holds);
        let same_time = |index: &usize| {
            self.readiness
                .get(*index)
                .is_some_and(|(time, _)| *time == at)
        };
        before || (first..).take_while(same_time).any(holds)
    }

    fn get(&self, index: u64) -> Option<&Transition> {
        let index = index.checked_sub(self.forgotten)?;
        self.kept.get(usize::try_from(index).ok()?)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    /// Compares with the history, which keeps the latest of each subject.
    pub(super) fn check_history(&self, history: &[Transition], most: usize) -> Result<(), String> {
        let mut of_subject: BTreeMap<String, Vec<&Transition>> = BTreeMap::new();
        for transition in history {
            let subject = transition.subject.to_string();
            of_subject.entry(subject).or_default().push(transition);
        }
        for probe in Probe::EACH {
            let seen = of_subject.get(probe.as_str()).map_or(0, Vec::len);
            let expected = self.of_probe[probe as usize].min(most);
            if seen != expected {
                return Err(format!(
                    "the history has {seen} transitions of {probe} instead of {expected}"
                ));
            }
        }
        for (subject, seen) in of_subject {
            if seen.len() > most {
                return Err(format!("the history has too much of {subject}"));
            }
            let kept = self.kept.iter().rev();
            let mut all = kept.filter(|transition| transition.subject.to_string() == subject);
            for seen in seen.iter().rev() {
                if all.next().is_some_and(|announced| announced != *seen) {
                    return Err(format!(
                        "the history differs from what was announced: {seen:?}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Someone who receives transitions, and perhaps misses some.
#[derive(Default)]
struct Follower {
    /// What was received and not yet found among the transitions that were announced.
    received: VecDeque<Transition>,
    found: u64,
    /// The number of the next transition.
    next: u64,
}

impl Follower {
    /// Finds what was received, in its order, and returns how much was found so far.
    fn catch_up(&mut self, log: &Log) -> u64 {
        self.next = self.next.max(log.forgotten);
        while let Some(transition) = self.received.front() {
            let mut next = self.next;
            while log.get(next).is_some_and(|other| other != transition) {
                next += 1;
            }
            if log.get(next).is_none() {
                // Perhaps it is announced to the collector a little later.
                break;
            }
            self.next = next + 1;
            self.found += 1;
            self.received.pop_front();
        }
        self.found
    }
}

/// A subscriber that reads only now and then.
pub(super) struct Laggard {
    transitions: Transitions,
    follower: Follower,
}

impl Laggard {
    pub(super) fn new(health: &Health) -> Self {
        Self {
            transitions: health.subscribe(),
            follower: Follower::default(),
        }
    }

    /// Reads everything that is there.
    pub(super) async fn read(&mut self) {
        loop {
            let next = task::unconstrained(self.transitions.next());
            let transition = tokio::select! {
                biased;
                transition = next => transition,
                () = std::future::ready(()) => return,
            };
            let Some(transition) = transition else { return };
            self.follower.received.push_back(transition);
        }
    }

    /// Returns how many transitions it received or missed.
    pub(super) fn count(&mut self, log: &Log) -> u64 {
        self.follower.catch_up(log) + self.transitions.missed()
    }
}

/// A listener, which panics or blocks now and then.
#[derive(Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Follower>>);

impl Listener {
    pub(super) fn callback(
        &self,
        host: &Host,
        misbehaves: bool,
    ) -> impl Fn(&Transition) + Send + Sync + 'static {
        let (follower, host) = (Arc::clone(&self.0), host.clone());
        move |transition| {
            let mut follower = follower.lock().unwrap();
            follower.received.push_back(transition.clone());
            drop(follower);
            if !misbehaves {
                return;
            }
            let (panics, block) = {
                let rng = &mut host.facts().rng;
                (rng.one_in(16), rng.one_in(16).then(|| rng.millis(1, 500)))
            };
            if let Some(block) = block {
                host.jump("a listener blocks for", block);
            }
            if panics {
                host.facts().listener_panics += 1;
                host.panic("a listener panics");
            }
        }
    }

    /// Returns how many transitions it heard of.
    pub(super) fn count(&self, log: &Log) -> u64 {
        self.0.lock().unwrap().catch_up(log)
    }
}

/// A tracing subscriber that panics or blocks now and then.
pub(super) struct Tracer {
    pub(super) host: Host,
    pub(super) misbehaves: bool,
    pub(super) lines: Arc<Lines>,
}

/// How many lines were written, how many of these tell that others are missing, and how many are
/// about slow runs.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) written: AtomicU64,
    pub(super) about_log: AtomicU64,
    pub(super) about_slow: AtomicU64,
}

impl tracing::Subscriber for Tracer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "tower_health"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.lines.written.fetch_add(1, Ordering::Relaxed);
        let mut message = Message::default();
        event.record(&mut message);
        // This one is not a line of the queue.
        if message.0.starts_with("the log is too slow") {
            self.lines.about_log.fetch_add(1, Ordering::Relaxed);
        }
        if message.0.starts_with("a health check is ") {
            self.lines.about_slow.fetch_add(1, Ordering::Relaxed);
        }
        if !self.misbehaves {
            return;
        }
        let (panics, block) = {
            let rng = &mut self.host.facts().rng;
            (rng.one_in(16), rng.one_in(16).then(|| rng.millis(1, 300)))
        };
        if let Some(block) = block {
            self.host.jump("the log blocks for", block);
        }
        if panics {
            self.host.panic("the tracing subscriber panics");
        }
    }
}

/// The message of a line.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

thread_local! {
    static IS_SIMULATION: Cell<bool> = const { Cell::new(false) };
    static PANICS: Cell<u64> = const { Cell::new(0) };
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Counts the panics of this thread, without a word, until it is dropped.
pub(super) struct CountedPanics(());

impl CountedPanics {
    pub(super) fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                if !IS_SIMULATION.get() {
                    return usual(panic);
                }
                PANICS.set(PANICS.get() + 1);
                LAST_PANIC.with_borrow_mut(|last| *last = panic.to_string());
            }));
        });
        IS_SIMULATION.set(true);
        PANICS.set(0);
        Self(())
    }

    pub(super) fn count() -> u64 {
        PANICS.get()
    }

    pub(super) fn last() -> String {
        LAST_PANIC.with_borrow(String::clone)
    }
}

impl Drop for CountedPanics {
    fn drop(&mut self) {
        IS_SIMULATION.set(false);
    }
}
