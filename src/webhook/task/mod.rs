//! The task of a webhook: it reads transitions, and delivers one message after the other.

mod attempt;
mod choice;
mod deliver;
mod flush;
mod hear;
mod message;

use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, sleep_until};

use self::attempt::{AttemptTask, attempt_of};
pub(super) use self::choice::Choice;
use self::message::Identity;
use super::client::Client;
use super::handle::{Counters, WebhookHandle};
use super::notification::Notification;
use super::outbox::{Message, Outbox, Rules};
use super::retry::Backoff;
use crate::catch::log;
use crate::{Health, Transition, Transitions, WeakHealth};

pub(super) type Template = Box<dyn Fn(&Notification) -> String + Send + Sync>;

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
    /// The name of this instance.
    pub(super) instance: String,
}

pub(super) fn spawn(runtime: &Handle, settings: Settings, health: &Health) -> WebhookHandle {
    let (flushes, flush_requests) = mpsc::unbounded_channel();
    let counters = Arc::<Counters>::default();
    let transitions = health.subscribe();
    let mut worker = Worker {
        identity: Identity::of(health),
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
                            self.begin_end();
                        }
                    }
                }
                attempt = attempt_of(&mut self.in_flight) => self.attempted(attempt),
                Some(done) = flushes.recv() => self.begin_flush(done),
                () = sleep_until_some(wake) => {}
            }
        }
        self.end();
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
