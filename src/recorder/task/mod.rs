//! The task of a recorder: it wakes up, writes what is new, and tidies up.

mod log;
mod pace;
mod record;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use self::pace::Pace;
use self::record::Recording;
use super::database::{Place, Purpose};
use super::error::Kind;
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
    let task = Task {
        pace: Pace::new(settings.interval),
        flush_timeout: settings.flush_timeout,
        recording: Recording::new(health, place, settings, Arc::clone(&shared)),
        transitions: health.subscribe(),
        health: health.downgrade(),
        is_draining: false,
        requests,
        has_handles: true,
    };
    runtime.spawn(task.run());
    Recorder::new(sender, shared, archive, service)
}

struct Task {
    recording: Recording,
    pace: Pace,
    flush_timeout: Duration,
    /// Ends after the last handle of the health is gone and the refresher has ended.
    transitions: Transitions,
    health: WeakHealth,
    is_draining: bool,
    requests: mpsc::Receiver<Request>,
    /// Whether there can still be requests.
    has_handles: bool,
}

enum Event {
    Due,
    Request(Request),
    Transition(Transition),
    Ended,
}

impl Task {
    async fn run(mut self) {
        let mut next = Instant::now() + self.pace.first();
        loop {
            match self.wait(next).await {
                Event::Due => next = self.record().await.1,
                Event::Transition(transition) => {
                    if self.begins_drain(&transition) {
                        // The process may not have long to live.
                        self.pace.hurry();
                        next = self.record().await.1;
                    }
                }
                Event::Request(request) if request.kind == RequestKind::Flush => {
                    let (result, then) = self.record().await;
                    next = then;
                    let _ = request.done.send(result);
                }
                Event::Request(request) => {
                    let _ = request.done.send(self.finish().await);
                    return;
                }
                Event::Ended => {
                    let _ = self.finish().await;
                    return;
                }
            }
        }
    }

    async fn wait(&mut self, next: Instant) -> Event {
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

    fn begins_drain(&mut self, transition: &Transition) -> bool {
        let is_readiness = transition.subject == Subject::Probe(Probe::Readiness);
        if self.is_draining || !is_readiness {
            return false;
        }
        // The handle is gone again at once.
        let health = self.health.upgrade();
        self.is_draining = health.is_some_and(|health| health.is_draining());
        self.is_draining
    }

    async fn finish(&mut self) -> Result<(), RecorderError> {
        let last = timeout(self.flush_timeout, self.recording.record_last()).await;
        let late = || RecorderError::new(Kind::Unavailable, "the last write takes too long");
        let recorded = last.unwrap_or_else(|_| Err(late()));
        let _ = timeout(self.flush_timeout, self.recording.close()).await;
        recorded
    }
}
