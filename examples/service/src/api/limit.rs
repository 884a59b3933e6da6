//! A limit of time for requests.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::ApiError;

/// How long a request may take until it is answered, its body included. It is longer than a request
/// may wait for a connection to the database and Postgres may take for a statement, and as long as
/// the drain cap leaves once the drain delay has passed.
const REQUEST: Duration = Duration::from_secs(15);

/// Answers with 503 in place of a handler that takes too long, such as for a body that never arrives,
/// or for a database that hangs.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let operation = request.extensions().get::<MatchedPath>().cloned();
    let answered = timeout(REQUEST, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let operation = operation.as_ref().map(MatchedPath::as_str);
        tracing::warn!(operation, "a request took too long");
        ApiError::TooSlow.into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::RETRY_AFTER;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower_service::Service;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_never_answers_is_503_and_to_be_tried_again() {
        let routes = Router::new().route("/", get(std::future::pending::<()>));
        let mut routes = routes.route_layer(from_fn(in_time));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = routes.call(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
