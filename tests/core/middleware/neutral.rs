//! `HealthLayer::answer` beside the middleware: for every request both say the same.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{Answer, Details, Health, HealthLayer, Probe, Status, indicator_fn};

use super::support::{Body, PROBES};
use crate::support::layer;

const TOKEN: (&str, &str) = ("Authorization", "Bearer s3cret");
const NO_HEADERS: [(&str, &str); 0] = [];

/// Status, header fields and content: what a client gets to see.
type Seen = (u16, HeaderMap, Bytes);

/// What the middleware answers; `None` if the request reaches the inner service.
fn by_middleware(
    layer: &HealthLayer,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Option<Seen> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let app = service_fn(async |_: Request<Body>| {
        let mut response = Response::new(Body::default());
        response.extensions_mut().insert("the application");
        Ok::<_, Infallible>(response)
    });
    let call = layer
        .layer(app)
        .oneshot(request.body(Body::default()).unwrap());
    let response = call.now_or_never().unwrap().unwrap();
    if response.extensions().get::<&str>().is_some() {
        return None;
    }
    let (head, body) = response.into_parts();
    let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    Some((head.status.as_u16(), head.headers, body))
}

fn by_answer(
    layer: &HealthLayer,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Option<Seen> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    layer
        .answer(method, path, query, headers.iter().copied())
        .map(|answer| seen(&answer))
}

fn seen(answer: &Answer) -> Seen {
    let headers = answer
        .headers()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let body = Bytes::copy_from_slice(answer.body());
    (answer.status(), headers, body)
}

/// Readiness fails because of the check `db`; liveness and startup pass or fail on their own.
async fn health() -> Health {
    let health = Health::builder()
        .readiness(indicator_fn("db", async || Err::<(), _>("refused")))
        .start()
        .unwrap();
    // The first result is there once the clock has moved.
    tokio::time::sleep(Duration::from_millis(500)).await;
    health
}

fn layers(health: &Health) -> [(&'static str, HealthLayer); 3] {
    let with = |details| {
        let layer = HealthLayer::builder(health.clone()).details(details);
        layer.alias("/health", Probe::Readiness).build().unwrap()
    };
    [
        ("public", HealthLayer::new(health.clone())),
        ("bearer", with(Details::bearer("s3cret"))),
        ("always", with(Details::always())),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_request_gets_the_answer_of_the_middleware() {
    let health = health().await;
    let mut answered = 0;
    for (policy, layer) in layers(&health) {
        for path in PROBES.into_iter().chain([
            "/health",
            "/readyz/db",
            "/readyz/nothing",
            "/readyz/%64b",
            "/readyz/%ff",
            "/readyz/",
            "/",
            "/livez/",
            "//livez",
            "/livez/a/b",
            "/LIVEZ",
        ]) {
            for query in [
                "",
                "?",
                "?verbose",
                "?exclude=db",
                "?exclude=%zz&verbose=no",
            ] {
                for method in ["GET", "HEAD", "OPTIONS", "POST", "get", "PROPFIND"] {
                    for headers in [&[][..], &[TOKEN], &[TOKEN, TOKEN]] {
                        let target = format!("{path}{query}");
                        let answer = by_answer(&layer, method, &target, headers);
                        let expected = by_middleware(&layer, method, &target, headers);
                        assert_eq!(answer, expected, "{policy} {method} {target} {headers:?}");
                        answered += usize::from(answer.is_some());
                    }
                }
            }
        }
    }
    assert!(answered > 1_000, "{answered}");
}

#[test]
fn a_probe_is_answered_to_get_head_and_options_and_to_no_other_method() {
    let layer = layer();
    for path in PROBES {
        let answer = |method| layer.answer(method, path, None, NO_HEADERS).unwrap();
        let field = |answer: &Answer, name| {
            let mut fields = answer.headers();
            fields.find(|field| field.0 == name).map(|f| f.1.to_owned())
        };

        let get = answer("GET");
        assert_eq!(
            (get.status(), get.body()),
            (200, &br#"{"status":"pass"}"#[..])
        );
        assert_eq!(field(&get, "content-length").as_deref(), Some("17"));
        let content_type = field(&get, "content-type");
        assert_eq!(content_type.as_deref(), Some("application/health+json"));

        let head = answer("HEAD");
        assert_eq!((head.status(), head.body()), (200, &b""[..]));
        assert!(get.headers().eq(head.headers()));

        let options = answer("OPTIONS");
        assert_eq!((options.status(), options.body()), (200, &b""[..]));

        let post = answer("POST");
        assert_eq!((post.status(), post.body()), (405, &b""[..]));
        assert_eq!(field(&post, "allow").as_deref(), Some("GET, HEAD, OPTIONS"));
    }
}

#[test]
fn another_path_is_not_answered() {
    let layer = layer();
    for path in [
        "/",
        "",
        "livez",
        "/livez/",
        "/livez?",
        "/readyz/db",
        "*",
        "http://a/livez",
    ] {
        assert!(
            layer.answer("GET", path, None, NO_HEADERS).is_none(),
            "{path:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_bearer_sees_details_and_others_do_not() {
    let health = health().await;
    let [_, (_, layer), _] = layers(&health);
    let text = |answer: Option<Answer>| String::from_utf8(answer.unwrap().body().to_vec()).unwrap();

    let anonymous = text(layer.answer("GET", "/readyz", Some("verbose"), NO_HEADERS));
    assert_eq!(anonymous, r#"{"status":"fail"}"#);
    assert!(
        layer
            .answer("GET", "/readyz/db", None, NO_HEADERS)
            .is_none()
    );

    for path in ["/readyz", "/readyz/db"] {
        let report = text(layer.answer("GET", path, None, [TOKEN]));
        assert!(report.contains("refused"), "{report}");
    }
    let verbose = text(layer.answer("GET", "/readyz", Some("verbose"), [TOKEN]));
    assert!(verbose.starts_with("[-]db failed"), "{verbose}");
    let unknown = layer.answer("GET", "/readyz/nothing", None, [TOKEN]);
    assert!(unknown.is_none());
}

#[tokio::test(start_paused = true)]
async fn while_draining_readiness_fails_and_the_connection_is_left_to_the_server() {
    let health = Health::builder().start().unwrap();
    let layer = HealthLayer::new(health.clone());
    let status = |path| {
        layer
            .answer("GET", path, None, NO_HEADERS)
            .unwrap()
            .status()
    };
    assert_eq!([status("/livez"), status("/readyz")], [200, 200]);

    health.drain();
    assert_eq!([status("/livez"), status("/readyz")], [200, 503]);
    let answer = layer.answer("GET", "/readyz", None, NO_HEADERS).unwrap();
    assert!(answer.headers().all(|(name, _)| name != "connection"));
}

#[test]
fn headers_are_not_read_unless_details_may_be_shown() {
    let headers = std::iter::from_fn(|| -> Option<(&str, &str)> { panic!("were read") });
    assert!(layer().answer("GET", "/livez", None, headers).is_some());
}

#[test]
fn a_panicking_predicate_denies_details_and_no_more() {
    let layer = HealthLayer::builder(Health::fixed(Status::Warn))
        .details(Details::when(|_| panic!("predicate")))
        .build()
        .unwrap();
    let answer = layer.answer("GET", "/readyz", None, NO_HEADERS).unwrap();
    assert_eq!(answer.body(), br#"{"status":"warn"}"#);
    assert!(
        layer
            .answer("GET", "/readyz/db", None, NO_HEADERS)
            .is_none()
    );
}

#[test]
fn what_no_client_could_send_counts_as_not_sent() {
    let [_, (_, layer), _] = layers(&Health::fixed(Status::Pass));
    let huge = "x".repeat(100_000);
    for method in ["", "GE T", "GÉT", "\r\n", "\0", huge.as_str()] {
        let answer = layer.answer(method, "/livez", None, [TOKEN]).unwrap();
        assert_eq!(answer.status(), 405, "{method:?}");
    }
    for query in [" ", "\r\nx: y", "\0", "größe", "#", "?", huge.as_str()] {
        let answer = layer.answer("GET", "/livez", Some(query), [TOKEN]).unwrap();
        assert_eq!(answer.status(), 200, "{query:?}");
    }
    for path in [
        "/readyz/ ",
        "/readyz/\0",
        "/readyz/ä",
        "/readyz/%ff",
        &format!("/readyz/{huge}"),
    ] {
        let answer = layer.answer("GET", path, None, [TOKEN]);
        assert!(answer.is_none(), "{path:?}");
    }
    let bad: [(&str, &[u8]); 4] = [
        ("", b""),
        ("two words", b"x"),
        ("x", b"\r\nauthorization: Bearer s3cret"),
        ("ä", b"\xff"),
    ];
    let with_token = bad
        .into_iter()
        .chain([("authorization", &b"Bearer s3cret"[..])]);
    let answer = layer.answer("GET", "/readyz", None, with_token).unwrap();
    assert_ne!(answer.body(), br#"{"status":"pass"}"#, "no details");
    let answer = layer.answer("GET", "/readyz", None, bad).unwrap();
    assert_eq!(answer.body(), br#"{"status":"pass"}"#, "details");
}

#[test]
fn more_headers_than_any_request_has_do_not_panic() {
    let [_, (_, layer), _] = layers(&Health::fixed(Status::Pass));
    let many = (0..100_000).map(|n| (format!("x-{n}"), "y"));
    assert!(layer.answer("GET", "/readyz", None, many).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics(
        method in ".*",
        path in prop_oneof![Just("/readyz".to_owned()), "/readyz/.*", ".*"],
        query in proptest::option::of(".*"),
        headers in proptest::collection::vec((".*", any::<Vec<u8>>()), 0..8),
    ) {
        for (_, layer) in layers(&Health::fixed(Status::Pass)) {
            let headers = headers.iter().map(|(name, value)| (name, value));
            if let Some(answer) = layer.answer(&method, &path, query.as_deref(), headers) {
                prop_assert!([200, 405].contains(&answer.status()));
                prop_assert!(answer.headers().count() >= 3);
            }
        }
    }
}
