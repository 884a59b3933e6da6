//! What every test of this folder uses: checks, ports, and a prober that keeps the whole answer.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{
    Check, CheckResult, Details, Health, HealthBuilder, HealthLayer, Observation, indicator_fn,
};

/// What the application says to everything that is not for the layer.
pub(crate) const APPLICATION: &str = "the application";

pub(crate) const TOKEN: &str = "s3cret-token";

/// A builder whose checks run exactly once a second.
pub(crate) fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

/// Lets the runs that are due now end and be published.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A check that always brings back the same.
pub(crate) fn check(name: &str, result: CheckResult) -> Check {
    Dial::new(result).check(name)
}

pub(crate) fn passing(name: &str) -> Check {
    check(name, Ok(Observation::pass()))
}

pub(crate) fn failing(name: &str, output: &str) -> Check {
    check(name, Err(output.into()))
}

/// For a check that brings back nothing at all.
pub(crate) async fn panics(message: String) -> CheckResult {
    panic!("{message}")
}

/// A check that brings back what the test last told it, and counts its runs.
#[derive(Clone)]
pub(crate) struct Dial(Arc<(Mutex<CheckResult>, AtomicUsize)>);

impl Dial {
    pub(crate) fn new(result: CheckResult) -> Self {
        Self(Arc::new((Mutex::new(result), AtomicUsize::new(0))))
    }

    pub(crate) fn pass() -> Self {
        Self::new(Ok(Observation::pass()))
    }

    pub(crate) fn turn(&self, result: CheckResult) {
        *self.0.0.lock().unwrap() = result;
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self, name: &str) -> Check {
        let dial = self.clone();
        Check::new(indicator_fn(name, move || {
            dial.0.1.fetch_add(1, Ordering::Relaxed);
            let result = dial.0.0.lock().unwrap().clone();
            async { result }
        }))
    }
}

/// A service behind the layer, and whoever asks it.
#[derive(Clone)]
pub(crate) struct Port(HealthLayer);

impl Port {
    /// Shows details to nobody.
    pub(crate) fn public(health: &Health) -> Self {
        Self(HealthLayer::new(health.clone()))
    }

    /// Shows details to whoever has the [`TOKEN`].
    pub(crate) fn guarded(health: &Health) -> Self {
        Self::with(health, Details::bearer(TOKEN))
    }

    /// Shows details to everybody.
    pub(crate) fn management(health: &Health) -> Self {
        Self::with(health, Details::always())
    }

    pub(crate) fn with(health: &Health, details: Details) -> Self {
        Self::of(
            HealthLayer::builder(health.clone())
                .details(details)
                .build()
                .unwrap(),
        )
    }

    pub(crate) fn of(layer: HealthLayer) -> Self {
        Self(layer)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Request::get(target)).await
    }

    pub(crate) async fn get_with_token(&self, target: &str) -> Answer {
        let credential = format!("Bearer {TOKEN}");
        self.send(Request::get(target).header("authorization", credential))
            .await
    }

    pub(crate) async fn send(&self, request: http::request::Builder) -> Answer {
        let inner = service_fn(|_: Request<Empty<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(APPLICATION))))
        });
        let request = request.body(Empty::new()).unwrap();
        let response = self.0.layer(inner).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            code: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

/// The readiness report of a service with this one check, after its first run.
pub(crate) async fn report(check: Check) -> Value {
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    Port::management(&health).get("/readyz").await.json()
}

/// The names of the fields of an object, sorted.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn content_type(&self) -> &str {
        self.headers
            .get("content-type")
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.content_type(), "application/health+json");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Whether it says nothing that the status code does not say.
    pub(crate) fn is_public(&self) -> bool {
        let told = |status| self.body == format!(r#"{{"status":"{status}"}}"#);
        match self.code {
            200 => told("pass") || told("warn"),
            503 => told("fail"),
            _ => false,
        }
    }
}
