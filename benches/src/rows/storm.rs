//! How many runs of a check probes cause.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum_health::prelude::{HealthDetail, HealthIndicator};
use http::Request;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use crate::catalogue::{AXUM_HEALTH, app, axum_health_with, plain};
use crate::table::{Of, Row, Section};

const PROBES: usize = 10_000;

/// A dependency that does not answer, and everybody asks.
pub fn storm() -> Section {
    let mut section = Section::new("10,000 probes at once while the check hangs");
    let runtime = Builder::new_multi_thread().enable_all().build();
    let (ours, theirs) = runtime.expect("a runtime").block_on(async {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let check = Check::new(indicator_fn("db", move || hang(Arc::clone(&counted))));
        let health = Health::builder()
            .readiness(check.timeout(Duration::from_secs(60)))
            .start()
            .expect("every setting is right");
        let service = HealthLayer::new(health).layer(service_fn(plain));
        sleep(Duration::from_millis(100)).await;
        let scheduled = runs.load(Ordering::Relaxed);
        let ours = Asked {
            answered: ask(service).await,
            runs: runs.load(Ordering::Relaxed) - scheduled,
        };

        let runs = Arc::new(AtomicUsize::new(0));
        let indicator = Hanging(Arc::clone(&runs));
        let service = axum_health_with(app(), "/readyz", indicator).with_state::<()>(());
        let theirs = Asked {
            answered: ask(service).await,
            runs: runs.load(Ordering::Relaxed),
        };
        (ours, theirs)
    });
    section.rows.push(Row::versus(
        "runs of the check beyond the schedule",
        "",
        ours.runs as f64,
        Of(AXUM_HEALTH, theirs.runs as f64),
        Some(0.0),
    ));
    section.rows.push(Row::versus(
        "probes that were not answered within a second",
        "",
        (PROBES - ours.answered) as f64,
        Of(AXUM_HEALTH, (PROBES - theirs.answered) as f64),
        Some(0.0),
    ));
    section
}

struct Asked {
    answered: usize,
    runs: usize,
}

/// How many of the probes were answered within a second.
async fn ask<S>(service: S) -> usize
where
    S: Service<Request<Body>, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static,
{
    let mut probes = JoinSet::new();
    for _ in 0..PROBES {
        let request = Request::get("/readyz").body(Body::empty());
        let response = service.clone().oneshot(request.expect("a request"));
        probes.spawn(timeout(Duration::from_secs(1), response));
    }
    let answers = probes.join_all().await;
    answers.into_iter().filter(Result::is_ok).count()
}

async fn hang(runs: Arc<AtomicUsize>) -> Result<(), &'static str> {
    runs.fetch_add(1, Ordering::Relaxed);
    pending().await
}

struct Hanging(Arc<AtomicUsize>);

#[async_trait]
impl HealthIndicator for Hanging {
    fn name(&self) -> String {
        "db".to_owned()
    }

    async fn details(&self) -> HealthDetail {
        let _ = hang(Arc::clone(&self.0)).await;
        HealthDetail::up()
    }
}
