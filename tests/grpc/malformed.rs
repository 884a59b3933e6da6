//! Requests that no real client sends, and those that look odd and are not wrong.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::{FutureExt, stream};
use http::HeaderMap;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use tower_health::{Health, Status};

use crate::calls::{CHECK, LIST, WATCH, asking, frame, request, respond, send};
use crate::reply::{Code, INTERNAL, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED};

/// Not ready but alive, so that the answer shows which service the client requested.
fn health() -> Health {
    Health::fixed(Status::Fail)
}

const SERVING: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];

fn with_header(mut frame: Vec<u8>, flag: u8, length: u32) -> Vec<u8> {
    frame[0] = flag;
    frame[1..5].copy_from_slice(&length.to_be_bytes());
    frame
}

#[tokio::test]
async fn a_broken_frame_fails_every_method() {
    let live = || asking("liveness");
    let cases = [
        ("no frame at all", Vec::new(), INTERNAL),
        ("half of a frame's header", vec![0, 0, 0], INTERNAL),
        (
            "a message that ends early",
            with_header(live(), 0, 11),
            INTERNAL,
        ),
        (
            "bytes behind the message",
            with_header(live(), 0, 9),
            INTERNAL,
        ),
        ("two messages", [live(), live()].concat(), INTERNAL),
        (
            "a flag that does not exist",
            with_header(live(), 2, 10),
            INTERNAL,
        ),
        (
            "a compressed message",
            with_header(live(), 1, 10),
            UNIMPLEMENTED,
        ),
        (
            "four gigabytes announced",
            with_header(live(), 0, u32::MAX),
            RESOURCE_EXHAUSTED,
        ),
        ("a byte too many", frame(&[0; 4092]), RESOURCE_EXHAUSTED),
    ];
    for (name, body, expected) in cases {
        for path in [CHECK, WATCH, LIST] {
            let reply = send(&health(), request(path, body.clone())).await;
            assert_eq!(reply.status(), Err(expected), "{name}, {path}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_no_request_fails() {
    let cases: [(&str, &[u8]); 5] = [
        ("a name that ends early", &[0x0a, 5, b'a']),
        ("a name that is a number", &[0x08, 1]),
        ("a name that is not UTF-8", &[0x0a, 2, 0xff, 0xfe]),
        ("a key that never ends", &[0xff; 11]),
        ("a field with the number 0", &[0x02, 0]),
    ];
    for (name, message) in cases {
        for path in [CHECK, WATCH] {
            let reply = send(&health(), request(path, frame(message))).await;
            assert_eq!(reply.status(), Err(INTERNAL), "{name}, {path}");
        }
    }
}

#[tokio::test]
async fn fields_of_a_later_protocol_are_skipped() {
    let name: &[u8] = &asking("liveness")[5..];
    let varint: &[u8] = &[0x10, 0x96, 0x01];
    let fixed64: &[u8] = &[0x19, 1, 2, 3, 4, 5, 6, 7, 8];
    let text: &[u8] = &[0x22, 3, b'a', b'b', b'c'];
    let fixed32: &[u8] = &[0x2d, 1, 2, 3, 4];
    for message in [
        [name, varint, fixed64, text, fixed32].concat(),
        [varint, fixed64, text, fixed32, name].concat(),
    ] {
        let reply = send(&health(), request(CHECK, frame(&message))).await;
        assert_eq!(reply.status(), Ok(SERVING.to_vec()));
    }
    let reply = send(&health(), request(LIST, frame(varint))).await;
    assert!(reply.status().is_ok());
    // The last value of a field counts.
    let twice = [name, &asking("nobody")[5..]].concat();
    let reply = send(&health(), request(CHECK, frame(&twice))).await;
    assert_eq!(reply.status(), Err(NOT_FOUND));
}

#[tokio::test]
async fn the_answer_to_a_compressed_request_names_the_supported_encoding() {
    let mut compressed = request(CHECK, with_header(asking("liveness"), 1, 10));
    let gzip = http::HeaderValue::from_static("gzip");
    compressed
        .headers_mut()
        .insert("grpc-encoding", gzip.clone());
    let reply = send(&health(), compressed).await;
    assert_eq!(reply.headers["grpc-accept-encoding"], "identity");
    assert_eq!(reply.status(), Err(UNIMPLEMENTED));

    let mut plain = request(CHECK, asking("liveness"));
    plain.headers_mut().insert("grpc-encoding", gzip);
    let reply = send(&health(), plain).await;
    assert_eq!(
        reply.status(),
        Ok(SERVING.to_vec()),
        "a client may choose not to"
    );
}

#[tokio::test]
async fn header_fields_that_make_no_difference() {
    for (field, value) in [
        ("te", None),
        ("te", Some("gzip")),
        ("grpc-accept-encoding", Some("gzip, identity")),
        ("user-agent", Some("kube-probe/1.32")),
        ("content-length", Some("15")),
        ("grpc-timeout", Some("1n")),
        ("grpc-timeout", Some("0S")),
        ("grpc-timeout", Some("99999999H")),
        ("content-type", Some("application/grpc+proto")),
        ("content-type", Some("application/grpc;charset=utf-8")),
        ("content-type", Some("application/grpc+proto;v=1")),
    ] {
        let mut call = request(CHECK, asking("liveness"));
        call.headers_mut().remove(field);
        if let Some(value) = value {
            let name: http::HeaderName = field.parse().unwrap();
            call.headers_mut().insert(name, value.parse().unwrap());
        }
        let reply = send(&health(), call).await;
        assert_eq!(reply.status(), Ok(SERVING.to_vec()), "{field}: {value:?}");
    }
}

#[tokio::test]
async fn a_timeout_that_is_none_fails_the_call() {
    for timeout in [
        "999999999n", // nine digits
        "",
        "n",
        "1",
        "1s",
        "1 S",
        "-1S",
        "1.5S",
        "0x1S",
        "1SS",
        "S1",
    ] {
        for path in [CHECK, WATCH, LIST] {
            let mut call = request(path, asking("liveness"));
            let fields = call.headers_mut();
            fields.insert("grpc-timeout", timeout.parse().unwrap());
            let status = send(&health(), call).await.status();
            assert_eq!(status, Err(INTERNAL), "{timeout:?}, {path}");
        }
    }
}

type Piece = Result<Frame<Bytes>, &'static str>;

/// What a Check is answered with whose request comes in these pieces.
async fn in_pieces(pieces: Vec<Piece>) -> Result<Vec<u8>, Code> {
    let body = StreamBody::new(stream::iter(pieces));
    let call = request(CHECK, Vec::new()).map(|_| body);
    send(&health(), call).await.status()
}

fn data(bytes: &[u8]) -> Piece {
    Ok(Frame::data(Bytes::copy_from_slice(bytes)))
}

#[tokio::test]
async fn a_request_may_come_in_any_pieces() {
    let whole = asking("liveness");
    let bytes = whole.iter().map(|byte| data(&[*byte])).collect();
    assert_eq!(in_pieces(bytes).await, Ok(SERVING.to_vec()));
    let gaps = vec![data(&[]), data(&whole[..3]), data(&[]), data(&whole[3..])];
    assert_eq!(in_pieces(gaps).await, Ok(SERVING.to_vec()));
    let trailers = vec![data(&whole), Ok(Frame::trailers(HeaderMap::new()))];
    assert_eq!(in_pieces(trailers).await, Ok(SERVING.to_vec()));
}

#[tokio::test]
async fn a_request_that_breaks_off_fails() {
    let whole = asking("liveness");
    assert_eq!(in_pieces(vec![Err("reset")]).await, Err(INTERNAL));
    let within = vec![data(&whole[..7]), Err("reset")];
    assert_eq!(in_pieces(within).await, Err(INTERNAL));
    let behind = vec![data(&whole), Err("reset")];
    assert_eq!(in_pieces(behind).await, Err(INTERNAL));
}

#[tokio::test]
async fn what_is_too_large_is_not_read_to_its_end() {
    let pulled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pulled);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; 1024])))
    });
    let call = request(CHECK, Vec::new()).map(|_| StreamBody::new(endless));
    let status = send(&health(), call).await.status();
    assert_eq!(status, Err(RESOURCE_EXHAUSTED));
    assert_eq!(
        pulled.load(Ordering::Relaxed),
        5,
        "the fifth is beyond 4 KiB"
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_its_request_is_whole_leaves_nothing() {
    let connection = Arc::new(());
    let held = Arc::clone(&connection);
    let silent = stream::poll_fn(move |_| {
        let _ = &held;
        Poll::<Option<Piece>>::Pending
    });
    let call = request(CHECK, Vec::new()).map(|_| StreamBody::new(silent));
    let health = health();
    let mut reading = Box::pin(respond(&health, call));
    assert!((&mut reading).now_or_never().is_none());
    assert_eq!(Arc::strong_count(&connection), 2);
    drop(reading);
    assert_eq!(Arc::strong_count(&connection), 1);
}
