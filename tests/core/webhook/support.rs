//! A health whose checks change when the test says, and a webhook that is quick.

use std::time::Duration;

use tower_health::webhook::{Webhook, WebhookHandle};
use tower_health::{Health, HealthBuilder};

use super::receiver::{Receiver, Request};
use crate::support::{Dial, Position, eventually, millis, secs, steady};

/// Checks run only when the test says.
pub(super) fn builder() -> HealthBuilder {
    steady().ttl(secs(3_600))
}

/// A health with one check, which passes.
pub(super) async fn passing(name: &str) -> (Health, Dial) {
    let dial = Dial::pass();
    let health = builder().readiness(dial.check(name)).start().unwrap();
    health.await_ready().await.unwrap();
    (health, dial)
}

/// Sets what the check returns, and runs it.
pub(super) async fn turn(health: &Health, dial: &Dial, name: &str, position: impl Position) {
    dial.turn(position);
    health.run_now(name).await.unwrap();
}

/// Posts the changes of one check at once, and tries again quickly.
pub(super) fn quick(receiver: &Receiver) -> Webhook {
    Webhook::new(&receiver.url())
        .check("db")
        .throttle(Duration::ZERO)
        .backoff(millis(5), millis(20))
}

pub(super) async fn delivers(webhook: &WebhookHandle, messages: u64) {
    let what = format!("{messages} messages delivered, but {:?}", webhook.stats());
    let is_done = async || webhook.stats().delivered >= messages && webhook.stats().waiting == 0;
    eventually(&what, is_done).await;
}

/// The statuses that messages tell, in order.
pub(super) fn statuses(requests: &[Request]) -> Vec<String> {
    let to = |request: &Request| request.json()["to"].as_str().unwrap().to_owned();
    requests.iter().map(to).collect()
}
