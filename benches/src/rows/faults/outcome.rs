//! What a prober sees, which waits no longer than a second.

use std::fmt::{self, Debug, Display, Formatter};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use crate::ask::{Ask, NOT_SERVING, SERVING};

/// How long a prober waits: the default of Kubernetes.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(u16),
    /// What a `Check` says, in the words of its protocol.
    Said(&'static str),
    Hung,
    Died,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(code) => write!(f, "answered {code}"),
            Self::Said(status) => write!(f, "answered {status}"),
            Self::Hung => f.write_str("hung"),
            Self::Died => f.write_str("died"),
        }
    }
}

/// `GET`s this. In a task of its own, as a server has one for each connection.
pub(super) async fn probe<S, B>(service: S, uri: &'static str) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Debug + Send> + Send + 'static,
{
    answer(service, get(uri), |code, _| Outcome::Answered(code)).await
}

/// The same as a `Check` of the service `""`.
pub(super) async fn grpc_check<S, B>(service: S) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Debug + Send> + Send + 'static,
{
    answer(service, Ask::GrpcCheck.requests()(), |_, message| {
        Outcome::Said(match <[u8; 7]>::try_from(message) {
            Ok(SERVING) => "SERVING",
            Ok(NOT_SERVING) => "NOT_SERVING",
            _ => "something else",
        })
    })
    .await
}

async fn answer<S, B>(
    service: S,
    request: Request<Body>,
    outcome: fn(u16, &[u8]) -> Outcome,
) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Debug + Send> + Send + 'static,
{
    // What was started has time to go wrong.
    sleep(Duration::from_millis(300)).await;
    let mut connection = tokio::spawn(async move {
        let response = service.oneshot(request).await.expect("a response");
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body");
        outcome(code, &body.to_bytes())
    });
    let outcome = match timeout(PATIENCE, &mut connection).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Died,
        Err(_) => Outcome::Hung,
    };
    connection.abort();
    outcome
}

/// Asks this while a request of `/slow` keeps the only place.
pub(super) async fn beside_stuck<S, B, F>(service: S, ask: impl FnOnce(S) -> F) -> F::Output
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Send + 'static,
    F: Future,
{
    let stuck = service.clone().oneshot(get("/slow"));
    let stuck = tokio::spawn(async move { drop(stuck.await) });
    let outcome = ask(service).await;
    stuck.abort();
    outcome
}

fn get(uri: &'static str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).expect("a request")
}
