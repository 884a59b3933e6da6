//! The task that schedules runs.
//!
//! It sleeps until a run ends, is due or exceeds its timeout, a command arrives, the lifecycle
//! changes, or a result expires. Each turn handles all events, then fires timers, then publishes at
//! most once.

use crate::catch::{drop_catching_panic, log};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};

use super::Refresher;
use super::alarm::{Alarm, Late};
use super::jitter::Jitter;
use super::logger::LogLine;
use super::notifier::Notifier;
use super::publication::Publication;
use super::run::{Outcome, run};
use super::slot::{GRACE, Slot, SlotKey, Starvation};
use super::span::RunSpan;
use crate::model::{OnTimeout, Probe, Redactor, RefresherState, RunOutcome};
use crate::state::{LifecycleState, SharedState, clock};

/// The interval at which a resting check looks whether readiness was probed.
const LOOK_FOR_PROBES: Duration = Duration::from_secs(1);

/// The interval at which the scheduler looks at the clock while runs are in progress, so that it
/// notices a pause of the process within a run.
/// It is no divisor of 100 ms, the period in which Linux throttles a cgroup.
const TICK: Duration = Duration::from_millis(23);

/// A command from a [`Health`](crate::Health), acknowledged once its effect is published.
pub(crate) enum Command {
    Add(SlotKey, Box<Slot>, oneshot::Sender<()>),
    Remove(SlotKey, oneshot::Sender<()>),
    RunNow(SlotKey, oneshot::Sender<()>),
    #[cfg(test)]
    Panic,
}

pub(super) struct Scheduler {
    slots: BTreeMap<SlotKey, Slot>,
    /// At most one timer for each slot: the start of its next run, or when to look at the present one,
    /// which then is slow or exceeds its timeout.
    timers: BTreeSet<(Instant, SlotKey)>,
    runs: JoinSet<Outcome>,
    running: HashMap<task::Id, SlotKey>,
    /// The runs that go on although they exceeded their timeout.
    detached: HashMap<task::Id, SlotKey>,
    commands: mpsc::UnboundedReceiver<Command>,
    lifecycle_changed: mpsc::Receiver<()>,
    alarm: Alarm,
    jitter: Jitter,
    redactor: Redactor,
    run_spans: bool,
    publication: Publication,
    last_late: Option<Late>,
    /// Whether the turn has woken other tasks, and so must end with a wake-up of this one.
    must_yield: bool,
    /// Whether it panicked and has not completed a turn since.
    is_recovering: bool,
}

impl Scheduler {
    /// Creates a scheduler with every check due; must be called within a runtime.
    pub(super) fn new(refresher: Refresher) -> Self {
        let now = clock::now();
        let notifier = Notifier::new(
            refresher.subscribers,
            refresher.backlog,
            refresher.listeners,
            refresher.publisher.state(),
        );
        // The process may be paused before the first turn.
        let lifecycle = &refresher.publisher.state().lifecycle;
        lifecycle.refresher.sleeps_until(Some(now));
        Self {
            timers: refresher.slots.keys().map(|key| (now, *key)).collect(),
            publication: Publication::new(refresher.publisher, notifier),
            slots: refresher.slots,
            runs: JoinSet::new(),
            running: HashMap::new(),
            detached: HashMap::new(),
            commands: refresher.commands,
            lifecycle_changed: refresher.lifecycle_changed,
            alarm: Alarm::new(now),
            jitter: refresher.jitter,
            redactor: refresher.redactor,
            run_spans: refresher.run_spans,
            last_late: None,
            must_yield: false,
            is_recovering: false,
        }
    }

    fn state(&self) -> &Arc<SharedState> {
        self.publication.state()
    }

    fn lifecycle(&self) -> &LifecycleState {
        &self.state().lifecycle
    }

    /// Runs until the last handle is dropped.
    pub(super) async fn run(&mut self) {
        poll_fn(|cx| self.turn(cx)).await;
    }

    /// Records that a turn panicked.
    pub(super) fn note_panic(&mut self, message: String) {
        self.is_recovering = true;
        self.publication.count_restart();
        self.state().refresher_is_away(RefresherState::Restarting);
        self.publication.log(LogLine::RefresherPanicked(message));
    }

    /// Rebuilds the timers after a panic, which may have interrupted a turn. No result is lost.
    pub(super) fn recover(&mut self) {
        let now = clock::now();
        self.alarm.forget();
        self.timers.clear();
        for (key, slot) in &mut self.slots {
            match &slot.run {
                // Its completion is still pending; do not start a second run.
                Some(run) if self.running.contains_key(&run.task.id()) => {
                    if !run.timed_out {
                        self.timers.insert((run.timer(), *key));
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
        self.publication.due_by(now);
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.alarm.has_fired(clock::now()) {
                self.lifecycle().refresher.wakes_up();
            }
            self.notice_lateness();
            // Results come before deadlines: a run that ended in time has not timed out, even if
            // its result is taken late.
            while let Poll::Ready(Some(ended)) = self.runs.poll_join_next_with_id(cx) {
                // Another worker may have polled the run first after a pause.
                self.notice_lateness();
                self.run_ended(ended);
            }
            while let Poll::Ready(command) = self.commands.poll_recv(cx) {
                let Some(command) = command else {
                    return Poll::Ready(());
                };
                self.handle(command);
            }
            if self.lifecycle_changed.poll_recv(cx).is_ready() {
                self.publication.due_by(clock::now());
                // Looks again in another turn, so that no flood of changes can hold this one.
                self.must_yield = true;
            }
            // The process may have been paused within the turn. One that comes from here on is noticed in
            // the next: no later time may decide about a deadline.
            let now = self.notice_lateness();
            self.fire_timers(now);
            self.must_yield |= self
                .publication
                .publish_if_due(&self.slots, self.last_late, now);
            if std::mem::take(&mut self.must_yield) {
                // Tokio queues a task that wakes itself where other workers find it, and wakes one
                // of them. Otherwise a check that never yields, or a listener or log that blocks,
                // could run next on this worker while all others sleep. Timers and the network would
                // then stop. The wake-up also polls `runs` again, which was perhaps empty before and
                // so did not register this task's waker.
                cx.waker().wake_by_ref();
            }
            let alarm = self.next_alarm(now);
            self.lifecycle().refresher.sleeps_until(alarm);
            if std::mem::take(&mut self.is_recovering) {
                self.lifecycle().refresher_is_back();
            }
            ready!(self.alarm.poll(alarm, now, cx));
        }
    }

    /// Measures how late the turn is, and gives back the time to what could not run meanwhile. Returns
    /// the time up to which it did.
    fn notice_lateness(&mut self) -> Instant {
        let now = clock::now();
        if let Some(late) = self.alarm.lateness(now) {
            self.lifecycle().refresher.is_late(late.by);
            self.move_deadlines(late, now);
            self.last_late = Some(late);
        }
        if self.state().has_expired_look() {
            self.publication.due_by(now);
        }
        now
    }

    fn move_deadlines(&mut self, late: Late, now: Instant) {
        let bound = self.state().limits.lateness;
        let heartbeats = &self.lifecycle().heartbeats;
        heartbeats.move_by(late.by, late.alarm, GRACE, bound);
        for (key, slot) in &mut self.slots {
            if let Some((before, after)) = slot.move_deadlines(late, now, bound) {
                self.timers.remove(&(before, *key));
                self.timers.insert((after, *key));
            }
        }
        self.publication.due_by(now);
    }

    fn run_ended(&mut self, ended: Result<(task::Id, Outcome), JoinError>) {
        let now = clock::now();
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => {
                let id = error.id();
                // The error can hold the payload of a check that panicked while it was dropped.
                dispose_of(error);
                self.must_yield = true;
                (id, None)
            }
        };
        if let Some(key) = self.detached.remove(&id) {
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.detached_run_ended(id);
                self.publication.due_soon(now);
            }
            return;
        }
        let Some(key) = self.running.remove(&id) else {
            return;
        };
        // Without a slot, the check was removed during the run.
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Some(run) = slot.run.take() else { return };
        if !run.timed_out {
            self.timers.remove(&(run.timer(), key));
            let outcome = outcome.unwrap_or_else(|| {
                Outcome::failed(
                    RunOutcome::Panic,
                    "panicked while it was dropped".to_owned(),
                    now - run.started_at,
                )
            });
            let starved = run.starvation(slot.spec().timeout, outcome.ended_at, self.last_late);
            if outcome.ended.has_passed() {
                let took = outcome.duration.saturating_sub(starved.during);
                if slot.note_pass(took) {
                    let subject = slot.subject();
                    self.publication.log(LogLine::FastRun { subject, took });
                    self.must_yield = true;
                }
            }
            self.judge(key, outcome, &starved, starved.during, now);
        }
        self.schedule_next(key, now);
    }

    /// Records an outcome, unless it is a failure for which the lateness is an excuse.
    /// `late` is the lateness during the run, which counts even if it is no excuse.
    fn judge(
        &mut self,
        key: SlotKey,
        outcome: Outcome,
        starved: &Starvation,
        late: Duration,
        now: Instant,
    ) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if outcome.ended.has_passed() || !slot.excuses(starved, now) {
            self.record(key, outcome, late, now);
            return;
        }
        let sample = slot.excuse(&outcome, starved, now);
        let (subject, registration) = (slot.subject(), slot.spec().registration);
        let history = &self.publication.state().history;
        history.add_run(&subject, registration, sample);
        self.must_yield = true;
        self.lifecycle().refresher.count_starved_run();
        self.publication.log(LogLine::StarvedRun {
            subject,
            late: starved.late(),
            output: outcome.output,
        });
    }

    /// Makes the next run due after one that is over.
    fn schedule_next(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if let Some(due) = slot.finish_run(now, self.last_late, &mut self.jitter) {
            // A caller that came after the timeout was recorded waits for a run of its own.
            let due = if slot.waiting.is_empty() { due } else { now };
            self.timers.insert((due, key));
        }
        self.publication.due_soon(now);
    }

    fn record(&mut self, key: SlotKey, outcome: Outcome, late: Duration, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if !slot.waiting.is_empty() {
            self.publication.acknowledge(slot.waiting.drain(..), now);
        }
        let (sample, transition) = slot.record(outcome, late);
        let history = &self.publication.state().history;
        if let Some(sample) = sample {
            history.add_run(&slot.subject(), slot.spec().registration, sample);
        }
        if let Some(transition) = transition {
            if slot.is_done {
                self.lifecycle().startup_check_done();
            }
            self.publication.add_transition(transition, now);
        }
    }

    fn handle(&mut self, command: Command) {
        let now = clock::now();
        let ack = match command {
            Command::Add(key, slot, ack) => {
                if slot.spec().while_probed.is_some() {
                    // Probes may not have been counted until now: treat the check as just probed.
                    self.state().note_probe(now);
                }
                self.slots.insert(key, *slot);
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
        self.publication.acknowledge([ack], now);
    }

    fn remove(&mut self, key: SlotKey) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        self.timers.retain(|(_, other)| *other != key);
        if let Some(run) = &slot.run {
            run.task.abort();
        }
        for run in &slot.detached {
            run.abort();
        }
        self.publication.forget(slot.subject());
        if slot.probe == Probe::Startup && !slot.is_done {
            self.lifecycle().startup_check_done();
        }
        dispose_of(slot);
        self.must_yield = true;
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

    /// Starts runs that are due, notices slow ones, and ends those that exceed their timeout.
    fn fire_timers(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, key));
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            if let Some(run) = &slot.run {
                // The run may have ended on another worker since the results were taken.
                if run.task.is_finished() {
                    continue;
                }
                if run.deadline.has_passed(now) {
                    self.time_out(key, now);
                } else {
                    self.note_slow_run(key, now);
                }
            } else if slot.is_wanted(self.publication.state(), now) {
                self.start_run(key, now);
            } else {
                let pause = slot.spec().ttl.min(LOOK_FOR_PROBES);
                self.timers.insert((now + pause, key));
            }
        }
    }

    fn start_run(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let limit = slot.spec().limits.detached_runs;
        if slot.detached.len() >= limit {
            // Otherwise runs that hang for ever would keep the check from ever passing again.
            slot.detached[0].abort();
            let output = format!("{limit} earlier runs still go on");
            self.record(key, Outcome::not_begun(output), Duration::ZERO, now);
            self.schedule_next(key, now);
            return;
        }
        let readings = slot.spec().limits.readings_per_check;
        let timed_out = self.run_spans.then(Arc::<AtomicBool>::default);
        let span = timed_out.clone().map(|timed_out| RunSpan {
            probe: slot.probe,
            check: Arc::clone(&slot.state),
            timed_out,
        });
        let run = run(
            Arc::clone(&slot.indicator),
            self.redactor.clone(),
            readings,
            span,
        );
        let task = self.runs.spawn(run);
        self.running.insert(task.id(), key);
        self.must_yield = true;
        let timer = slot.begin_run(task, timed_out, now);
        self.timers.insert((timer, key));
    }

    /// Logs a run that has used up a part of its timeout, unless one before it was slow already.
    fn note_slow_run(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let is_first = slot.note_slow_run();
        let (subject, timeout) = (slot.subject(), slot.spec().timeout);
        let Some(run) = &slot.run else { return };
        self.timers.insert((run.timer(), key));
        if is_first {
            let elapsed = run.elapsed(now);
            self.must_yield = true;
            self.publication.log(LogLine::SlowRun {
                subject,
                elapsed,
                timeout,
            });
        }
    }

    /// Ends a run that exceeds its timeout, or detaches it, and records its failure.
    ///
    /// After an abort, the next run is not due until the task has ended.
    fn time_out(&mut self, key: SlotKey, now: Instant) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Some(run) = &mut slot.run else { return };
        run.timed_out = true;
        if let Some(timed_out) = &run.span_timed_out {
            timed_out.store(true, Ordering::Relaxed);
        }
        let (task, started_at) = (run.task.clone(), run.started_at);
        // A run that lost more time than it was given back had less than its timeout. Otherwise it
        // had all of it, and there is no excuse.
        let late = run.deadline.lateness();
        let starved = if run.deadline.is_exceeded() {
            Starvation::of_timeout(late)
        } else {
            Starvation::default()
        };
        let is_detached = slot.state.spec.on_timeout == OnTimeout::Detach;
        if is_detached {
            self.running.remove(&task.id());
            self.detached.insert(task.id(), key);
            slot.detach_run(task);
        } else {
            task.abort();
        }
        let timeout = humantime::format_duration(slot.state.spec.timeout);
        let output = format!("timed out after {timeout}");
        let outcome = Outcome::failed(RunOutcome::Timeout, output, now - started_at);
        self.judge(key, outcome, &starved, late, now);
        if is_detached {
            self.schedule_next(key, now);
        }
        self.publication.due_soon(now);
    }

    fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let tick = (!self.running.is_empty()).then(|| now + TICK);
        let alarms = [timer, tick, self.publication.next_alarm()];
        alarms.into_iter().flatten().min()
    }
}

/// Tells readers when the refresher ends although handles of the health exist: its runtime is being
/// shut down.
impl Drop for Scheduler {
    fn drop(&mut self) {
        if self.commands.is_closed() {
            return;
        }
        self.state().refresher_is_away(RefresherState::Gone);
        // A process that drains is about to end, and its runtime with it.
        if !self.lifecycle().is_draining() {
            log!(
                WARN,
                "the health refresher is gone: its tokio runtime has ended"
            );
        }
    }
}

/// Drops a value of the application in a task of its own, since its destructor may panic or block.
fn dispose_of<T: Send + 'static>(value: T) {
    tokio::spawn(async move { drop_catching_panic(value) });
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

#[cfg(test)]
mod tests;
