//! What every test of this folder uses: a check that does as it is told, and a prober.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{
    Check, CheckResult, Details, Health, HealthBuilder, HealthLayer, Observation, Probe, Status,
    Subject, Transition, Transitions, indicator_fn,
};

/// A builder whose checks run exactly once a second.
pub(crate) fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

/// Lets this much time pass on the paused clock, and everything happen that is due in it.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets the runs that are due now end and be published.
pub(crate) async fn settle() {
    pass(Duration::from_millis(50)).await;
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A check that brings back what the test last told it.
#[derive(Clone)]
pub(crate) struct Dial(Arc<(Mutex<Status>, AtomicUsize)>);

impl Dial {
    pub(crate) fn at(status: Status) -> Self {
        Self(Arc::new((Mutex::new(status), AtomicUsize::new(0))))
    }

    pub(crate) fn turn(&self, status: Status) {
        *self.0.0.lock().unwrap() = status;
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self, name: &str) -> Check {
        let dial = self.clone();
        Check::new(indicator_fn(name, move || {
            let result = dial.run();
            async { result }
        }))
    }

    fn run(&self) -> CheckResult {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        match *self.0.0.lock().unwrap() {
            Status::Pass => Ok(Observation::pass()),
            Status::Warn => Ok(Observation::warn("slow")),
            Status::Fail => Err("refused".into()),
        }
    }
}

/// What an anonymous prober gets for each probe: the code and the status that the body says.
pub(crate) async fn probes(health: &Health) -> [(u16, Status); 3] {
    [
        answer(health, Probe::Liveness).await,
        answer(health, Probe::Readiness).await,
        answer(health, Probe::Startup).await,
    ]
}

pub(crate) async fn answer(health: &Health, probe: Probe) -> (u16, Status) {
    let (code, body) = get(HealthLayer::new(health.clone()), probe.default_path()).await;
    let status = [Status::Pass, Status::Warn, Status::Fail]
        .into_iter()
        .find(|status| body == format!(r#"{{"status":"{status}"}}"#));
    let status = status.unwrap_or_else(|| panic!("not a public answer: {body}"));
    // Nobody may get another answer from the handle than from the wire.
    assert_eq!(health.status(probe), status);
    assert_eq!(health.snapshot().status(probe), status);
    (code, status)
}

/// The detailed report, as the JSON that an operator sees.
pub(crate) async fn report(health: &Health, probe: Probe) -> serde_json::Value {
    let layer = HealthLayer::builder(health.clone()).details(Details::always());
    let (_, body) = get(layer.build().unwrap(), probe.default_path()).await;
    serde_json::from_str(&body).unwrap()
}

async fn get(layer: HealthLayer, path: &str) -> (u16, String) {
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("the application"))))
    });
    let request = Request::get(path).body(Empty::new()).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
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
