//! A check that follows a script, and what the refresher publishes of it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use tower_health::test_util::ScriptedIndicator;
pub(crate) use tower_health::test_util::Step;
use tower_health::{
    Check, CheckState, Health, HealthIndicator, HealthLayer, Probe, Status, Transitions,
    indicator_fn,
};

use crate::support::prober::get;
use crate::support::{millis, settle};

pub(crate) fn pass() -> Step {
    Step::pass()
}

pub(crate) fn warn(output: &str) -> Step {
    Step::warn(output)
}

pub(crate) fn fail(output: &str) -> Step {
    Step::fail(output)
}

pub(crate) fn hang() -> Step {
    Step::hang()
}

pub(crate) fn panics(message: &str) -> Step {
    Step::panic(message)
}

/// A script that is given its name when it is registered.
#[derive(Clone)]
pub(crate) struct Script(ScriptedIndicator);

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(ScriptedIndicator::new("script", steps))
    }

    pub(crate) fn passing() -> Self {
        Self::new([])
    }

    pub(crate) fn check(&self, name: impl Into<String>) -> Check {
        let script = self.0.clone();
        Check::new(indicator_fn(name, move || {
            let script = script.clone();
            async move { script.check().await }
        }))
    }
}

impl Deref for Script {
    type Target = ScriptedIndicator;

    fn deref(&self) -> &ScriptedIndicator {
        &self.0
    }
}

/// What is published of a readiness check.
pub(crate) fn state(health: &Health, name: &str) -> CheckState {
    let snapshot = health.snapshot();
    let mut checks = snapshot.checks(Probe::Readiness);
    let check = checks.find(|check| check.name() == name);
    check.unwrap_or_else(|| panic!("no check {name}")).clone()
}

/// Status and output of a readiness check.
pub(crate) fn seen(health: &Health, name: &str) -> (Status, Option<String>) {
    let state = state(health, name);
    (state.status(), state.output().map(str::to_owned))
}

pub(crate) fn failed(output: &str) -> (Status, Option<String>) {
    (Status::Fail, Some(output.to_owned()))
}

pub(crate) const PASSED: (Status, Option<String>) = (Status::Pass, None);

pub(crate) fn readiness(health: &Health) -> Status {
    health.status(Probe::Readiness)
}

/// What an anonymous prober gets: the code and the body.
pub(crate) async fn probe(health: &Health, probe: Probe) -> (u16, String) {
    get(&HealthLayer::new(health.clone()), probe.default_path()).await
}

/// The transitions that were told so far, as `subject: from -> to` lines. Waits for no more.
pub(crate) async fn told(transitions: &mut Transitions) -> Vec<String> {
    settle().await;
    let mut lines = Vec::new();
    while let Ok(next) = timeout(Duration::ZERO, transitions.next()).await {
        let next = next.expect("the health is alive");
        let from = next.from.map_or("new", |status| status.as_str());
        lines.push(format!("{}: {from} -> {}", next.subject, next.to));
    }
    lines
}

/// Two workers: one to be blocked, and one to go on.
pub(crate) fn two_workers() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Counts as long as the clock of this runtime goes on.
pub(crate) fn ticks(runtime: &Runtime) -> Arc<AtomicUsize> {
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    runtime.spawn(async move {
        loop {
            sleep(millis(50)).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    ticks
}
