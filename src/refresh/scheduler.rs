//! The one task that runs checks and publishes snapshots.
//!
//! It sleeps until a run ends, a run is due or late, the process changed, or a result expires. A
//! turn first takes everything that happened, then acts on the clock, then publishes once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Sleep;

use super::Refresher;
use super::announcer::Announcer;
use super::jitter::Jitter;
use super::run::{Outcome, run};
use super::slot::{Run, Slot, SlotKey};
use crate::clock;
use crate::model::{CheckState, Redactor, Snapshot, Transition};
use crate::panic::drop_quietly;
use crate::probe::Probe;
use crate::published::Published;

/// How long results that change no status wait for company before they are published.
const COALESCE: Duration = Duration::from_millis(10);

/// How often a check that waits for somebody to probe looks whether somebody did.
const LOOK_FOR_PROBES: Duration = Duration::from_secs(1);

/// What a [`Health`](crate::Health) asks for. Each is acknowledged once it is published.
pub(crate) enum Command {
    Add(SlotKey, Slot, oneshot::Sender<()>),
    Remove(SlotKey, oneshot::Sender<()>),
    #[cfg(test)]
    Panic,
}

pub(super) struct Scheduler {
    pub(super) published: Arc<Published>,
    pub(super) slots: BTreeMap<SlotKey, Slot>,
    /// At most one for each slot: its next run, or the deadline of the present one.
    timers: BTreeSet<(Instant, SlotKey)>,
    runs: JoinSet<Outcome>,
    running: HashMap<task::Id, SlotKey>,
    commands: mpsc::UnboundedReceiver<Command>,
    changed: mpsc::Receiver<()>,
    alarm: Pin<Box<Sleep>>,
    jitter: Jitter,
    redactor: Redactor,
    announcer: Announcer,
    /// Tells that there is a new snapshot, whatever is in it.
    publications: watch::Sender<()>,
    next: Publication,
}

/// What the next snapshot is to tell.
#[derive(Default)]
struct Publication {
    /// `Some` when there is something to publish: when it must have been.
    due: Option<Instant>,
    transitions: Vec<Transition>,
    /// Who waits for it.
    acks: Vec<oneshot::Sender<()>>,
}

impl Publication {
    fn by(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |other| other.min(due)));
    }
}

impl Scheduler {
    /// Every check is due at once. Must be called within a runtime.
    pub(super) fn new(refresher: Refresher) -> Self {
        let now = clock::now();
        let Refresher {
            verdicts,
            transitions,
            listeners,
            ..
        } = refresher;
        Self {
            announcer: Announcer::new(verdicts, transitions, listeners),
            timers: refresher.slots.keys().map(|key| (now, *key)).collect(),
            published: refresher.published,
            slots: refresher.slots,
            runs: JoinSet::new(),
            running: HashMap::new(),
            commands: refresher.commands,
            changed: refresher.changed,
            alarm: Box::pin(tokio::time::sleep_until(now.into())),
            jitter: refresher.jitter,
            redactor: refresher.redactor,
            publications: refresher.publications,
            next: Publication::default(),
        }
    }

    /// Runs until nobody holds a handle any more.
    pub(super) async fn run(&mut self) {
        poll_fn(|cx| self.turn(cx)).await;
    }

    /// After a panic: nothing that was half done is trusted, and nothing that is known is lost.
    pub(super) fn recover(&mut self) {
        let now = clock::now();
        self.timers.clear();
        for (key, slot) in &mut self.slots {
            match &slot.run {
                // Its end will be told, or waits to be: no second run may start before that.
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
        self.next.by(now);
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Results before deadlines: a run that ended in time has not timed out, however late
            // it is looked at.
            while let Poll::Ready(Some(ended)) = self.runs.poll_join_next_with_id(cx) {
                self.run_ended(ended);
            }
            while let Poll::Ready(command) = self.commands.poll_recv(cx) {
                let Some(command) = command else {
                    return Poll::Ready(());
                };
                self.obey(command);
            }
            while let Poll::Ready(Some(())) = self.changed.poll_recv(cx) {
                self.next.by(clock::now());
            }
            let now = clock::now();
            let started = self.fire_timers(now);
            let told = self.publish_if_due(now);
            if started || told {
                // A task that is woken while it runs is queued where another worker finds it, and
                // one is woken to look. Without it a check that never yields, or a listener that
                // blocks, could run next on this worker while all others sleep, the clock and the
                // network with them. It also makes the set of runs, which may have been empty when
                // it was asked, take note of whom to wake.
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
                // It may hold what a check panicked with when it was dropped.
                drop_quietly(error);
                (id, None)
            }
        };
        // A slot that was removed meanwhile has nothing to record.
        let Some(key) = self.running.remove(&id) else {
            return;
        };
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
            self.timers.insert((due, key));
        }
        self.next.by(now + COALESCE);
    }

    fn record(&mut self, key: SlotKey, outcome: Outcome, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if let Some(transition) = slot.record(outcome) {
            if slot.is_done {
                self.published.lifecycle.startup_check_done();
            }
            self.next.transitions.push(transition);
            self.next.by(now);
        }
    }

    fn obey(&mut self, command: Command) {
        let now = clock::now();
        let ack = match command {
            Command::Add(key, slot, ack) => {
                if slot.spec().while_probed.is_some() {
                    // Probes may not have been counted before: it rests once it knows better.
                    self.published.note_probe(now);
                }
                self.slots.insert(key, slot);
                self.timers.insert((now, key));
                ack
            }
            Command::Remove(key, ack) => {
                self.remove(key);
                ack
            }
            #[cfg(test)]
            Command::Panic => panic!("asked to"),
        };
        self.next.acks.push(ack);
        self.next.by(now);
    }

    fn remove(&mut self, key: SlotKey) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        self.timers.retain(|(_, other)| *other != key);
        if let Some(run) = &slot.run {
            run.task.abort();
        }
        if slot.probe == Probe::Startup && !slot.is_done {
            self.published.lifecycle.startup_check_done();
        }
        drop_quietly(slot);
    }

    /// Starts the runs that are due and ends those that are late. Says whether it started any.
    fn fire_timers(&mut self, now: Instant) -> bool {
        let mut started = false;
        while let Some((at, key)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, key));
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            if let Some(run) = &slot.run {
                // Tokio lets a task take only so many results in one turn: this one may be waiting.
                if !run.task.is_finished() {
                    self.time_out(key, now);
                }
            } else if slot.is_wanted(&self.published, now) {
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
        let run = run(Arc::clone(&slot.indicator), self.redactor.clone());
        let task = self.runs.spawn(run);
        self.running.insert(task.id(), key);
        slot.run = Some(Run {
            task,
            started_at: now,
            timed_out: false,
        });
        self.timers.insert((now + slot.spec().timeout, key));
    }

    /// Publishes the failure now. The next run is due only when the task has really ended.
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
        self.next.by(now + COALESCE);
    }

    /// Says whether listeners have to be called for it.
    fn publish_if_due(&mut self, now: Instant) -> bool {
        if self.next.due.is_none_or(|due| due > now) {
            return false;
        }
        let next = std::mem::take(&mut self.next);
        let checks = |probe| -> Vec<Arc<CheckState>> {
            let slots = self.slots.values().filter(|slot| slot.probe == probe);
            slots.map(|slot| Arc::clone(&slot.state)).collect()
        };
        let snapshot = Arc::new(Snapshot::new(
            checks(Probe::Readiness),
            checks(Probe::Startup),
            self.published.lifecycle.view(now),
            Arc::clone(&self.published.identity),
            (now, SystemTime::now()),
        ));
        self.published.publish(Arc::clone(&snapshot));
        let told = self
            .announcer
            .announce(&self.published, &snapshot, next.transitions);
        self.publications.send_replace(());
        for ack in next.acks {
            // Whoever asked may have stopped waiting.
            let _ = ack.send(());
        }
        // When a result expires or a heartbeat is missed, that is news too.
        if let Some(until) = snapshot.valid_until() {
            self.next.by(until);
        }
        told
    }

    fn next_alarm(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.next.due).min()
    }
}

impl Slot {
    /// Whether a run that is due should start. The first one always does, and so does each that
    /// startup waits for: nobody asks for readiness before that.
    fn is_wanted(&self, published: &Published, now: Instant) -> bool {
        let can_rest = self.has_run() && self.probe != Probe::Startup;
        let window = self.spec().while_probed.filter(|_| can_rest);
        window.is_none_or(|window| published.probed_within(window, now))
    }
}
