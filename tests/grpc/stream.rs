//! An open watch, and the messages that it receives.

use std::pin::Pin;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tower_health::{Health, ServingStatus};

use crate::calls::{AppBody, WATCH, asking, request, respond};
use crate::reply::{Code, decoded, grpc_status};
use crate::support::{secs, settle};

/// What a watch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Status(ServingStatus),
    Ended(Code),
}

/// Longer than anything that a test waits for.
const PATIENCE: Duration = secs(10_000);

pub(crate) const SERVING: Told = Told::Status(ServingStatus::Serving);
pub(crate) const NOT_SERVING: Told = Told::Status(ServingStatus::NotServing);
pub(crate) const SERVICE_UNKNOWN: Told = Told::Status(ServingStatus::ServiceUnknown);

/// An open watch.
pub(crate) struct Stream<B = AppBody>(Pin<Box<B>>);

impl Stream {
    pub(crate) async fn open(health: &Health, service: &str) -> Self {
        let response = respond(health, request(WATCH, asking(service))).await;
        Self::of(response)
    }
}

impl<B> Stream<B>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    pub(crate) fn of(response: Response<B>) -> Self {
        assert_eq!(response.status(), 200);
        let is_open = !response.headers().contains_key("grpc-status");
        assert!(
            is_open,
            "refused: {response:?}",
            response = response.headers()
        );
        Self(Box::pin(response.into_body()))
    }

    /// The next message or the end, which is always told.
    pub(crate) async fn next(&mut self) -> Told {
        let frame = tokio::time::timeout(PATIENCE, self.0.frame()).await;
        let frame = frame.expect("nothing is told any more");
        let frame = frame.expect("no trailers").unwrap();
        match frame.into_data() {
            Ok(data) => Told::Status(decoded(&data)),
            Err(frame) => {
                let code = grpc_status(frame.trailers_ref().unwrap());
                assert!(
                    self.0.frame().await.is_none(),
                    "a frame behind the trailers"
                );
                Told::Ended(code)
            }
        }
    }

    /// Everything that is there to be read now, and nothing that is yet to come.
    pub(crate) async fn now(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::ZERO, self.next()).await {
            told.push(next);
            if matches!(next, Told::Ended(_)) {
                break;
            }
        }
        told
    }

    /// Everything that was told when the present changes have arrived.
    pub(crate) async fn told(&mut self) -> Vec<Told> {
        settle().await;
        self.now().await
    }
}
