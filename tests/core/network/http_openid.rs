//! OpenID Connect providers: two documents, perhaps of two hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use tower_health::indicators::HttpIndicator;
use tower_health::{HealthIndicator, Status};

use super::authority::Authority;
use super::http_presets::{assert_said, verdict};
use super::site::{Site, answering, http, text};
use super::verdict::{failure, passes};
use crate::support::{PATIENCE, child, eventually};

const KEYS: &str = r#"{"keys":[{"kty":"RSA"}]}"#;

/// A provider whose keys are at this URL.
async fn issuer_of(keys_url: String) -> Site {
    answering(move |request| configuration(&request, &keys_url)).await
}

fn configuration(request: &Request<Incoming>, keys_url: &str) -> Response<Full<Bytes>> {
    let host = request.headers()["host"].to_str().unwrap();
    let body = format!(r#"{{"issuer":"http://{host}","jwks_uri":"{keys_url}"}}"#);
    Response::new(Full::from(body))
}

fn login(issuer: &Site) -> HttpIndicator {
    HttpIndicator::new("login", &issuer.url(""))
        .timeout(PATIENCE)
        .openid_provider()
}

/// A provider whose documents name itself. The keys are at `/keys`.
fn provider(
    request: &Request<Incoming>,
    issuer: &str,
    keys: &'static str,
) -> Response<Full<Bytes>> {
    let host = request.headers()["host"].to_str().unwrap();
    match request.uri().path() {
        "/shop/.well-known/openid-configuration" => {
            assert_eq!(request.headers()["authorization"], "Bearer t");
            let issuer = issuer.replace("HOST", host);
            let body = format!(r#"{{"issuer":"{issuer}","jwks_uri":"http://{host}/keys"}}"#);
            Response::new(Full::from(body))
        }
        "/keys" => {
            assert_eq!(request.headers().get("authorization"), None);
            text(if keys.is_empty() { 500 } else { 200 }, keys)
        }
        _ => text(404, "another path"),
    }
}

#[tokio::test]
async fn an_openid_provider_is_judged_by_its_issuer_and_its_keys() {
    let cases = [
        (
            "http://HOST/shop",
            r#"{"keys":[{"kty":"RSA"}]}"#,
            Status::Pass,
            "",
        ),
        (
            "http://HOST/other",
            r#"{"keys":[{"kty":"RSA"}]}"#,
            Status::Fail,
            "but its body is not as expected: it is of another issuer than the URL",
        ),
        (
            "http://HOST/shop",
            r#"{"keys":[]}"#,
            Status::Fail,
            "there is no key in the set",
        ),
        (
            "http://HOST/shop",
            "{}",
            Status::Fail,
            "it is no set of keys",
        ),
        (
            "http://HOST/shop",
            "",
            Status::Fail,
            "/keys: answered 500 Internal Server Error instead of 200–299",
        ),
    ];
    for (issuer, keys, wanted, end) in cases {
        let site = answering(move |request| provider(&request, issuer, keys)).await;
        let indicator = HttpIndicator::new("login", &site.url("/shop"));
        let indicator = indicator
            .header("authorization", "Bearer t")
            .openid_provider();
        assert_said(verdict(indicator).await, wanted, end);
    }
}

#[tokio::test]
async fn a_hidden_path_hides_that_of_the_keys_too() {
    let keys = answering(|_| text(500, "no")).await;
    let hole = Site::silent().await;
    for keys in [keys, hole] {
        let issuer = issuer_of(keys.url("/t/hunter2/keys?key=hunter2")).await;
        let after = login(&issuer).hide_path();
        let before = HttpIndicator::new("login", &issuer.url("")).hide_path();
        for login in [after, before.openid_provider()] {
            let said = failure(&login.timeout(Duration::from_secs(2))).await;
            let wanted = format!("GET http://{}/…: ", keys.address());
            assert!(said.starts_with(&wanted), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

/// An issuer within the cluster whose keys are those of its public address.
#[cfg(unix)]
#[tokio::test]
async fn an_issuer_without_tls_may_have_keys_behind_tls() {
    const NAME: &str = "an_issuer_without_tls_may_have_keys_behind_tls";
    if let Some(url) = std::env::var_os("ISSUER") {
        let login = HttpIndicator::new("login", url.to_str().unwrap());
        return passes(&login.openid_provider()).await;
    }
    let authority = Authority::new();
    let acceptor = authority.for_days(90).acceptor(&[]);
    let keys = Site::start(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(connection) = acceptor.accept(connection).await {
                http(connection, async |_| text(200, KEYS)).await;
            }
        }
    })
    .await;
    let issuer = issuer_of(keys.https("/keys")).await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    std::fs::write(&store, authority.pem()).unwrap();
    let mut child = child::command(module_path!(), NAME);
    child.env("SSL_CERT_FILE", store).env_remove("SSL_CERT_DIR");
    child.env("ISSUER", issuer.url(""));
    let output = tokio::task::spawn_blocking(move || child.output().unwrap());
    let output = output.await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The connection to the host of the keys is new in each run, so the age of the other one counts.
#[tokio::test]
async fn the_connection_to_each_host_has_an_age_of_its_own() {
    let keys = answering(|_| closing(text(200, KEYS))).await;
    let issuer = issuer_of(keys.url("/keys")).await;
    let login = login(&issuer).reconnect_after(Duration::from_secs(1));
    passes(&login).await;
    assert_eq!(issuer.accepted(), 1);
    eventually("it connects to the issuer again", async || {
        passes(&login).await;
        issuer.accepted() > 1
    })
    .await;
}

/// The host of the keys sends a second request over the same connection to a sick backend.
#[tokio::test]
async fn a_kept_connection_to_the_keys_is_doubted_although_that_to_the_issuer_is_new() {
    let keys = Site::start(|connection| {
        let served = Arc::<AtomicUsize>::default();
        http(connection, move |_| {
            let is_first = served.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    text(200, KEYS)
                } else {
                    text(500, "no")
                }
            }
        })
    })
    .await;
    let url = keys.url("/keys");
    let issuer = answering(move |request| closing(configuration(&request, &url))).await;
    let login = login(&issuer);
    passes(&login).await;
    let (status, said) = verdict(login).await;
    assert_eq!(status, Status::Warn, "{said}");
    assert!(said.contains("/keys: answered 500"), "{said}");
    assert!(said.ends_with("; a new one passes"), "{said}");
}

#[tokio::test]
async fn a_larger_limit_of_the_body_stays() {
    let long = format!(r#"{{"keys":[1]{}}}"#, " ".repeat(2 << 20));
    let long: &'static str = long.leak();
    let keys = answering(move |_| text(200, long)).await;
    let issuer = issuer_of(keys.url("/keys")).await;
    let said = failure(&login(&issuer)).await;
    assert!(said.contains("longer than the limit of 1048576"), "{said}");
    let limited = HttpIndicator::new("login", &issuer.url("")).body_limit(4 << 20);
    passes(&limited.openid_provider()).await;
}

#[tokio::test]
async fn a_run_sends_two_requests() {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let keys = answering(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        text(200, KEYS)
    })
    .await;
    let issuer = issuer_of(keys.url("/keys")).await;
    let login = login(&issuer);
    for run in 1..=5 {
        let _ = login.check().await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), run);
    }
    assert_eq!((issuer.accepted(), keys.accepted()), (1, 1));
}

fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let close = http::HeaderValue::from_static("close");
    response.headers_mut().insert("connection", close);
    response
}
