//! The body of a response, seen through the layer: every poll says what it would say without it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{HealthLayer, ResponseBody, WrapBody};

use super::support::{Body, Polled, get, no_probe};
use crate::support::layer;

use Step::{Data, Error, Trailers, Wait};

#[derive(Clone, Copy, Debug)]
enum Step {
    Data(&'static str),
    Trailers,
    Error,
    Wait,
}

/// Plays its steps. What it says of itself is made up, so that no wrapper can compute it instead.
#[derive(Clone, Debug)]
struct Script {
    steps: VecDeque<Step>,
    /// How many steps are left when it says that it has ended.
    ends_at: Option<usize>,
    hint: (u64, Option<u64>),
}

#[derive(Debug, PartialEq, Eq)]
struct Torn;

impl http_body::Body for Script {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        Poll::Ready(match self.steps.pop_front() {
            None => None,
            Some(Data(text)) => Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))),
            Some(Trailers) => Some(Ok(Frame::trailers(trailers()))),
            Some(Error) => Some(Err(Torn)),
            Some(Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ends_at.is_some_and(|left| self.steps.len() <= left)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.hint.0);
        if let Some(upper) = self.hint.1 {
            hint.set_upper(upper);
        }
        hint
    }
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.append("grpc-status", HeaderValue::from_static("0"));
    trailers.append("grpc-message", HeaderValue::from_bytes(b"\xff").unwrap());
    trailers.append("grpc-message", HeaderValue::from_static("again"));
    trailers
}

type Says = (u64, Option<u64>);
const SCRIPTS: [(&str, &[Step], Option<usize>, Says); 8] = [
    ("nothing", &[], Some(0), (0, Some(0))),
    ("nothing, not known", &[], None, (0, None)),
    ("one frame", &[Data("a")], Some(0), (1, Some(1))),
    (
        "frames that come late",
        &[Wait, Data("a"), Wait, Wait, Data(""), Data("b")],
        Some(0),
        (0, None),
    ),
    ("only trailers", &[Trailers], None, (0, Some(0))),
    (
        "a gRPC answer",
        &[Data("a"), Data("b"), Wait, Trailers],
        None,
        (1, Some(7)),
    ),
    ("torn", &[Data("a"), Error], Some(0), (5, Some(5))),
    (
        "an end that is said early",
        &[Data("a"), Trailers],
        Some(2),
        (1, Some(1)),
    ),
];

/// What a server sees of a body, poll by poll.
fn observed<B: http_body::Body<Data = Bytes, Error = Torn> + Unpin>(mut body: B) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let hint = body.size_hint();
        let says = (hint.lower(), hint.upper(), body.is_end_stream());
        let mut frame = Polled::new(std::future::poll_fn(|cx| {
            Pin::new(&mut body).poll_frame(cx)
        }));
        let polled = frame.poll();
        lines.push(format!("{says:?} {polled:?} {}", frame.is_woken()));
        if matches!(polled, Poll::Ready(None)) {
            return lines;
        }
    }
}

async fn every_script_plays_unchanged<M>(layer: HealthLayer<M>)
where
    M: WrapBody<Script, Body: http_body::Body<Data = Bytes, Error = Torn> + Unpin> + Clone,
{
    for (name, steps, ends_at, hint) in SCRIPTS {
        let script = Script {
            steps: steps.iter().copied().collect(),
            ends_at,
            hint,
        };
        let given = script.clone();
        let inner = service_fn(move |_: Request<Body>| {
            let response = Response::new(given.clone());
            async { Ok::<_, Infallible>(response) }
        });
        let response = layer.layer(inner).oneshot(get("/")).await.unwrap();
        let seen = observed(response.into_body());
        assert_eq!(seen, observed(script), "{name}");
        assert_eq!(seen.len(), steps.len() + 1, "{name}");
    }
}

#[tokio::test]
async fn frames_trailers_hint_end_and_errors_come_through_the_response_body() {
    every_script_plays_unchanged(layer()).await;
}

#[tokio::test]
async fn frames_trailers_hint_end_and_errors_come_through_a_mapped_layer() {
    every_script_plays_unchanged(layer().map_body(no_probe::<Script>)).await;
}

// A server that knows the length sends no empty chunk, and HTTP/2 ends the stream with the data.
#[tokio::test]
async fn the_body_of_a_probe_says_its_length_and_its_end_before_and_after_it_was_read() {
    for (method, length) in [("GET", 17), ("HEAD", 0), ("POST", 0)] {
        let inner = service_fn(async |_: Request<Body>| {
            panic!("a probe reached the service");
            #[expect(unreachable_code)]
            Ok::<_, Infallible>(Response::new(Body::default()))
        });
        let request = Request::builder().method(method).uri("/livez");
        let request = request.body(Body::default()).unwrap();
        let response = layer().layer(inner).oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let says = |body: &ResponseBody<Body>| (body.size_hint().exact(), body.is_end_stream());
        assert_eq!(says(&body), (Some(length), length == 0), "{method}");
        let frames = std::iter::from_fn(|| match Polled::new(body.frame()).poll() {
            Poll::Ready(frame) => frame,
            Poll::Pending => panic!("{method}: the body waits"),
        });
        assert_eq!(frames.count(), usize::from(length > 0), "{method}");
        assert_eq!(says(&body), (Some(0), true), "{method}");
    }
}
