//! A health that begins to fail: one event for each transition, with the report.

use std::borrow::Cow;

use sentry::protocol::{Context, Event, Level, Map};
use tokio::sync::mpsc;
use tower_health::{Health, Probe, Snapshot, Status, Subject, Transition};

/// How many transitions wait until they are reported. Beyond it, the log alone has them.
const QUEUE: usize = 256;

/// Takes transitions from the moment the health is built, so that none of its first is missed.
pub(crate) struct Transitions {
    sender: mpsc::Sender<Transition>,
    receiver: mpsc::Receiver<Transition>,
}

impl Transitions {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver }
    }

    /// For `HealthBuilder::on_transition`. It ends with the health.
    pub(crate) fn listener(&self) -> impl Fn(&Transition) + Send + Sync + 'static {
        let sender = self.sender.clone();
        move |transition| {
            if transition.to == Status::Fail {
                let _ = sender.try_send(transition.clone());
            }
        }
    }

    /// Reports the transitions of this health until it ends.
    pub(crate) fn follow(self, health: &Health) {
        let health = health.downgrade();
        let mut receiver = self.receiver;
        tokio::spawn(async move {
            while let Some(transition) = receiver.recv().await {
                let Some(health) = health.upgrade() else {
                    return;
                };
                if let Some(event) = event(&transition, &health.snapshot()) {
                    sentry::capture_event(event);
                }
            }
        });
    }
}

/// Returns `None` for what is no news: a probe that fails by a check, which has an event of its own,
/// or by a drain, which somebody asked for.
fn event(transition: &Transition, snapshot: &Snapshot) -> Option<Event<'static>> {
    let probe = match &transition.subject {
        // A check that is not critical warns, and never fails.
        Subject::Check { probe, .. } => *probe,
        Subject::Probe(_) if snapshot.is_draining() => return None,
        Subject::Probe(probe) => {
            let mut checks = snapshot.checks(*probe);
            if checks.any(|check| check.status() == Status::Fail) {
                return None;
            }
            *probe
        }
        _ => return None,
    };
    let subject = transition.subject.to_string();
    let mut tags = Map::new();
    tags.insert("health".to_owned(), subject.clone());
    if let Some(cause) = transition.cause {
        tags.insert("health.cause".to_owned(), cause.to_string());
    }
    let mut contexts = Map::new();
    if let Some(report) = report(snapshot, probe) {
        contexts.insert("health".to_owned(), report);
    }
    Some(Event {
        level: Level::Error,
        message: Some(transition.to_string()),
        logger: Some("health".to_owned()),
        // One issue for each check, whatever its texts are.
        fingerprint: Cow::Owned(vec![Cow::Borrowed("health"), Cow::Owned(subject)]),
        tags,
        contexts,
        ..Event::default()
    })
}

/// The report, which the health has cleared of credentials.
fn report(snapshot: &Snapshot, probe: Probe) -> Option<Context> {
    let report = serde_json::from_str(&snapshot.report(probe).to_json());
    Some(Context::Other(report.ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tower_health::{Observation, indicator_fn};

    use super::*;

    /// A health that passes.
    async fn passing() -> Health {
        let passes = async || Ok::<_, String>(Observation::pass());
        let builder = Health::builder().readiness(indicator_fn("database", passes));
        let health = builder.start().unwrap();
        health.await_ready().await.unwrap();
        health
    }

    /// The event, if there is one, of the next probe that begins to fail.
    async fn next(
        transitions: &mut tower_health::Transitions,
        health: &Health,
    ) -> Option<Event<'static>> {
        loop {
            let transition = transitions.next().await.unwrap();
            let is_probe = matches!(transition.subject, Subject::Probe(_));
            // All fail until the first results.
            if is_probe && transition.from.is_some() && transition.to == Status::Fail {
                return event(&transition, &health.snapshot());
            }
        }
    }

    fn assert_is_of(probe: &str, event: Option<Event<'static>>) {
        let event = event.unwrap();
        assert_eq!(event.tags["health"], probe);
        let text = event.message.as_deref().unwrap();
        assert!(text.contains("-> fail"), "{text}");
        assert!(event.contexts.contains_key("health"), "{event:?}");
    }

    #[tokio::test]
    async fn a_probe_that_fails_by_something_that_is_no_check_is_an_event_of_its_own() {
        let health = passing().await;
        let mut transitions = health.subscribe();
        health.refuse_traffic("warming up again");
        assert_is_of("readiness", next(&mut transitions, &health).await);
        let heartbeat = health.heartbeat("worker", Duration::from_millis(10));
        let _never_beats = heartbeat.unwrap();
        assert_is_of("liveness", next(&mut transitions, &health).await);
    }

    #[tokio::test]
    async fn a_drain_is_no_event() {
        let health = passing().await;
        let mut transitions = health.subscribe();
        health.drain();
        assert!(next(&mut transitions, &health).await.is_none());
    }
}
