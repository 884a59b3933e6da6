//! Checks, ports, and a prober that keeps the whole answer.

use http::{HeaderMap, Request};
use serde_json::Value;
use tower_health::{Check, CheckResult, Details, Health, HealthLayer, Observation};

use crate::support::{Dial, prober, settle, steady};

pub(crate) const TOKEN: &str = "s3cret-token";

/// A check that always brings back the same.
pub(crate) fn check(name: &str, result: CheckResult) -> Check {
    Dial::at(result).check(name)
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

/// A service behind the layer, and the client that calls it.
#[derive(Clone)]
pub(crate) struct Port(HealthLayer);

impl Port {
    /// Shows details to no client.
    pub(crate) fn public(health: &Health) -> Self {
        Self(HealthLayer::new(health.clone()))
    }

    /// Shows details to clients that have the [`TOKEN`].
    pub(crate) fn guarded(health: &Health) -> Self {
        Self::with(health, Details::bearer(TOKEN))
    }

    /// Shows details to every client.
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
        let (head, body) = prober::send(&self.0, request).await.into_parts();
        Answer {
            code: head.status.as_u16(),
            headers: head.headers,
            body,
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
