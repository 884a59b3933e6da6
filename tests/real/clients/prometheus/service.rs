//! A small service: it serves its metrics, and has checks that the test turns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tower_health::{Criticality, Health, HealthLayer, Probe, Status};

use crate::support::site::{Site, answering, text};
use crate::support::{Dial, eventually};

pub(super) struct Service {
    pub(super) health: Health,
    pub(super) db: Dial,
    pub(super) site: Site,
    /// The content type of the last scrape.
    pub(super) scraped_as: Arc<Mutex<String>>,
}

impl Service {
    pub(super) async fn start() -> Self {
        let db = Dial::pass();
        let cache = Dial::at(Status::Fail).check("cache");
        let health = Health::builder()
            .ttl(Duration::from_millis(50))
            .readiness(db.check("db"))
            .readiness(cache.criticality(Criticality::NonCritical))
            .startup(Dial::pass().check("schema"))
            .release_id("build-77")
            .count_probe_requests()
            .start()
            .unwrap();
        health.await_ready().await.unwrap();
        let scraped_as = Arc::<Mutex<String>>::default();
        let (seen, layer) = (Arc::clone(&scraped_as), HealthLayer::new(health.clone()));
        let weak = health.downgrade();
        let site = answering(move |request: Request<Incoming>| {
            let health = weak.upgrade().unwrap();
            let path = request.uri().path();
            let accept = request.headers().get(ACCEPT);
            let accept = accept.and_then(|accept| accept.to_str().ok());
            let response = match path {
                "/metrics" => health.metrics(accept),
                "/metrics/slis" => health.metrics_slis(accept),
                _ => {
                    let answer = layer.answer("GET", path, None, [("host", "localhost")]);
                    let code = answer.map_or(404, |answer| answer.status());
                    return text(code, "");
                }
            };
            assert_eq!(response.status(), StatusCode::OK);
            let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap();
            *seen.lock().unwrap() = content_type.to_owned();
            response.map(Full::from)
        })
        .await;
        Self {
            health,
            db,
            site,
            scraped_as,
        }
    }

    pub(super) async fn turn(&self, status: Status) {
        self.db.turn(status);
        let turned = async || {
            let snapshot = self.health.snapshot();
            let mut checks = snapshot.checks(Probe::Readiness);
            checks.any(|check| check.name() == "db" && check.status() == status)
        };
        eventually("the check follows", turned).await;
    }
}
