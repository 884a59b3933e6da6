//! `grpc.health.v1` on the port of the API, over HTTP/2 without TLS.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::postgres::Postgres;
use crate::support::service::Service;

const SERVICES: [&str; 3] = ["startup", "readiness", "liveness"];

/// `HealthCheckResponse.ServingStatus` of
/// <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Serving,
    NotServing,
    /// The call itself failed, with this code.
    Failed(String),
}

/// Asks for the status of one service, by the bytes of its messages.
fn check(port: u16, service: &str) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(call(port, service))
}

async fn call(port: u16, service: &str) -> Answer {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    // Field 1, a text.
    let name = u8::try_from(service.len()).unwrap();
    let message = [&[0x0a, name], service.as_bytes()].concat();
    // Not compressed, and the length in four bytes.
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &message].concat();
    let request = Request::post(format!(
        "http://localhost:{port}/grpc.health.v1.Health/Check"
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .body(Full::new(Bytes::from(frame)))
    .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap();
    // A call that fails at once has its code in the head.
    let trailers = body.trailers().unwrap_or(&head.headers).clone();
    let code = trailers["grpc-status"].to_str().unwrap().to_owned();
    if code != "0" {
        return Answer::Failed(code);
    }
    // Field 1, a number.
    match *body.to_bytes() {
        [0, 0, 0, 0, 2, 0x08, 1] => Answer::Serving,
        [0, 0, 0, 0, 2, 0x08, 2] => Answer::NotServing,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn each_probe_is_a_service_of_grpc_that_says_what_the_probe_says() {
    const NOT_FOUND: &str = "5";
    let postgres = Postgres::start();
    let other = postgres.hold("CREATE TABLE notes (id int)");
    let url = postgres.url();
    let variables = [("DATABASE_URL", &*url), ("HEALTH_DRAIN_DELAY", "10m")];
    let service = Service::start(&[], &variables);
    postgres.await_waiting();
    let all = || SERVICES.map(|name| check(service.api, name));
    let is = |serving| {
        if serving {
            Answer::Serving
        } else {
            Answer::NotServing
        }
    };
    assert_eq!(all(), [false, false, true].map(is));
    postgres.release(other);
    service.await_code("/readyz", 200);
    assert_eq!(all(), [true, true, true].map(is));
    assert_eq!(
        check(service.api, "nobody"),
        Answer::Failed(NOT_FOUND.to_owned())
    );
    service.terminate();
    service.await_code("/readyz", 503);
    assert_eq!(all(), [true, false, true].map(is));
}
