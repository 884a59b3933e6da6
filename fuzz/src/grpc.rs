//! A call of the gRPC health service, whose body arrives in any pieces.
//!
//! An input is bytes: the method, the shape of the call, the number of cuts with the length of each
//! piece, and the body.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use prost::Message;
use tower::{Layer, Service, service_fn};
use tower_health::Details;

use crate::app::{APP, finish};

const OK: u32 = 0;
const DEADLINE_EXCEEDED: u32 = 4;
const NOT_FOUND: u32 = 5;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;

/// The largest request.
const LIMIT: usize = 4096;

const CONTENT_TYPES: [&str; 8] = [
    "application/grpc",
    "application/grpc+proto",
    "application/grpc;charset=utf-8",
    "application/grpc+proto;x",
    "application/grpc-web",
    "application/grpc+json",
    "application/json",
    "",
];

const TIMEOUTS: [(&str, bool); 8] = [
    ("", true),
    ("1S", true),
    ("99999999H", true),
    ("0n", true),
    ("123456789S", false),
    ("S", false),
    ("1", false),
    ("-1S", false),
];

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ListResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    statuses: std::collections::BTreeMap<String, CheckResponse>,
}

pub fn run(input: &[u8]) {
    let [method, shape, head, count, rest @ ..] = input else {
        return;
    };
    let count = usize::from(count % 16).min(rest.len());
    let (lengths, body) = rest.split_at(count);
    let mut pieces = Vec::new();
    let mut left = body;
    for length in lengths {
        let (piece, more) = left.split_at(usize::from(*length).min(left.len()));
        pieces.push(Bytes::copy_from_slice(piece));
        left = more;
    }
    pieces.push(Bytes::copy_from_slice(left));
    let method = usize::from(*method) % 4;
    let content_type = CONTENT_TYPES[usize::from(head % 8)];
    let (timeout, is_timeout) = TIMEOUTS[usize::from(head / 8 % 8)];
    let (breaks_off, waits) = (shape & 1 != 0, shape & 4 != 0);
    let pieces = Pieces {
        pieces,
        next: 0,
        breaks_off,
        has_trailers: shape & 2 != 0,
        waits,
        knows_end: shape & 8 != 0,
        is_waiting: false,
    };
    let sees_all = shape & 16 != 0;

    let path = ["Check", "Watch", "List", "Nothing"][method];
    let mut request = Request::post(format!("/grpc.health.v1.Health/{path}"))
        .version(Version::HTTP_2)
        .header("content-type", content_type);
    if !timeout.is_empty() {
        request = request.header("grpc-timeout", timeout);
    }
    // Checked before the body is touched.
    let expected = if !(content_type == "application/grpc"
        || content_type == "application/grpc+proto"
        || content_type.contains(';'))
    {
        Err(415)
    } else if path == "Nothing" {
        Ok((UNIMPLEMENTED, None))
    } else if !is_timeout {
        Ok((INTERNAL, None))
    } else {
        Ok(pieces.outcome(path))
    };

    let details = if sees_all {
        Details::always()
    } else {
        Details::never()
    };
    let inner = service_fn(async |_: Request<Pieces>| {
        panic!("the inner service is called");
        #[expect(unreachable_code)]
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let mut service = APP.layer(details).layer(inner);
    let request = request.body(pieces).expect("a request");
    let (code, status, message) = finish(&APP.runtime, "a call", async move {
        let Ok(response) = service.call(request).await;
        let (parts, mut body) = response.into_parts();
        let mut message = None;
        let mut status = grpc_status(&parts.headers);
        while let Some(Ok(frame)) = body.frame().await {
            match frame.into_data() {
                Ok(data) => message = Some(data),
                Err(frame) => status = frame.trailers_ref().and_then(grpc_status),
            }
            // A watch goes on for ever.
            if path == "Watch" && message.is_some() {
                status = Some(OK);
                break;
            }
        }
        (parts.status.as_u16(), status, message)
    });
    match expected {
        Err(expected) => assert_eq!((code, message), (expected, None)),
        // A request that has to be waited for, and no time to wait.
        Ok(_) if timeout == "0n" && waits && status == Some(DEADLINE_EXCEEDED) => {
            assert_eq!((code, message), (200, None));
        }
        Ok((expected, serving)) => {
            assert_eq!((code, status), (200, Some(expected)), "{path} {body:?}");
            assert_eq!(message.is_some(), expected == OK);
            if let Some(message) = message {
                answer(path, sees_all, &message, serving);
            }
        }
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Decodes the one message of an answer.
fn answer(path: &str, sees_all: bool, frame: &[u8], serving: Option<i32>) {
    assert_eq!(frame[0], 0);
    let length = u32::from_be_bytes(frame[1..5].try_into().expect("four bytes"));
    let message = &frame[5..];
    assert_eq!(message.len(), length as usize);
    if path != "List" {
        let response = CheckResponse::decode(message).expect("a response");
        assert_eq!(Some(response.status), serving);
        return;
    }
    let list = ListResponse::decode(message).expect("a list");
    for (name, response) in &list.statuses {
        assert_eq!(Some(response.status), status_of(name), "{name}");
    }
    assert_eq!(list.statuses.len(), if sees_all { 6 } else { 4 });
}

/// Returns the serving status of a service of the app.
fn status_of(service: &str) -> Option<i32> {
    match service {
        "liveness" | "startup" | "shop.Stock" => Some(1),
        "" | "readiness" | "shop.Orders" => Some(2),
        _ => None,
    }
}

/// A body in pieces.
struct Pieces {
    pieces: Vec<Bytes>,
    next: usize,
    /// Ends with an error.
    breaks_off: bool,
    /// Ends with trailers.
    has_trailers: bool,
    /// Is not ready before each piece.
    waits: bool,
    /// Says that it ends with its last piece.
    knows_end: bool,
    is_waiting: bool,
}

impl Pieces {
    /// Returns the status of a call with this body, and the serving status in its answer.
    fn outcome(&self, path: &str) -> (u32, Option<i32>) {
        let mut whole = Vec::new();
        for piece in &self.pieces {
            whole.extend_from_slice(piece);
            if whole.len() > LIMIT {
                return (RESOURCE_EXHAUSTED, None);
            }
        }
        if self.breaks_off && !self.is_end_known() {
            return (INTERNAL, None);
        }
        let [flag, a, b, c, d, message @ ..] = &*whole else {
            return (INTERNAL, None);
        };
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        match flag {
            0 if length > LIMIT => return (RESOURCE_EXHAUSTED, None),
            0 if length == message.len() => {}
            1 => return (UNIMPLEMENTED, None),
            _ => return (INTERNAL, None),
        }
        if path == "List" {
            return (OK, None);
        }
        let Ok(request) = CheckRequest::decode(message) else {
            return (INTERNAL, None);
        };
        match (status_of(&request.service), path) {
            (Some(status), _) => (OK, Some(status)),
            // The service may come: a watch says that it is unknown, and goes on.
            (None, "Watch") => (OK, Some(3)),
            (None, _) => (NOT_FOUND, None),
        }
    }

    fn is_end_known(&self) -> bool {
        self.knows_end && !self.has_trailers
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.waits && !self.is_waiting {
            self.is_waiting = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_waiting = false;
        let at = self.next;
        self.next += 1;
        if let Some(piece) = self.pieces.get(at) {
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        let ends = at - self.pieces.len();
        Poll::Ready(match ends {
            0 if self.breaks_off && !self.is_end_known() => {
                Some(Err(io::ErrorKind::ConnectionReset.into()))
            }
            0 if self.has_trailers => Some(Ok(Frame::trailers(HeaderMap::new()))),
            _ => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_end_known() && self.next >= self.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
