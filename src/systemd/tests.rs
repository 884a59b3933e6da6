//! When systemd is told what, to the second, in simulated time.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, sleep};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::notifier::Notifier;
use crate::{Health, Status};

/// The side of systemd, and the clock of the test.
#[derive(Clone)]
struct Systemd(Arc<Mutex<Received>>);

struct Received {
    begun: Instant,
    /// The milliseconds at which each message came.
    messages: Vec<(u64, String)>,
    is_missing: bool,
}

impl Systemd {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Received {
            begun: Instant::now(),
            messages: Vec::new(),
            is_missing: false,
        })))
    }

    /// Begins to tell it about this health; `application` runs the tasks of the application.
    fn follow(&self, health: &Health, application: &Handle, watchdog: Option<Duration>) {
        let systemd = self.clone();
        let send = move |states: &[NotifyState<'_>]| systemd.receive(states);
        let notifier = Notifier::new(send, health.downgrade(), application.clone(), watchdog);
        tokio::spawn(notifier.run(health.subscribe()));
    }

    fn receive(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let mut received = self.0.lock().unwrap();
        if received.is_missing {
            return Err(io::ErrorKind::NotFound.into());
        }
        let at = received.begun.elapsed().as_millis().try_into().unwrap();
        let messages = states.iter().map(|state| (at, state.to_string()));
        received.messages.extend(messages);
        Ok(())
    }

    fn set_missing(&self, is_missing: bool) {
        self.0.lock().unwrap().is_missing = is_missing;
    }

    /// Lets time pass until this many milliseconds after the beginning.
    async fn until(&self, millis: u64) {
        let begun = self.0.lock().unwrap().begun;
        let passed: u64 = begun.elapsed().as_millis().try_into().unwrap();
        sleep(Duration::from_millis(millis - passed)).await;
    }

    /// The milliseconds at which this assignment came.
    fn times(&self, assignment: &str) -> Vec<u64> {
        let received = self.0.lock().unwrap();
        let messages = received.messages.iter();
        messages
            .filter(|(_, message)| message == assignment)
            .map(|(at, _)| *at)
            .collect()
    }

    fn pings(&self) -> Vec<u64> {
        self.times("WATCHDOG=1")
    }
}

const HALF_A_MINUTE: Option<Duration> = Some(Duration::from_secs(30));

/// A health without checks, and the systemd that is told about it.
fn service(watchdog: Option<Duration>) -> (Health, Systemd) {
    let health = Health::fixed(Status::Pass);
    let systemd = Systemd::new();
    systemd.follow(&health, &Handle::current(), watchdog);
    (health, systemd)
}

/// A runtime that runs nothing until it is asked to.
fn blocked() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_told_at_half_its_interval() {
    let (_health, systemd) = service(HALF_A_MINUTE);
    systemd.until(46_000).await;
    assert_eq!(systemd.pings(), [0, 15_000, 30_000, 45_000]);
}

#[tokio::test(start_paused = true)]
async fn without_a_watchdog_there_is_no_ping() {
    let (_health, systemd) = service(None);
    systemd.until(100_000).await;
    assert_eq!(systemd.times("READY=1"), [0]);
    assert!(systemd.pings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_is_lost_is_sent_again_a_second_later() {
    let (_health, systemd) = service(HALF_A_MINUTE);
    systemd.until(14_500).await;
    systemd.set_missing(true);
    systemd.until(15_500).await;
    systemd.set_missing(false);
    systemd.until(32_000).await;
    assert_eq!(systemd.pings(), [0, 16_000, 31_000]);
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_is_lost_is_sent_again_within_a_short_interval_too() {
    let (_health, systemd) = service(Some(Duration::from_millis(400)));
    systemd.until(100).await;
    systemd.set_missing(true);
    systemd.until(700).await;
    systemd.set_missing(false);
    systemd.until(1_100).await;
    assert_eq!(systemd.pings(), [0, 800, 1_000]);
}

#[tokio::test(start_paused = true)]
async fn no_ping_comes_while_liveness_fails_and_the_next_within_a_second_of_its_return() {
    let (health, systemd) = service(HALF_A_MINUTE);
    systemd.until(14_500).await;
    health.mark_broken("a lock is lost");
    systemd.until(100_200).await;
    assert_eq!(systemd.pings(), [0]);
    health.clear_broken();
    systemd.until(117_000).await;
    assert_eq!(systemd.pings(), [0, 101_000, 116_000]);
}

#[tokio::test(start_paused = true)]
async fn no_ping_comes_while_the_runtime_is_blocked_and_the_next_when_it_runs_a_task() {
    let (health, systemd) = (Health::fixed(Status::Pass), Systemd::new());
    let application = blocked();
    systemd.follow(&health, application.handle(), HALF_A_MINUTE);
    systemd.until(100_200).await;
    assert!(systemd.pings().is_empty());
    // Within this runtime, another one must not be waited for.
    let run = move || {
        application.block_on(tokio::task::yield_now());
        application
    };
    let application = std::thread::spawn(run).join().unwrap();
    systemd.until(101_000).await;
    assert_eq!(systemd.pings(), [100_200]);
    application.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_has_ended_feeds_no_watchdog() {
    let (health, systemd) = (Health::fixed(Status::Pass), Systemd::new());
    let application = blocked();
    systemd.follow(&health, application.handle(), HALF_A_MINUTE);
    systemd.until(1_200).await;
    application.shutdown_background();
    systemd.until(100_200).await;
    assert!(systemd.pings().is_empty());
    health.drain();
    systemd.until(102_000).await;
    assert_eq!(systemd.times("STOPPING=1").len(), 1, "the rest is told");
}

/// As a formatter does whose output is closed.
struct PanicsOnEvent;

impl<S: Subscriber> Layer<S> for PanicsOnEvent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), "tower_health", "a dead log pipe");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_does_not_end_the_messages() {
    let subscriber = tracing_subscriber::registry().with(PanicsOnEvent);
    let _guard = tracing::subscriber::set_default(subscriber);
    let (_health, systemd) = service(HALF_A_MINUTE);
    systemd.set_missing(true);
    systemd.until(500).await;
    systemd.set_missing(false);
    systemd.until(17_000).await;
    assert_eq!(systemd.times("READY=1"), [1_000]);
    assert_eq!(systemd.pings(), [1_000, 16_000]);
}
