//! The API.

mod echo;
mod error;
mod held;
mod limit;
mod notes;

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tower_health::Health;

pub(crate) use self::error::{ApiError, Reported};
use crate::cache::Cache;
use crate::cli::Mode;
use crate::config::Config;
use crate::database::Database;
use crate::shutdown::Stop;
use crate::{health, monitoring};

/// What handlers share.
#[derive(Clone)]
struct App {
    database: Database,
    cache: Cache,
    stop: Stop,
}

pub(crate) fn router(
    config: &Config,
    database: &Database,
    cache: Cache,
    health: &Health,
    stop: Stop,
) -> Router {
    let app = App {
        database: database.clone(),
        cache,
        stop,
    };
    let mut router = Router::new()
        .route("/api/notes", get(notes::list).post(notes::create))
        .route("/api/notes/{id}", get(notes::read).delete(notes::delete))
        .route("/api/time", get(time))
        .route("/ws/echo", get(echo::upgrade));
    if config.mode != Mode::Production {
        router = router.route("/api/headers", get(headers));
    }
    let router = router.route_layer(from_fn(limit::in_time));
    // Requests that no route takes are not traced: their paths are whatever a scanner makes up.
    let router = monitoring::trace_routes(router);
    router.merge(summary(health)).with_state(app)
}

/// `GET /health`, for scripts that wait for a deployment. It needs no login, and tells no more than
/// that the service takes traffic, and its version.
pub(crate) fn summary<S: Clone + Send + Sync + 'static>(health: &Health) -> Router<S> {
    let health = health.downgrade();
    let answer = async move || -> Response {
        let Some(health) = health.upgrade() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let (healthy, body) = health::summary(&health);
        let status = if healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let headers = [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, body).into_response()
    };
    Router::new().route("/health", get(answer))
}

/// The time, which needs no database.
async fn time() -> Json<serde_json::Value> {
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    Json(json!({ "time": now.to_string() }))
}

/// The header fields as they arrived, to see what a proxy makes of them.
async fn headers(headers: HeaderMap) -> Json<BTreeMap<String, Vec<String>>> {
    let mut fields = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in &headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        fields.entry(name.to_string()).or_default().push(value);
    }
    Json(fields)
}
