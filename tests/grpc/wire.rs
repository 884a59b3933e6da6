//! The bytes themselves, in and out: what clients in every language send and understand.

use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use tower_health::{Details, Health, HealthLayer, ServingStatus, Status};

use crate::calls::{CHECK, LIST, WATCH, around, asking, frame, request, respond, send};
use crate::reply::Reply;

const LIVENESS: &[u8] = &[
    0, 0, 0, 0, 0x0a, 0x0a, 0x08, 0x6c, 0x69, 0x76, 0x65, 0x6e, 0x65, 0x73, 0x73,
];

/// As python's protobuf encodes them.
#[test]
fn the_requests_of_these_tests_are_those_of_real_clients() {
    assert_eq!(asking(""), [0, 0, 0, 0, 0]);
    let foo = [0, 0, 0, 0, 5, 0x0a, 0x03, 0x66, 0x6f, 0x6f];
    assert_eq!(asking("foo"), foo);
    assert_eq!(asking("liveness"), LIVENESS);
}

#[tokio::test]
async fn each_status_has_its_bytes() {
    let health = Health::fixed(Status::Pass);
    let set = |status| health.set_serving_status("foo", status).unwrap();
    let cases: [(&str, ServingStatus, &[u8]); 3] = [
        ("UNKNOWN", ServingStatus::Unknown, &[0, 0, 0, 0, 0]),
        ("SERVING", ServingStatus::Serving, &[0, 0, 0, 0, 2, 8, 1]),
        (
            "NOT_SERVING",
            ServingStatus::NotServing,
            &[0, 0, 0, 0, 2, 8, 2],
        ),
    ];
    for (name, status, expected) in cases {
        set(status);
        let reply = send(&health, request(CHECK, asking("foo"))).await;
        assert_eq!(reply.status().as_deref(), Ok(expected), "{name}");
    }
}

#[tokio::test]
async fn a_name_is_read_from_the_bytes_of_the_request() {
    let health = Health::fixed(Status::Fail);
    let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let not_serving: &[u8] = &[0, 0, 0, 0, 2, 8, 2];
    let cases: [(&str, &[u8], &[u8]); 3] = [
        ("the empty one, left out", &[0, 0, 0, 0, 0], not_serving),
        (
            "the empty one, said",
            &[0, 0, 0, 0, 2, 0x0a, 0],
            not_serving,
        ),
        ("liveness", LIVENESS, serving),
    ];
    for (name, asked, expected) in cases {
        let reply = send(&health, request(CHECK, asked.to_vec())).await;
        assert_eq!(reply.status().as_deref(), Ok(expected), "{name}");
    }
}

#[tokio::test]
async fn a_check_is_one_uncompressed_message_and_then_the_trailers() {
    let reply = send(&Health::fixed(Status::Pass), request(CHECK, asking(""))).await;
    assert_eq!(reply.code, 200);
    let names: Vec<_> = reply.headers.keys().collect();
    assert_eq!(names, ["content-type"], "neither a length nor an encoding");
    assert_eq!(reply.headers["content-type"], "application/grpc");
    assert_eq!(reply.data, [&[0, 0, 0, 0, 2, 8, 1][..]]);
    let trailers = reply.trailers.unwrap();
    assert_eq!(trailers.len(), 1);
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn a_watch_of_an_unknown_name_says_so_in_its_bytes() {
    use http_body_util::BodyExt;

    let health = Health::fixed(Status::Pass);
    let mut response = respond(&health, request(WATCH, asking("foo"))).await;
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(&first.into_data().unwrap()[..], [0, 0, 0, 0, 2, 8, 3]);
}

/// The empty key is left out, as prost writes it; to a reader that is the same.
#[tokio::test]
async fn a_list_is_a_map_of_names_to_statuses() {
    let entry = |name: &str, status: u8| {
        let mut entry = Vec::new();
        if !name.is_empty() {
            entry.extend([0x0a, u8::try_from(name.len()).unwrap()]);
            entry.extend(name.as_bytes());
        }
        entry.extend([0x12, 2, 8, status]);
        let mut field = vec![0x0a, u8::try_from(entry.len()).unwrap()];
        field.extend(entry);
        field
    };
    assert_eq!(entry("", 1), [0x0a, 0x04, 0x12, 0x02, 0x08, 0x01]);

    let message = [
        entry("", 2),
        entry("liveness", 1),
        entry("readiness", 2),
        entry("startup", 1),
    ];
    let reply = send(&Health::fixed(Status::Fail), request(LIST, frame(&[]))).await;
    assert_eq!(reply.status(), Ok(frame(&message.concat())));
}

#[tokio::test]
async fn a_status_of_nothing_is_left_out_of_a_list() {
    let health = Health::fixed(Status::Pass);
    health
        .set_serving_status("z", ServingStatus::Unknown)
        .unwrap();
    let layer = HealthLayer::builder(health).grpc_list(Details::always());
    let site = around::<Full<_>>(&layer.build().unwrap());
    let request: Request<_> = request(LIST, frame(&[]));
    let reply = Reply::of(site.oneshot(request).await.unwrap()).await;
    let message = reply.status().unwrap();
    // Only the name: its status is the default of its type, and that of the map.
    assert!(message.ends_with(&[0x0a, 3, 0x0a, 1, b'z']), "{message:?}");
}

#[tokio::test]
async fn a_call_that_fails_is_header_fields_and_nothing_else() {
    let health = Health::fixed(Status::Pass);
    let response = respond(&health, request(CHECK, asking("foo"))).await;
    let body: &dyn hyper::body::Body<Data = _, Error = _> = response.body();
    assert!(body.is_end_stream(), "the fields end the stream");

    let reply = Reply::of(response).await;
    assert_eq!(reply.code, 200);
    assert_eq!(reply.headers["content-type"], "application/grpc");
    assert_eq!(reply.headers["grpc-status"], "5");
    assert_eq!(reply.headers["grpc-message"], "unknown service");
    assert!(!reply.headers.contains_key("content-length"));
    assert!(reply.data.is_empty() && reply.trailers.is_none());
}
