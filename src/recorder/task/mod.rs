//! The task of a recorder: it wakes up, writes what is new, and tidies up.

mod log;
mod pace;
mod record;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::pace::Pace;
use self::record::Recording;
use super::database::{Place, Purpose};
use super::handle::{Request, RequestKind, Shared};
use super::names::Names;
use super::{Archive, Recorder, RecorderError, Retention};
use crate::{Health, Probe, Subject, Transition, Transitions, WeakHealth};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) names: Names,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) flush_timeout: Duration,
    pub(super) retention: Retention,
    pub(super) purpose: Purpose,
}

/// How often it looks whether a drain has begun. While readiness fails, no transition tells.
const LOOK: Duration = Duration::from_secs(1);

/// Starts the task, which ends with the health.
pub(super) fn start(
    runtime: &Handle,
    health: &Health,
    place: Place,
    settings: Settings,
) -> Recorder {
    let (sender, requests) = mpsc::channel(16);
    let shared = Arc::new(Shared::default());
    let archive = Archive::at(place.clone()).retention(settings.retention);
    let service = settings.names.service.clone();
    let flush_timeout = settings.flush_timeout;
    let task = Task {
        pace: Pace::new(settings.interval),
        flush_timeout,
        shared: Arc::clone(&shared),
        recording: Recording::new(health, place, settings, Arc::clone(&shared)),
        transitions: health.subscribe(),
        health: health.downgrade(),
        is_draining: false,
        requests,
        has_handles: true,
        unanswered: Vec::new(),
    };
    runtime.spawn(task.run());
    Recorder::new(sender, shared, archive, service, flush_timeout)
}

struct Task {
    recording: Recording,
    pace: Pace,
    flush_timeout: Duration,
    shared: Arc<Shared>,
    /// Ends after the last handle of the health is gone and the refresher has ended.
    transitions: Transitions,
    health: WeakHealth,
    is_draining: bool,
    requests: mpsc::Receiver<Request>,
    /// Whether there can still be requests.
    has_handles: bool,
    /// What is answered at the end.
    unanswered: Vec<Request>,
}

enum Event {
    Due,
    Request(Request),
    Transition(Transition),
    Look,
    Ended,
}

impl Task {
    async fn run(mut self) {
        let mut next = Instant::now() + self.pace.first();
        let mut look = Instant::now() + LOOK;
        while self.shared.finishing_since().is_none() {
            match self.wait(next, look).await {
                Event::Due => next = self.record().await.1,
                Event::Transition(transition) => {
                    let is_readiness = transition.subject == Subject::Probe(Probe::Readiness);
                    if is_readiness && self.begins_drain() {
                        next = self.record().await.1;
                    }
                }
                Event::Look => {
                    look = Instant::now() + LOOK;
                    if self.begins_drain() {
                        next = self.record().await.1;
                    }
                }
                Event::Request(request) if request.kind == RequestKind::Flush => {
                    let (result, then) = self.record().await;
                    next = then;
                    match result {
                        Err(error) if error.is_ended() => self.unanswered.push(request),
                        result => drop(request.done.send(result)),
                    }
                }
                Event::Request(request) => {
                    self.shared.finish_since(Instant::now());
                    self.unanswered.push(request);
                }
                Event::Ended => drop(self.shared.finish_since(Instant::now())),
            }
        }
        self.finish().await;
    }

    async fn wait(&mut self, next: Instant, look: Instant) -> Event {
        tokio::select! {
            request = self.requests.recv(), if self.has_handles => match request {
                Some(request) => Event::Request(request),
                None => {
                    self.has_handles = false;
                    Event::Due
                }
            },
            transition = self.transitions.next() => match transition {
                Some(transition) => Event::Transition(transition),
                None => Event::Ended,
            },
            () = sleep_until(next) => Event::Due,
            () = sleep_until(look), if !self.is_draining => Event::Look,
        }
    }

    /// Writes what is new, and returns when to do so again.
    async fn record(&mut self) -> (Result<(), RecorderError>, Instant) {
        let recorded = self.recording.record().await;
        let pause = match &recorded {
            Ok(()) => self.pace.after_success(),
            Err(_) => self.pace.after_failure(),
        };
        (recorded, Instant::now() + pause)
    }

    /// Returns whether a drain has begun since the last look. From then on it writes often: the
    /// process may not have long to live.
    fn begins_drain(&mut self) -> bool {
        if self.is_draining {
            return false;
        }
        // The handle is gone again at once.
        let health = self.health.upgrade();
        self.is_draining = health.is_some_and(|health| health.is_draining());
        if self.is_draining {
            self.pace.hurry();
        }
        self.is_draining
    }

    /// Writes a last time, and answers all who wait.
    async fn finish(mut self) {
        let asked = self.shared.finish_since(Instant::now());
        // The rest of the time is for the answer.
        let until = asked + self.flush_timeout.mul_f64(0.95);
        let last = timeout_at(until, self.recording.record_last()).await;
        let recorded = last.unwrap_or_else(|_| Err(RecorderError::late()));
        if recorded.is_ok() {
            let time = until.saturating_duration_since(Instant::now()) / 2;
            let _ = timeout_at(until, self.recording.tidy_last(time)).await;
        }
        let _ = timeout_at(until, self.recording.close()).await;
        self.requests.close();
        while let Some(request) = self.requests.recv().await {
            self.unanswered.push(request);
        }
        for request in self.unanswered {
            let _ = request.done.send(recorded.clone());
        }
    }
}
