//! The details policy: who may see a report.
//!
//! Stands for S2 of the peers' tables (Spring's show-details matrix). Left out of it: roles, which
//! are for the predicate to know, and "components without details", which this crate has not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request};
use tower_health::{Details, Health, HealthLayer, Status};

use super::support::{Answer, Port, TOKEN, failing};
use crate::support::{settle, steady};

async fn health() -> Health {
    let health = steady()
        .readiness(failing("db", "refused"))
        .start()
        .unwrap();
    settle().await;
    health
}

fn shows_details(answer: &Answer) -> bool {
    assert_eq!(answer.code, 503);
    let shown = answer.json().get("checks").is_some();
    assert_ne!(shown, answer.is_public());
    shown
}

#[tokio::test(start_paused = true)]
async fn the_policy_decides_who_sees_details() {
    let health = health().await;
    let admin = || Details::when(|head| head.headers.contains_key("x-admin"));
    // policy, what a stranger sees, what the owner of the token sees, what the admin sees
    let table = [
        ("never", Details::never(), [false, false, false]),
        ("always", Details::always(), [true, true, true]),
        ("bearer", Details::bearer(TOKEN), [false, true, false]),
        ("when", admin(), [false, false, true]),
    ];
    for (name, details, expected) in table {
        let port = Port::with(&health, details);
        let seen = [
            port.get("/readyz").await,
            port.get_with_token("/readyz").await,
            port.send(Request::get("/readyz").header("x-admin", "1"))
                .await,
        ];
        assert_eq!(seen.each_ref().map(shows_details), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_caller_sees_details_by_default() {
    let health = health().await;
    assert!(!shows_details(
        &Port::public(&health).get_with_token("/readyz").await
    ));
    let built = HealthLayer::builder(health).build().unwrap();
    assert!(!shows_details(
        &Port::of(built).get_with_token("/readyz").await
    ));
}

#[tokio::test(start_paused = true)]
async fn the_scheme_of_a_bearer_credential_may_be_written_in_any_case() {
    let port = Port::guarded(&health().await);
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let credential = format!("{scheme} {TOKEN}");
        let request = Request::get("/readyz").header("authorization", credential);
        assert!(shows_details(&port.send(request).await), "{scheme}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_counts_only_in_its_header_field() {
    let port = Port::guarded(&health().await);
    let credential = format!("Bearer {TOKEN}");
    for field in ["proxy-authorization", "x-authorization", "cookie"] {
        let request = Request::get("/readyz").header(field, &credential);
        assert!(!shows_details(&port.send(request).await), "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_layers_over_one_health_show_different_things() {
    let health = health().await;
    let (public, management) = (Port::public(&health), Port::management(&health));
    assert!(!shows_details(&public.get("/readyz").await));
    assert!(shows_details(&management.get("/readyz").await));
}

#[tokio::test(start_paused = true)]
async fn a_predicate_sees_the_whole_head_of_the_request() {
    let from_inside = Details::when(|head| {
        let peer = head.extensions.get::<SocketAddr>();
        peer.is_some_and(|peer| peer.ip().is_loopback())
            && head.method == Method::GET
            && head.uri.path() == "/readyz"
            && head.headers.contains_key("x-inside")
    });
    let port = Port::with(&health().await, from_inside);
    let ask = |peer: &str, inside: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        Request::get("/readyz").extension(peer).header(inside, "1")
    };
    assert!(shows_details(
        &port.send(ask("127.0.0.1:5", "x-inside")).await
    ));
    assert!(!shows_details(
        &port.send(ask("10.0.0.1:5", "x-inside")).await
    ));
    assert!(!shows_details(
        &port.send(ask("127.0.0.1:5", "x-outside")).await
    ));
    assert!(!shows_details(&port.get("/readyz").await));
}

#[tokio::test(start_paused = true)]
async fn a_predicate_does_not_see_requests_of_the_application() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let details = Details::when(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    let port = Port::with(&health().await, details);
    for path in [
        "/",
        "/orders/7",
        "/readyz/db/x",
        "/readyz/",
        "/other/readyz",
    ] {
        port.get(path).await;
        assert_eq!(asked.load(Ordering::Relaxed), 0, "{path}");
    }
    port.get("/readyz").await;
    port.get("/readyz/db").await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_that_panics_says_no() {
    let details = Details::when(|_| panic!("no idea"));
    let port = Port::with(&health().await, details);
    assert!(!shows_details(&port.get("/readyz").await));
}

#[test]
fn a_token_that_no_client_could_send_is_refused() {
    let cases = [
        ("", "bearer token must not be empty"),
        (
            "two words",
            "bearer token must be printable ASCII without spaces",
        ),
        (
            "schlüssel",
            "bearer token must be printable ASCII without spaces",
        ),
        (
            "line\n",
            "bearer token must be printable ASCII without spaces",
        ),
    ];
    for (token, expected) in cases {
        let error = HealthLayer::builder(Health::fixed(Status::Pass))
            .details(Details::bearer(token))
            .build()
            .unwrap_err();
        assert!(error.is_option(), "{token:?}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_token_is_not_printed() {
    let layer = HealthLayer::builder(Health::fixed(Status::Pass)).details(Details::bearer(TOKEN));
    assert!(!format!("{layer:?}").contains(TOKEN));
    assert!(!format!("{:?}", layer.build().unwrap()).contains(TOKEN));
}
