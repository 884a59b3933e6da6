//! What every test of this folder uses: a check that does as it is told, and a look at what is
//! published of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{
    Check, CheckResult, CheckState, Health, HealthBuilder, HealthLayer, Observation, Probe, Status,
    Transitions, indicator_fn,
};

/// A builder whose checks run exactly once a second.
pub(crate) fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets this much time pass on the paused clock, and everything happen that is due in it.
pub(crate) async fn lapse(time: Duration) {
    sleep(time).await;
}

/// Lets the runs that are due now end and be published.
pub(crate) async fn settle() {
    lapse(millis(50)).await;
}

/// What one run of a scripted check does.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    after: Duration,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Pass,
    Warn(&'static str),
    Fail(&'static str),
    Hang,
    Panic(&'static str),
}

impl Step {
    /// Does the same, but only after this much time.
    pub(crate) fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

const fn step(end: End) -> Step {
    let after = Duration::ZERO;
    Step { after, end }
}

pub(crate) const fn pass() -> Step {
    step(End::Pass)
}

pub(crate) const fn warn(output: &'static str) -> Step {
    step(End::Warn(output))
}

pub(crate) const fn fail(output: &'static str) -> Step {
    step(End::Fail(output))
}

pub(crate) const fn hang() -> Step {
    step(End::Hang)
}

pub(crate) const fn panics(message: &'static str) -> Step {
    step(End::Panic(message))
}

/// A check that does as it is told, and counts.
#[derive(Clone)]
pub(crate) struct Script(Arc<Play>);

struct Play {
    /// The last one is repeated for ever.
    steps: Mutex<VecDeque<Step>>,
    created_at: Instant,
    starts: Mutex<Vec<Duration>>,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// Lives as long as the run, whether it ends, panics or is aborted.
struct Running<'a>(&'a Play);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Script {
    /// The steps of the runs in their order; the last one is repeated.
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = VecDeque::from_iter(steps);
        assert!(!steps.is_empty());
        Self(Arc::new(Play {
            steps: Mutex::new(steps),
            created_at: Instant::now(),
            starts: Mutex::default(),
            running: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn passing() -> Self {
        Self::new([pass()])
    }

    /// What every further run does.
    pub(crate) fn turn(&self, step: Step) {
        *self.0.steps.lock().unwrap() = VecDeque::from([step]);
    }

    pub(crate) fn check(&self, name: impl Into<String>) -> Check {
        let script = self.clone();
        Check::new(indicator_fn(name, move || {
            let script = script.clone();
            async move { script.run().await }
        }))
    }

    async fn run(&self) -> CheckResult {
        let play = &*self.0;
        let started_at = Instant::now() - play.created_at;
        play.starts.lock().unwrap().push(started_at);
        let running = play.running.fetch_add(1, Ordering::SeqCst) + 1;
        play.most_at_once.fetch_max(running, Ordering::SeqCst);
        let _running = Running(play);
        let step = self.next_step();
        if !step.after.is_zero() {
            sleep(step.after).await;
        }
        match step.end {
            End::Pass => Ok(Observation::pass()),
            End::Warn(output) => Ok(Observation::warn(output)),
            End::Fail(output) => Err(output.into()),
            End::Hang => pending().await,
            End::Panic(message) => panic!("{message}"),
        }
    }

    fn next_step(&self) -> Step {
        let mut steps = self.0.steps.lock().unwrap();
        match steps.len() {
            1 => steps[0].clone(),
            _ => steps.pop_front().unwrap(),
        }
    }

    /// How many runs were started.
    pub(crate) fn runs(&self) -> usize {
        self.0.starts.lock().unwrap().len()
    }

    /// When each run was started, counted from the creation of the script.
    pub(crate) fn starts(&self) -> Vec<Duration> {
        self.0.starts.lock().unwrap().clone()
    }

    /// How many runs are going on.
    pub(crate) fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// The most runs that ever went on at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::SeqCst)
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
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("the application"))))
    });
    let service = HealthLayer::new(health.clone()).layer(inner);
    let request = Request::get(probe.default_path()).body(Empty::new());
    let response = service.oneshot(request.unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
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

/// Waits for what other threads bring about, on the real clock.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + secs(20);
    while !holds() {
        assert!(
            std::time::Instant::now() < deadline,
            "never happened: {what}"
        );
        sleep(millis(2)).await;
    }
}

/// Waits as [`eventually`] does, but blocks the thread: for a test that owns its runtime, which
/// may have come to a stop.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + secs(20);
    while !holds() {
        assert!(
            std::time::Instant::now() < deadline,
            "never happened: {what}"
        );
        std::thread::sleep(millis(2));
    }
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
