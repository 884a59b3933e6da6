//! What probers and operators see of a health.

use std::time::Duration;

use tower_health::{Details, Health, HealthLayer, Probe, Status, Subject, Transition, Transitions};

use crate::support::prober::get;
use crate::support::settle;

/// What an anonymous prober gets for each probe: the code and the status that the body says.
pub(crate) async fn probes(health: &Health) -> [(u16, Status); 3] {
    [
        answer(health, Probe::Liveness).await,
        answer(health, Probe::Readiness).await,
        answer(health, Probe::Startup).await,
    ]
}

pub(crate) async fn answer(health: &Health, probe: Probe) -> (u16, Status) {
    let (code, body) = get(&HealthLayer::new(health.clone()), probe.default_path()).await;
    let status = [Status::Pass, Status::Warn, Status::Fail]
        .into_iter()
        .find(|status| body == format!(r#"{{"status":"{status}"}}"#));
    let status = status.unwrap_or_else(|| panic!("not a public answer: {body}"));
    // A caller must not get another answer from the handle than from the wire.
    assert_eq!(health.status(probe), status);
    assert_eq!(health.snapshot().status(probe), status);
    (code, status)
}

/// The detailed report, as the JSON that an operator sees.
pub(crate) async fn report(health: &Health, probe: Probe) -> serde_json::Value {
    let layer = HealthLayer::builder(health.clone()).details(Details::always());
    let (_, body) = get(&layer.build().unwrap(), probe.default_path()).await;
    serde_json::from_str(&body).unwrap()
}

/// What was told of probes so far, as `from -> to` lines. Waits for no more of it.
pub(crate) async fn told_of_probes(transitions: &mut Transitions) -> Vec<String> {
    settle().await;
    let mut lines = Vec::new();
    while let Ok(next) = tokio::time::timeout(Duration::ZERO, transitions.next()).await {
        let Transition {
            subject, from, to, ..
        } = next.expect("the health is alive");
        if let Subject::Probe(probe) = subject {
            lines.push(format!("{probe}: {} -> {to}", from.unwrap()));
        }
    }
    lines
}
