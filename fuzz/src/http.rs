//! The bytes of a connection, through hyper's server into the layer: HTTP/1 and HTTP/2.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http::{Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, service_fn};
use tower_health::{Details, EitherBody, HealthLayer, HealthService, Probe, Status};

use crate::app::{APP, App, finish};
use crate::json;

/// The status of every response of the inner service.
const INNER: u16 = 299;

pub fn run(input: &[u8]) {
    // The first byte decides who sees details, so that both are covered.
    let (details, input) = match input {
        [b'!', rest @ ..] => (Details::bearer("s3cret"), rest),
        _ => (Details::never(), input),
    };
    let layer = APP.layer(details);
    let output = finish(&APP.runtime, "a connection", connection(layer, input));
    if input.starts_with(b"PRI * HTTP/2.0") {
        return;
    }
    responses(&output);
}

/// Serves one connection until the client has sent all of its bytes; returns what it received.
async fn connection(layer: HealthLayer, input: &[u8]) -> Vec<u8> {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let inner_calls = Rc::new(RefCell::new(Vec::new()));
    let calls = Rc::clone(&inner_calls);
    let inner = service_fn(move |request: Request<Incoming>| {
        calls.borrow_mut().push(request.uri().path().to_owned());
        let response = Response::builder().status(INNER);
        let response = response.body(Full::new(Bytes::from_static(b"inner")));
        std::future::ready(Ok::<_, Infallible>(response.expect("a response")))
    });
    let health = layer.layer(inner);
    let outer = service_fn(move |request: Request<Incoming>| {
        judge(
            layer.clone(),
            health.clone(),
            Rc::clone(&inner_calls),
            request,
        )
    });
    let serve = async move {
        let http = hyper_util::server::conn::auto::Builder::new(Local);
        // Whatever the bytes are, the end of a connection is an answer or an error.
        let _ = http
            .serve_connection(TokioIo::new(server), TowerToHyperService::new(outer))
            .await;
    };
    let talk = async move {
        let mut output = Vec::new();
        let (mut read, mut write) = tokio::io::split(&mut client);
        let send = async {
            // The server may have closed the connection already.
            let _ = write.write_all(input).await;
            let _ = write.shutdown().await;
        };
        let _ = tokio::join!(send, read.read_to_end(&mut output));
        output
    };
    let local = tokio::task::LocalSet::new();
    let (output, ()) = local.run_until(async { tokio::join!(talk, serve) }).await;
    output
}

/// Spawns on the thread itself: the service counts calls without a lock.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Passes a request to the layer, and compares the response with what it must be.
async fn judge<S>(
    layer: HealthLayer,
    mut health: HealthService<S, EitherBody>,
    inner_calls: Rc<RefCell<Vec<String>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone,
{
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let is_probe = layer.is_probe(&request);
    let version = request.version();
    let credentials: Vec<_> = request.headers().get_all("authorization").iter().collect();
    let knows = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"bearer s3cret");
    let may_see = credentials.iter().any(|value| knows(value));
    let probe = [Probe::Liveness, Probe::Readiness, Probe::Startup]
        .into_iter()
        .find(|probe| probe.default_path() == path);
    let is_grpc = path.starts_with("/grpc.health.v1.Health/");
    assert_eq!(is_probe, probe.is_some() || is_grpc, "{path}");

    let before = inner_calls.borrow().len();
    let Ok(response) = health.call(request).await;
    let (parts, body) = response.into_parts();
    let code = parts.status.as_u16();
    let is_inner = code == INNER;
    // Other requests share the connection over HTTP/2, but each call happens before its response.
    assert!(!is_inner || inner_calls.borrow().contains(&path));
    if version < Version::HTTP_2 {
        assert_eq!(inner_calls.borrow().len() - before, usize::from(is_inner));
    }
    if is_grpc {
        assert!([200, 405, 415, 505].contains(&code), "{path}: {code}");
        return Ok(Response::from_parts(
            parts,
            Full::new(first_frame(body).await),
        ));
    }
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    match probe {
        Some(probe) => {
            let status = App::status(probe);
            let healthy = if status.is_healthy() { 200 } else { 503 };
            let allowed = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
            assert_eq!(code, if allowed { healthy } else { 405 }, "{method} {path}");
            assert_eq!(parts.headers["cache-control"], "no-store");
            if method == Method::GET {
                assert_body(status, may_see, &parts, &body);
            } else {
                assert!(body.is_empty());
            }
        }
        None if is_inner => assert_eq!(&*body, b"inner"),
        // A path of one check, which exists for those who know the token.
        None => assert!(
            may_see && [200, 404, 405, 503].contains(&code),
            "{path}: {code}"
        ),
    }
    Ok(Response::from_parts(parts, Full::new(body)))
}

fn assert_body(status: Status, may_see: bool, parts: &http::response::Parts, body: &Bytes) {
    let public = format!(r#"{{"status":"{status}"}}"#);
    assert_eq!(parts.headers["content-length"], body.len().to_string());
    if !may_see {
        assert_eq!(*body, public);
    } else if parts.headers["content-type"] == "application/health+json" {
        let report = json::parse(str::from_utf8(body).expect("a text"));
        assert_eq!(report["status"], status.as_str());
    }
}

/// Reads the first frame only: a watch goes on for ever.
async fn first_frame<B>(mut body: B) -> Bytes
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Unpin,
{
    match body.frame().await {
        Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}

/// Reads what came over HTTP/1: whole responses with a status that somebody gave.
fn responses(output: &[u8]) {
    let mut rest = output;
    while !rest.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(rest).expect("a response");
        let httparse::Status::Complete(head) = parsed else {
            panic!("half a response: {:?}", String::from_utf8_lossy(rest));
        };
        let code = response.code.expect("a code");
        assert!(
            // 1xx, 4xx and 5xx that hyper itself sends for bytes that are no request.
            [100, 200, INNER, 400, 404, 405, 413, 414, 415, 431, 503, 505].contains(&code),
            "{code}"
        );
        // The length of an answer to HEAD or OPTIONS cannot be known here.
        let body = &rest[head..];
        let next = body.windows(7).position(|bytes| bytes == b"HTTP/1.");
        rest = next.map_or(&[], |next| &body[next..]);
    }
}
