//! What has been sent, what is due, and when.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::status::{is_started, line};
use crate::catch::log;
use crate::{Health, Probe, Transitions, WeakHealth};

/// How often the state is looked at without an event: a runtime that is blocked announces nothing.
const LOOK: Duration = Duration::from_secs(1);

/// The least interval between two pings, whatever the unit says.
const LEAST: Duration = Duration::from_millis(1);

/// `S` hands messages to systemd.
pub(super) struct Notifier<S> {
    send: S,
    /// Weak, since the thread ends with the health.
    health: WeakHealth,
    /// The runtime that has to work for the watchdog to be told so.
    application: Handle,
    /// Half the interval of the watchdog; `Some` if the unit has one.
    ping_every: Option<Duration>,
    is_ready: bool,
    is_stopping: bool,
    /// The last line that was sent; empty before the first.
    status: String,
    /// Whether the last message could not be sent, so that only the first failure is logged.
    has_failed: bool,
}

/// What the thread waits for.
enum Event {
    Changed,
    Look,
    PingDue,
    /// The runtime of the application has run a task.
    Pulse,
    RuntimeEnded,
    HealthEnded,
}

impl<S: FnMut(&[NotifyState<'_>]) -> io::Result<()>> Notifier<S> {
    pub(super) fn new(
        send: S,
        health: WeakHealth,
        application: Handle,
        watchdog: Option<Duration>,
    ) -> Self {
        Self {
            send,
            health,
            application,
            ping_every: watchdog.map(|interval| (interval / 2).max(LEAST)),
            is_ready: false,
            is_stopping: false,
            status: String::new(),
            has_failed: false,
        }
    }

    pub(super) async fn run(mut self, mut transitions: Transitions) {
        let mut look_at = Instant::now();
        let mut ping_at = self.ping_every.map(|_| Instant::now());
        // `Some` while the runtime of the application has not run the task yet.
        let mut pulse: Option<oneshot::Receiver<()>> = None;
        loop {
            // What is not started yet waits forever.
            let pinged = async {
                match (&mut pulse, ping_at) {
                    (Some(pulse), _) => match pulse.await {
                        Ok(()) => Event::Pulse,
                        Err(_) => Event::RuntimeEnded,
                    },
                    (None, Some(at)) => {
                        sleep_until(at).await;
                        Event::PingDue
                    }
                    (None, None) => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                biased;
                () = self.health.ended() => Event::HealthEnded,
                event = pinged => event,
                Some(_) = transitions.next() => Event::Changed,
                () = sleep_until(look_at) => Event::Look,
            };
            match event {
                Event::HealthEnded => return,
                Event::Changed => {}
                Event::Look => look_at = Instant::now() + LOOK,
                Event::PingDue => pulse = Some(self.pulse()),
                // Nothing runs there any more, so the process does not work.
                Event::RuntimeEnded => (pulse, ping_at) = (None, None),
                Event::Pulse => {
                    pulse = None;
                    let was_sent = self.ping();
                    // A wait for half the interval again would leave the whole of it without a ping.
                    let wait = |every: Duration| if was_sent { every } else { every.min(LOOK) };
                    ping_at = self.ping_every.map(|every| Instant::now() + wait(every));
                }
            }
            let Some(health) = self.health.upgrade() else {
                return;
            };
            self.tell(&health);
        }
    }

    /// Hands the runtime of the application a task, which ends the wait when it has run.
    fn pulse(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.application.spawn(async move {
            // An error means that the thread has ended.
            let _ = sender.send(());
        });
        receiver
    }

    /// Returns whether systemd has the ping: not while liveness fails, nor if it could not be sent.
    fn ping(&mut self) -> bool {
        let health = self.health.upgrade();
        let is_alive = health.is_some_and(|health| health.status(Probe::Liveness).is_healthy());
        is_alive && self.send(&[NotifyState::Watchdog])
    }

    /// Sends what has changed. A message that could not be sent is due again at the next look.
    fn tell(&mut self, health: &Health) {
        let status = line(health);
        let is_ready = self.is_ready || is_started(health);
        let is_stopping = self.is_stopping || health.is_draining();
        let mut due = Vec::new();
        // systemd takes no readiness from what is stopping.
        if is_ready && !self.is_ready && !is_stopping {
            due.push(NotifyState::Ready);
        }
        if is_stopping && !self.is_stopping {
            due.push(NotifyState::Stopping);
        }
        if status != self.status {
            due.push(NotifyState::Status(&status));
        }
        if !due.is_empty() && self.send(&due) {
            drop(due);
            (self.is_ready, self.is_stopping) = (is_ready, is_stopping);
            self.status = status;
        }
    }

    /// Returns whether systemd has the message. The first of several failures is logged.
    fn send(&mut self, states: &[NotifyState<'_>]) -> bool {
        let sent = (self.send)(states);
        if let Err(error) = &sent {
            if !self.has_failed {
                log!(WARN, %error, "cannot notify systemd");
            }
        }
        self.has_failed = sent.is_err();
        sent.is_ok()
    }
}
