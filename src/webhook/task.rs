//! The task of a webhook: it reads transitions, and delivers one message after the other.

use std::collections::HashSet;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{self, sleep_until};

use super::body::json;
use super::client::{Attempt, Client};
use super::handle::{Counters, WebhookHandle};
use super::notification::Notification;
use super::outbox::{Message, Outbox, Rules};
use super::retry::Backoff;
use crate::{Health, Probe, Status, Subject, Transition, Transitions, WeakHealth};

/// Emits a `tracing` event, whose subscriber is code of the application.
macro_rules! log {
    ($level:ident, $($event:tt)*) => {
        catching_panic(|| {
            ::tracing::event!(target: "tower_health", ::tracing::Level::$level, $($event)*)
        })
    };
}

pub(super) type Template = Box<dyn Fn(&Notification) -> String + Send + Sync>;

type Filter = Box<dyn Fn(&Transition) -> bool + Send + Sync>;

/// How long after it missed transitions a webhook looks at the present state: when it has read those
/// that it did not miss.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How often a webhook with messages that wait looks whether the process drains.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Settings {
    /// The URL without its secrets.
    pub(super) shown: String,
    pub(super) client: Arc<Client>,
    pub(super) template: Option<Template>,
    pub(super) choice: Choice,
    pub(super) rules: Rules,
    pub(super) backoff: (Duration, Duration),
    pub(super) retry_for: Duration,
    pub(super) flush_timeout: Duration,
}

/// Which changes are posted, whatever their status.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) probes: Vec<Probe>,
    pub(super) checks: Vec<String>,
    pub(super) filter: Option<Filter>,
    pub(super) drains: bool,
}

impl Choice {
    fn contains(&self, change: &Transition) -> bool {
        let is_chosen = match &change.subject {
            _ if self.probes.is_empty() && self.checks.is_empty() => true,
            Subject::Probe(probe) => self.probes.contains(probe),
            Subject::Check { name, .. } => self.checks.contains(name),
        };
        let passes = |filter: &Filter| catching_panic(|| filter(change)).unwrap_or(true);
        is_chosen && self.filter.as_ref().is_none_or(passes)
    }
}

pub(super) fn spawn(runtime: &Handle, settings: Settings, health: &Health) -> WebhookHandle {
    let (flushes, flush_requests) = mpsc::unbounded_channel();
    let counters = Arc::<Counters>::default();
    let transitions = health.subscribe();
    let config = health.config();
    let mut worker = Worker {
        identity: Identity {
            service_id: config.service_id.clone(),
            version: config.version.clone(),
            release_id: config.release_id.clone(),
            environment: config.environment.clone(),
        },
        outbox: Outbox::new(settings.rules),
        backoff: Backoff::new(settings.backoff.0, settings.backoff.1),
        prefix: RandomState::new().hash_one("webhook"),
        counters: Arc::clone(&counters),
        health: health.downgrade(),
        settings,
        in_flight: None,
        missed: 0,
        catch_up_at: None,
        known: Vec::new(),
        deadline: None,
        flushing: Vec::new(),
        is_failing: false,
    };
    worker.catch_up(health);
    runtime.spawn(worker.run(transitions, flush_requests));
    WebhookHandle { counters, flushes }
}

/// What the messages tell of the service. It outlives the health.
struct Identity {
    service_id: Option<String>,
    version: Option<String>,
    release_id: Option<String>,
    environment: Option<String>,
}

struct Worker {
    identity: Identity,
    settings: Settings,
    outbox: Outbox,
    backoff: Backoff,
    /// What the identities of messages begin with, since their numbers begin with each process.
    prefix: u64,
    counters: Arc<Counters>,
    health: WeakHealth,
    in_flight: Option<(Message, AttemptTask)>,
    /// How many transitions the subscription has missed.
    missed: u64,
    /// When to look at the present state, after transitions were missed.
    catch_up_at: Option<Instant>,
    /// The changes that it has caught up with. The subscription may tell of the last of them again.
    known: Vec<Transition>,
    /// Until when what waits has to be delivered; `Some` in a flush and once the health has ended.
    deadline: Option<Instant>,
    /// The callers that wait for the end of a flush.
    flushing: Vec<oneshot::Sender<u64>>,
    /// Whether the log says that deliveries fail.
    is_failing: bool,
}

impl Worker {
    async fn run(
        mut self,
        mut transitions: Transitions,
        mut flushes: mpsc::UnboundedReceiver<oneshot::Sender<u64>>,
    ) {
        let mut has_ended = false;
        loop {
            let now = now();
            self.look_for_drain();
            if self.catch_up_at.is_some_and(|at| at <= now) {
                self.catch_up_at = None;
                if let Some(health) = self.health.upgrade() {
                    self.catch_up(&health);
                }
            }
            self.begin_attempt(now);
            let is_over = self.is_over(now);
            if is_over {
                self.end_flush();
                if has_ended {
                    break;
                }
            }
            self.count();
            let wake = self.wake_at(now);
            tokio::select! {
                biased;
                transition = transitions.next(), if !has_ended => {
                    match transition {
                        Some(change) => self.hear(change, transitions.missed()),
                        None => {
                            has_ended = true;
                            self.begin_flush();
                        }
                    }
                }
                Some(done) = flushes.recv() => {
                    self.flushing.push(done);
                    self.begin_flush();
                }
                attempt = attempt_of(&mut self.in_flight) => self.attempted(attempt),
                () = sleep_until_some(wake) => {}
            }
        }
        self.end();
    }

    /// Takes in a change, and those that were missed before it.
    fn hear(&mut self, change: Transition, missed: u64) {
        if missed > self.missed {
            self.outbox.lose(missed - self.missed);
            self.missed = missed;
            log!(
                WARN,
                url = self.settings.shown,
                missed,
                "a webhook is too slow and missed transitions"
            );
            self.catch_up_at = Some(now() + CATCH_UP);
        }
        if self.known.contains(&change) {
            return;
        }
        // Changes come in order, so no further one is known.
        self.known = Vec::new();
        self.add(change);
    }

    /// Takes in the present status of each check and probe that has another one than is known.
    fn catch_up(&mut self, health: &Health) {
        self.known = health.history();
        let mut subjects = HashSet::new();
        let latest = self.known.iter().rev();
        let latest = latest.filter(|change| subjects.insert(change.subject.clone()));
        let latest: Vec<_> = latest.cloned().collect();
        for change in latest.into_iter().rev() {
            if self.outbox.last(&change.subject) != Some(change.to) {
                self.add(change);
            }
        }
    }

    fn add(&mut self, change: Transition) {
        if !self.settings.choice.contains(&change) {
            return;
        }
        let is_of_drain = matches!(change.subject, Subject::Probe(Probe::Readiness))
            && change.to == Status::Fail
            && self.is_draining();
        if is_of_drain && !self.settings.choice.drains {
            self.outbox.skip(&change);
            return;
        }
        self.outbox.add(change, now());
    }

    fn is_draining(&self) -> bool {
        let health = self.health.upgrade();
        health.is_some_and(|health| health.is_draining())
    }

    /// Holds nothing back while the process drains, and in a flush.
    fn look_for_drain(&mut self) {
        let is_hurried = self.deadline.is_some() || self.is_draining();
        self.outbox.hurry(is_hurried);
    }

    fn is_hurried(&self) -> bool {
        self.outbox.is_hurried()
    }

    fn begin_attempt(&mut self, now: Instant) {
        let until = self.backoff.until(self.deadline.is_some());
        if self.in_flight.is_some() || until.is_some_and(|until| until > now) {
            return;
        }
        let Some(message) = self.outbox.take(now) else {
            return;
        };
        let (body, is_default) = self.body(&message);
        let id = self.id(&message);
        let client = Arc::clone(&self.settings.client);
        // In a task of its own, so that a panic within a client is a failure like any other.
        let task = tokio::spawn(client.post(id, body, is_default));
        self.in_flight = Some((message, AttemptTask(task)));
    }

    fn id(&self, message: &Message) -> String {
        format!("{:016x}-{}", self.prefix, message.number)
    }

    /// Returns the body of a message, and whether it is the default although there is a template.
    fn body(&self, message: &Message) -> (Bytes, bool) {
        let notification = self.notification(message);
        let Some(template) = &self.settings.template else {
            return (json(&notification).into(), false);
        };
        if let Some(body) = catching_panic(|| template(&notification)) {
            return (body.into(), false);
        }
        log!(
            ERROR,
            url = self.settings.shown,
            "the template of a webhook panicked"
        );
        (json(&notification).into(), true)
    }

    fn notification(&self, message: &Message) -> Notification {
        let health = self.health.upgrade();
        let Identity {
            service_id,
            version,
            release_id,
            environment,
        } = &self.identity;
        let links = health.as_ref().map(|health| links(health, &message.latest));
        Notification {
            id: self.id(message),
            transition: message.latest.clone(),
            from: message.from,
            changes: message.changes,
            since: message.since,
            worst: message.worst.clone(),
            is_recovery: message.is_recovery,
            dropped: message.dropped,
            service_id: service_id.clone(),
            version: version.clone(),
            release_id: release_id.clone(),
            environment: environment.clone(),
            links: links.unwrap_or_default(),
        }
    }

    fn attempted(&mut self, attempt: Attempt) {
        let Some((message, _)) = self.in_flight.take() else {
            return;
        };
        let url = &*self.settings.shown;
        match attempt {
            Attempt::Delivered => {
                self.outbox.delivered(&message);
                self.counters.delivered.fetch_add(1, Ordering::Relaxed);
                let attempts = self.backoff.failures();
                self.backoff.succeeded();
                if std::mem::take(&mut self.is_failing) {
                    log!(INFO, url, attempts, "a webhook delivers again");
                }
            }
            Attempt::Failed { fault, retry_after } => {
                self.counters
                    .failed_attempts
                    .fetch_add(1, Ordering::Relaxed);
                self.backoff.failed(now(), retry_after);
                if !std::mem::replace(&mut self.is_failing, true) {
                    log!(WARN, url, fault, "a webhook cannot be delivered yet");
                }
                let tried_at = message.tried_at.unwrap_or_else(now);
                if now() - tried_at < self.settings.retry_for {
                    self.outbox.put_back(message);
                } else {
                    log!(
                        WARN,
                        url,
                        fault,
                        dropped = message.changes,
                        "a webhook gives a message up"
                    );
                    self.outbox.give_up(&message);
                }
            }
            Attempt::Refused { fault } => {
                self.counters
                    .failed_attempts
                    .fetch_add(1, Ordering::Relaxed);
                self.backoff.succeeded();
                log!(
                    WARN,
                    url,
                    fault,
                    dropped = message.changes,
                    "the receiver of a webhook refuses a message"
                );
                self.outbox.give_up(&message);
            }
        }
    }

    fn begin_flush(&mut self) {
        self.deadline = Some(now() + self.settings.flush_timeout);
    }

    /// Returns whether a flush has delivered everything, or its time is over.
    fn is_over(&self, now: Instant) -> bool {
        let is_done = self.in_flight.is_none() && self.outbox.len() == 0;
        self.deadline
            .is_some_and(|deadline| is_done || deadline <= now)
    }

    fn end_flush(&mut self) {
        self.deadline = None;
        let waiting = self.waiting();
        for done in self.flushing.drain(..) {
            // An error means that the caller stopped waiting.
            let _ = done.send(waiting);
        }
    }

    fn waiting(&self) -> u64 {
        self.outbox.len() as u64 + u64::from(self.in_flight.is_some())
    }

    /// Drops what could not be delivered before the end.
    fn end(&mut self) {
        let waiting = self.waiting();
        if let Some((message, _)) = self.in_flight.take() {
            self.outbox.give_up(&message);
        }
        self.outbox.clear();
        self.count();
        if waiting > 0 {
            log!(
                WARN,
                url = self.settings.shown,
                waiting,
                "a webhook ends with messages that were not delivered"
            );
        }
    }

    fn count(&self) {
        let (dropped, summed_up) = self.outbox.counts();
        self.counters.dropped.store(dropped, Ordering::Relaxed);
        self.counters.summed_up.store(summed_up, Ordering::Relaxed);
        self.counters
            .waiting
            .store(self.waiting(), Ordering::Relaxed);
    }

    /// Returns when to look again without any event.
    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let next = self
            .outbox
            .next_at(now)
            .filter(|_| self.in_flight.is_none());
        let until = self.backoff.until(self.deadline.is_some());
        let next = next.map(|next| until.map_or(next, |until| next.max(until)));
        // A drain is announced to nobody if readiness has failed before.
        let look = next.filter(|_| !self.is_hurried()).map(|_| now + LOOK);
        let wakes = [next, look, self.deadline, self.catch_up_at];
        wakes.into_iter().flatten().min()
    }
}

/// An attempt, which ends when this is dropped.
struct AttemptTask(JoinHandle<Attempt>);

impl Future for AttemptTask {
    type Output = Attempt;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Attempt> {
        Pin::new(&mut self.0).poll(cx).map(|attempt| {
            attempt.unwrap_or_else(|error| Attempt::Failed {
                // Not the message of the panic, which may quote a secret.
                fault: if error.is_panic() {
                    "the attempt panicked; the I/O of the runtime may not be enabled".to_owned()
                } else {
                    "the runtime is being shut down".to_owned()
                },
                retry_after: None,
            })
        })
    }
}

impl Drop for AttemptTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn attempt_of(in_flight: &mut Option<(Message, AttemptTask)>) -> Attempt {
    match in_flight {
        Some((_, attempt)) => attempt.await,
        None => pending().await,
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// Returns the time on the clock of tokio, which tests can pause.
fn now() -> Instant {
    time::Instant::now().into_std()
}

/// Returns the links of the check that a change is about.
fn links(health: &Health, change: &Transition) -> Vec<(String, String)> {
    let Subject::Check { probe, name } = &change.subject else {
        return Vec::new();
    };
    let snapshot = health.snapshot();
    let mut checks = snapshot.checks(*probe);
    let Some(check) = checks.find(|check| check.name() == name) else {
        return Vec::new();
    };
    check
        .links()
        .map(|(relation, uri)| (relation.to_owned(), uri.to_owned()))
        .collect()
}

/// Calls a function of the application, and returns `None` if it panics.
#[expect(clippy::mem_forget, reason = "dropping the payload could panic again")]
fn catching_panic<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            std::mem::forget(payload);
            None
        }
    }
}
