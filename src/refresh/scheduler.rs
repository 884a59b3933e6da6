//! The task that schedules runs and publishes snapshots.
//!
//! It sleeps until a run ends, is due or exceeds its timeout, a command arrives, the lifecycle
//! changes, or a result expires. Each turn handles all events, then fires timers, then publishes at
//! most once.

use std::collections::{BTreeSet, HashMap};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Sleep;

use super::Refresher;
use super::jitter::Jitter;
use super::notifier::Notifier;
use super::run::{Outcome, run};
use super::slot::{Run, Slot, SlotKey, Slots};
use crate::model::{
    CheckState, Probe, Redactor, Snapshot, Subject, Transition, drop_catching_panic,
};
use crate::state::{Publisher, SharedState, clock};

/// The delay of results that change no status, so that several are published together.
const COALESCE: Duration = Duration::from_millis(10);

/// The interval at which a resting check looks whether readiness was probed.
const LOOK_FOR_PROBES: Duration = Duration::from_secs(1);

/// A command from a [`Health`](crate::Health), acknowledged once its effect is published.
pub(crate) enum Command {
    Add(SlotKey, Slot, oneshot::Sender<()>),
    Remove(SlotKey, oneshot::Sender<()>),
    RunNow(SlotKey, oneshot::Sender<()>),
    #[cfg(test)]
    Panic,
}

pub(super) struct Scheduler {
    pub(super) publisher: Publisher,
    pub(super) slots: Slots,
    /// At most one timer for each slot: the start of its next run, or the deadline of the present.
    timers: BTreeSet<(Instant, SlotKey)>,
    runs: JoinSet<Outcome>,
    running: HashMap<task::Id, SlotKey>,
    commands: mpsc::UnboundedReceiver<Command>,
    lifecycle_changed: mpsc::Receiver<()>,
    alarm: Pin<Box<Sleep>>,
    jitter: Jitter,
    redactor: Redactor,
    notifier: Notifier,
    next: Publication,
}

/// Holds what the scheduler announces with the next snapshot.
#[derive(Default)]
struct Publication {
    /// When the snapshot is due; `None` if there is nothing to publish.
    due: Option<Instant>,
    transitions: Vec<Transition>,
    /// The checks that were removed, whose history ends with the announcements.
    removed: Vec<Subject>,
    /// The callers that wait for the snapshot.
    acks: Vec<oneshot::Sender<()>>,
}

impl Publication {
    fn due_by(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |other| other.min(due)));
    }
}

impl Scheduler {
    /// Creates a scheduler with every check due; must be called within a runtime.
    pub(super) fn new(refresher: Refresher) -> Self {
        let now = clock::now();
        let Refresher {
            transitions,
            listeners,
            ..
        } = refresher;
        Self {
            notifier: Notifier::new(transitions, listeners, refresher.publisher.state()),
            timers: refresher.slots.keys().map(|key| (now, *key)).collect(),
            publisher: refresher.publisher,
            slots: Slots(refresher.slots),
            runs: JoinSet::new(),
            running: HashMap::new(),
            commands: refresher.commands,
            lifecycle_changed: refresher.lifecycle_changed,
            alarm: Box::pin(tokio::time::sleep_until(now.into())),
            jitter: refresher.jitter,
            redactor: refresher.redactor,
            next: Publication::default(),
        }
    }

    /// Runs until the last handle is dropped.
    pub(super) async fn run(&mut self) {
        poll_fn(|cx| self.turn(cx)).await;
    }

    /// Rebuilds the timers after a panic, which may have interrupted a turn. No result is lost.
    pub(super) fn recover(&mut self) {
        let now = clock::now();
        self.timers.clear();
        for (key, slot) in self.slots.iter_mut() {
            match &slot.run {
                // Its completion is still pending; do not start a second run.
                Some(run) if self.running.contains_key(&run.task.id()) => {
                    if !run.timed_out {
                        self.timers
                            .insert((run.started_at + slot.spec().timeout, *key));
                    }
                }
                _ => {
                    slot.run = None;
                    if !slot.is_done {
                        self.timers.insert((now, *key));
                    }
                }
            }
        }
        self.next.due_by(now);
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Results come before deadlines: a run that ended in time has not timed out, even if
            // its result is taken late.
            while let Poll::Ready(Some(ended)) = self.runs.poll_join_next_with_id(cx) {
                self.run_ended(ended);
            }
            while let Poll::Ready(command) = self.commands.poll_recv(cx) {
                let Some(command) = command else {
                    return Poll::Ready(());
                };
                self.handle(command);
            }
            while let Poll::Ready(Some(())) = self.lifecycle_changed.poll_recv(cx) {
                self.next.due_by(clock::now());
            }
            let now = clock::now();
            let started = self.fire_timers(now);
            let must_call_listeners = self.publish_if_due(now);
            if started || must_call_listeners {
                // Tokio queues a task that wakes itself where other workers find it, and wakes one
                // of them. Otherwise a check that never yields, or a listener that blocks, could
                // run next on this worker while all others sleep. Timers and the network would then
                // stop. The wake-up also polls `runs` again, which was perhaps empty before and so
                // did not register this task's waker.
                cx.waker().wake_by_ref();
            }
            let Some(alarm) = self.next_alarm() else {
                return Poll::Pending;
            };
            self.alarm.as_mut().reset(alarm.into());
            ready!(self.alarm.as_mut().poll(cx));
        }
    }

    fn run_ended(&mut self, ended: Result<(task::Id, Outcome), JoinError>) {
        let now = clock::now();
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => {
                let id = error.id();
                // The error can hold the payload of a check that panicked while it was dropped.
                drop_catching_panic(error);
                (id, None)
            }
        };
        let Some(key) = self.running.remove(&id) else {
            return;
        };
        // Without a slot, the check was removed during the run.
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Some(run) = slot.run.take() else { return };
        if !run.timed_out {
            self.timers
                .remove(&(run.started_at + slot.spec().timeout, key));
            let outcome = outcome.unwrap_or_else(|| {
                Outcome::failed(
                    "panicked while it was dropped".to_owned(),
                    now - run.started_at,
                )
            });
            self.record(key, outcome, now);
        }
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if let Some(due) = slot.finish_run(now, &mut self.jitter) {
            // A caller that came after the timeout was recorded waits for a run of its own.
            let due = if slot.waiting.is_empty() { due } else { now };
            self.timers.insert((due, key));
        }
        self.next.due_by(now + COALESCE);
    }

    fn record(&mut self, key: SlotKey, outcome: Outcome, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if !slot.waiting.is_empty() {
            self.next.acks.append(&mut slot.waiting);
            self.next.due_by(now);
        }
        if let Some(transition) = slot.record(outcome) {
            if slot.is_done {
                self.publisher.state().lifecycle.startup_check_done();
            }
            self.next.transitions.push(transition);
            self.next.due_by(now);
        }
    }

    fn handle(&mut self, command: Command) {
        let now = clock::now();
        let ack = match command {
            Command::Add(key, slot, ack) => {
                if slot.spec().while_probed.is_some() {
                    // Probes may not have been counted until now: treat the check as just probed.
                    self.publisher.state().note_probe(now);
                }
                self.slots.insert(key, slot);
                self.timers.insert((now, key));
                ack
            }
            Command::Remove(key, ack) => {
                self.remove(key);
                ack
            }
            Command::RunNow(key, ack) => {
                self.run_now(key, ack, now);
                return;
            }
            #[cfg(test)]
            Command::Panic => panic!("commanded by a test"),
        };
        self.next.acks.push(ack);
        self.next.due_by(now);
    }

    fn remove(&mut self, key: SlotKey) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        self.timers.retain(|(_, other)| *other != key);
        if let Some(run) = &slot.run {
            run.task.abort();
        }
        self.next.removed.push(slot.subject());
        if slot.probe == Probe::Startup && !slot.is_done {
            self.publisher.state().lifecycle.startup_check_done();
        }
        drop_catching_panic(slot);
    }

    /// Makes a check due. The next result, or that of a run in progress, is acknowledged.
    fn run_now(&mut self, key: SlotKey, ack: oneshot::Sender<()>, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        // Not each time: many callers of one check would take quadratic time.
        if slot.waiting.len().is_power_of_two() {
            slot.waiting.retain(|waiting| !waiting.is_closed());
        }
        slot.waiting.push(ack);
        if slot.run.is_none() {
            self.timers.retain(|(_, other)| *other != key);
            self.timers.insert((now, key));
        }
    }

    /// Starts runs that are due and aborts runs that exceed their timeout. Returns whether any run
    /// was started.
    fn fire_timers(&mut self, now: Instant) -> bool {
        let mut started = false;
        while let Some((at, key)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, key));
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            if let Some(run) = &slot.run {
                // The run may have ended on another worker since the results were taken.
                if !run.task.is_finished() {
                    self.time_out(key, now);
                }
            } else if slot.is_wanted(self.publisher.state(), now) {
                self.start_run(key, now);
                started = true;
            } else {
                let pause = slot.spec().ttl.min(LOOK_FOR_PROBES);
                self.timers.insert((now + pause, key));
            }
        }
        started
    }

    fn start_run(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let readings = slot.spec().limits.readings_per_check;
        let run = run(Arc::clone(&slot.indicator), self.redactor.clone(), readings);
        let task = self.runs.spawn(run);
        self.running.insert(task.id(), key);
        slot.run = Some(Run {
            task,
            started_at: now,
            timed_out: false,
        });
        self.timers.insert((now + slot.spec().timeout, key));
    }

    /// Aborts a run and records its failure. The next run is not due until the task has ended.
    fn time_out(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Some(run) = &mut slot.run else { return };
        run.timed_out = true;
        run.task.abort();
        let timeout = humantime::format_duration(slot.state.spec.timeout);
        let outcome = Outcome::failed(format!("timed out after {timeout}"), now - run.started_at);
        self.record(key, outcome, now);
        self.next.due_by(now + COALESCE);
    }

    /// Publishes a snapshot if one is due. Returns whether listeners have to be called.
    fn publish_if_due(&mut self, now: Instant) -> bool {
        if self.next.due.is_none_or(|due| due > now) {
            return false;
        }
        let next = std::mem::take(&mut self.next);
        let checks = |probe| -> Vec<Arc<CheckState>> {
            let slots = self.slots.values().filter(|slot| slot.probe == probe);
            slots.map(|slot| Arc::clone(&slot.state)).collect()
        };
        let state = self.publisher.state();
        let snapshot = Arc::new(Snapshot::new(
            checks(Probe::Readiness),
            checks(Probe::Startup),
            state.lifecycle.view(now),
            Arc::clone(&state.identity),
            (now, SystemTime::now()),
        ));
        let change = self.publisher.publish(&snapshot);
        let must_call_listeners =
            self.notifier
                .announce(state, &snapshot, next.transitions, &change);
        for subject in &next.removed {
            state.history.forget(subject);
        }
        self.publisher.wake(change);
        for ack in next.acks {
            // An error means that the caller stopped waiting.
            let _ = ack.send(());
        }
        // A result that expires and a heartbeat that is missed need a new snapshot too.
        if let Some(until) = snapshot.valid_until() {
            self.next.due_by(until);
        }
        must_call_listeners
    }

    fn next_alarm(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.next.due).min()
    }
}

impl Slot {
    /// Returns whether a run that is due should start.
    ///
    /// The first run always starts, and so does a run that startup or a caller waits for.
    fn is_wanted(&self, state: &SharedState, now: Instant) -> bool {
        let can_rest = self.has_run() && self.probe != Probe::Startup && self.waiting.is_empty();
        let window = self.spec().while_probed.filter(|_| can_rest);
        window.is_none_or(|window| state.probed_within(window, now))
    }
}
