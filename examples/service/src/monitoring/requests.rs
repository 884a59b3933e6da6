//! Requests: a transaction for each, and reports of those that failed.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use sentry_tower::{NewSentryLayer, SentryHttpLayer};

use super::capture;
use crate::api::Reported;

/// Who makes the request. A layer that knows puts it among the extensions of the request.
#[derive(Clone, Debug)]
pub(crate) struct UserId(pub(crate) String);

/// Traces each request that a route of this router takes. Probes never get here.
pub(crate) fn trace_routes<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    // The last is the outermost.
    router
        .route_layer(from_fn(report))
        .route_layer(SentryHttpLayer::new().enable_transaction())
        .route_layer(NewSentryLayer::new_from_top())
}

/// Reports the error of a response, and turns a panic into a response, so that the connection and
/// the transaction end as those of any other request.
async fn report(request: Request, next: Next) -> Response {
    let operation = request.extensions().get::<MatchedPath>();
    let operation = operation.map_or_else(String::new, |path| path.as_str().to_owned());
    let user = request.extensions().get::<UserId>().cloned();
    hide_caller(&request);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let Ok(response) = answered else {
        // The hook of the SDK has reported the panic, and its text is in stderr.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Some(Reported(error)) = response.extensions().get() {
        tracing::warn!(%error, operation, "a request failed");
        let user = user.as_ref().map(|UserId(id)| &**id);
        capture(&**error, user, [("operation", operation.into())]);
    }
    response
}

/// Replaces what the SDK took from the request: header fields and a query
/// may identify somebody.
fn hide_caller(request: &Request) {
    let shown = sentry::protocol::Request {
        method: Some(request.method().to_string()),
        url: url(request.uri()).parse().ok(),
        ..sentry::protocol::Request::default()
    };
    sentry::configure_scope(|scope| {
        if let Some(transaction) = scope.get_span() {
            transaction.set_request(shown.clone());
        }
        scope.add_event_processor(move |mut event| {
            event.request = Some(shown.clone());
            Some(event)
        });
    });
}

/// The host is that of every request.
fn url(uri: &Uri) -> String {
    format!("http://service{}", uri.path())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use sentry::protocol::{Context, EnvelopeItem, SpanStatus};
    use tower_service::Service;

    use super::*;
    use crate::api::ApiError;
    use crate::cli::Mode;

    /// What is sent for one request of a user.
    fn sent(path: &str) -> Vec<EnvelopeItem> {
        let routes = trace_routes(
            Router::new()
                .route(
                    "/fails",
                    get(async || -> ApiError { sqlx::Error::WorkerCrashed.into() }),
                )
                .route("/panics", get(async || -> &str { panic!("a bug") })),
        );
        let options = super::super::options(Mode::Staging, None);
        let envelopes = sentry::test::with_captured_envelopes_options(
            || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                let request = Request::get(path).extension(UserId("user-7".to_owned()));
                let request = request.body(Body::empty()).unwrap();
                let response = runtime.block_on(routes.clone().call(request)).unwrap();
                assert_eq!(response.status(), 500);
            },
            options,
        );
        envelopes
            .iter()
            .flat_map(|envelope| envelope.items().cloned())
            .collect()
    }

    fn status(items: &[EnvelopeItem]) -> Option<SpanStatus> {
        items.iter().find_map(|item| match item {
            EnvelopeItem::Transaction(transaction) => match &transaction.contexts["trace"] {
                Context::Trace(trace) => trace.status,
                _ => None,
            },
            _ => None,
        })
    }

    #[test]
    fn an_error_is_sent_with_the_user_and_the_operation() {
        let items = sent("/fails");
        let event = items.iter().find_map(|item| match item {
            EnvelopeItem::Event(event) => Some(event),
            _ => None,
        });
        let event = event.unwrap();
        assert_eq!(event.user.as_ref().unwrap().id.as_deref(), Some("user-7"));
        assert_eq!(event.extra["operation"], "/fails");
        assert!(event.user.as_ref().unwrap().ip_address.is_none());
        assert_eq!(status(&items), Some(SpanStatus::InternalError));
    }

    #[test]
    fn a_panic_is_answered_and_its_transaction_is_finished() {
        assert_eq!(status(&sent("/panics")), Some(SpanStatus::InternalError));
    }

    #[test]
    fn work_that_panics_or_is_dropped_finishes_its_transaction() {
        let ended = |work: fn(&tokio::runtime::Runtime)| {
            let options = super::super::options(Mode::Staging, None);
            let run = || {
                work(
                    &tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()
                        .unwrap(),
                )
            };
            let envelopes = sentry::test::with_captured_envelopes_options(run, options);
            let items = envelopes
                .iter()
                .flat_map(|envelope| envelope.items().cloned());
            status(&items.collect::<Vec<_>>())
        };
        let dropped = ended(|runtime| {
            let work = super::super::traced::<()>("job", std::future::pending());
            let limit = std::time::Duration::from_millis(1);
            let limited = async { tokio::time::timeout(limit, work).await };
            assert!(runtime.block_on(limited).is_err());
        });
        assert_eq!(dropped, Some(SpanStatus::Cancelled));
        let panicked = ended(|runtime| {
            let work = super::super::traced::<()>("job", async { panic!("a bug") });
            let caught = runtime.block_on(AssertUnwindSafe(work).catch_unwind());
            assert!(caught.is_err());
        });
        assert_eq!(panicked, Some(SpanStatus::InternalError));
    }
}
