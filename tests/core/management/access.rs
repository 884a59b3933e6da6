//! Who may see what: hosts, tokens, and the drain.

use http::Request;
use tower::ServiceExt;
use tower_health::management::Management;
use tower_health::{Health, Probe, Status};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::support::{Port, TOKEN};
use crate::support::{Dial, steady};

const ATTACKER: &str = "host: attacker.example";
const RESOURCES: &[&str] = if cfg!(feature = "metrics") {
    &[
        "/",
        "/events",
        "/info",
        "/history",
        "/readyz/fixed",
        "/metrics",
        "/metrics/slis",
    ]
} else {
    &["/", "/events", "/info", "/history", "/readyz/fixed"]
};

#[test]
fn a_page_that_rebinds_its_name_gets_no_details() {
    let port = Port::fixed(Status::Fail);
    for &path in RESOURCES {
        let reply = port.send("GET", path, &[ATTACKER]);
        assert_eq!(reply.code, 421, "{path}");
        assert!(
            !reply.body.contains("fixed") && !reply.body.contains("attacker"),
            "{path}"
        );
        assert_eq!(
            port.send("GET", path, &[]).code,
            421,
            "{path} without a host"
        );
        let both = ["host: localhost", ATTACKER];
        assert_eq!(
            port.send("GET", path, &both).code,
            421,
            "{path} under two hosts"
        );
        let absolute = format!("http://attacker.example{path}");
        assert_eq!(
            port.send("GET", &absolute, &["host: localhost"]).code,
            421,
            "{path}"
        );
    }
    // A probe has its status under every host, for probers name what they please.
    for fields in [&[ATTACKER][..], &[], &["host: 10.1.2.3:9000"]] {
        let probe = port.send("GET", "/readyz?verbose", fields);
        let expected = (503, r#"{"status":"fail"}"#);
        assert_eq!((probe.code, probe.body.as_str()), expected, "{fields:?}");
        assert_eq!(port.send("GET", "/livez", fields).code, 200, "{fields:?}");
    }
    assert!(port.get("/readyz?verbose").body.contains("fixed"));
}

#[test]
fn a_name_that_was_allowed_sees_details() {
    let health = Health::fixed(Status::Pass);
    let port = Port::with(Management::new(&health).allow_host("ops.example"));
    assert_eq!(
        port.send("GET", "/info", &["host: ops.example:9000"]).code,
        200
    );
    assert_eq!(port.send("GET", "/info", &["host: OPS.example."]).code, 200);
    assert_eq!(port.send("GET", "/info", &[ATTACKER]).code, 421);
    let port = Port::with(Management::new(&health).allow_any_host());
    assert_eq!(port.send("GET", "/info", &[ATTACKER]).code, 200);
}

#[test]
fn only_the_right_token_sees_details_and_none_changes_a_status() {
    let health = Health::fixed(Status::Fail);
    let port = Port::with(Management::new(&health).bearer(TOKEN));
    let send = |path: &str, authorization: &str| {
        port.send("GET", path, &["host: localhost", authorization])
    };
    let wrong = [
        "x-none: 1",
        "authorization: Bearer",
        "authorization: Bearer wrong",
        "authorization: Bearer s3cre",
        "authorization: Bearer s3cret2",
        "authorization: Basic s3cret",
        "authorization: s3cret",
        "authorization: Bearer s3cret\r\nauthorization: Bearer s3cret",
    ];
    for authorization in wrong {
        for &path in RESOURCES {
            let reply = send(path, authorization);
            assert_eq!(reply.code, 401, "{path} {authorization}");
            let challenge = reply.field("www-authenticate");
            assert_eq!(challenge, Some("bearer realm=\"management\""));
            assert!(!reply.body.contains("fixed"), "{path}");
        }
        let probe = send("/readyz?exclude=fixed", authorization);
        let expected = (503, r#"{"status":"fail"}"#);
        assert_eq!(
            (probe.code, probe.body.as_str()),
            expected,
            "{authorization}"
        );
    }
    let right = "authorization: Bearer s3cret";
    assert_eq!(send("/info", right).code, 200);
    assert_eq!(send("/readyz/fixed", right).code, 503);
    let probe = send("/readyz?exclude=fixed&verbose", right);
    assert_eq!(probe.code, 503, "a credential never changes a code");
    assert!(probe.body.contains("fixed excluded"), "{}", probe.body);
    // The host comes first: a token that a page knows does not help it.
    assert_eq!(port.send("GET", "/info", &[ATTACKER, right]).code, 421);
}

#[tokio::test]
async fn without_a_token_an_excluded_check_changes_the_status_as_in_kube_apiserver() {
    let dial = Dial::at(Status::Fail);
    let health = steady().readiness(dial.check("db")).start().unwrap();
    let port = Port::of(&health);
    assert_eq!(port.get("/readyz").code, 503);
    assert_eq!(port.get("/readyz?exclude=db").code, 200);
}

#[test]
fn a_drain_begins_by_post_with_the_token_and_not_otherwise() {
    let health = Health::fixed(Status::Pass);
    let port = Port::with(Management::new(&health).bearer(TOKEN).allow_drain());
    let right = "authorization: Bearer s3cret";
    let refused = [
        ("POST", vec!["host: localhost"], 401),
        (
            "POST",
            vec!["host: localhost", "authorization: Bearer wrong"],
            401,
        ),
        ("POST", vec![ATTACKER, right], 421),
        ("GET", vec!["host: localhost", right], 405),
        ("HEAD", vec!["host: localhost", right], 405),
        ("OPTIONS", vec!["host: localhost", right], 405),
        ("PUT", vec!["host: localhost", right], 405),
    ];
    for (method, fields, code) in refused {
        assert_eq!(
            port.send(method, "/drain", &fields).code,
            code,
            "{method} {fields:?}"
        );
        assert!(!health.is_draining(), "{method} {fields:?}");
    }
    let fields = ["host: localhost", right, "content-length: 0"];
    for _ in 0..2 {
        let reply = port.send("POST", "/drain", &fields);
        assert_eq!((reply.code, reply.body.as_str()), (200, "draining\n"));
        assert_eq!(health.status(Probe::Readiness), Status::Fail);
    }
    assert_eq!(port.get("/livez").code, 200);
    assert_eq!(port.get("/readyz").code, 503);
}

struct PanicsOnEvent;

impl<S: Subscriber> Layer<S> for PanicsOnEvent {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        panic!("a dead log pipe");
    }
}

#[tokio::test]
async fn a_drain_begins_although_the_log_panics() {
    let health = Health::fixed(Status::Pass);
    let management = Management::new(&health).bearer(TOKEN).allow_drain();
    let service = management.service().unwrap();
    let request = Request::post("/drain")
        .header("host", "localhost")
        .header("authorization", "Bearer s3cret")
        .body(())
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(PanicsOnEvent);
    let _guard = tracing::subscriber::set_default(subscriber);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(health.is_draining());
}

#[test]
fn no_answer_may_be_stored_framed_guessed_or_shared() {
    let port = Port::fixed(Status::Pass);
    for path in [
        "/livez",
        "/readyz?verbose",
        "/readyz/fixed",
        "/info",
        "/history",
        "/nothing",
    ] {
        let reply = port.get(path);
        let fields = [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "deny"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ];
        for (name, value) in fields {
            assert_eq!(reply.field(name), Some(value), "{path}: {name}");
        }
        assert_eq!(reply.field("access-control-allow-origin"), None, "{path}");
        assert_eq!(reply.field("server"), None, "{path}");
    }
}
