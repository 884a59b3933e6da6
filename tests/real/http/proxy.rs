//! Requests by way of a real proxy, and who is at fault when they fail.

use std::time::Duration;

use tower_health::indicators::HttpIndicator;

use crate::servers::tinyproxy::Tinyproxy;
use crate::support::authority::Authority;
use crate::support::port::ClosedPort;
use crate::support::site::{Site, answering, http, text};
use crate::support::verdict::{failure, passes};
use crate::support::{PATIENCE, eventually};

/// An https server, and an indicator that trusts it.
async fn secure() -> (Site, impl Fn() -> HttpIndicator) {
    let authority = Authority::new();
    let acceptor = authority.for_days(9).acceptor(&[b"h2"]);
    let site = Site::start(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(connection) = acceptor.accept(connection).await {
                http(connection, |request| {
                    let is_told = request.headers().contains_key("proxy-authorization");
                    async move { text(if is_told { 500 } else { 200 }, "ok") }
                })
                .await;
            }
        }
    })
    .await;
    let url = site.https("/");
    let made = move || HttpIndicator::with_tls("api", &url, authority.client());
    (site, made)
}

#[tokio::test]
#[ignore = "needs tinyproxy: .ci/test installs it"]
async fn http_and_https_pass_by_way_of_a_proxy_that_wants_credentials() {
    let proxy = Tinyproxy::start("BasicAuth app p_w").await;
    let plain = answering(|_| text(200, "ok")).await;
    let (secure, indicator) = secure().await;
    let right = proxy.url_of("app:p%5Fw@");
    // However busy the machine is, no connection is doubted.
    let by_http = HttpIndicator::new("api", &plain.url("/status")).timeout(PATIENCE);
    let by_http = by_http.proxy(&right);
    let by_https = indicator().timeout(PATIENCE).proxy(&right);
    for _ in 0..10 {
        passes(&by_http).await;
        passes(&by_https).await;
    }
    assert_eq!(secure.accepted(), 1);
    eventually("both forms are in the log", async || {
        let log = proxy.log();
        let port = secure.address().port();
        log.contains(&format!("CONNECT localhost:{port}"))
            && log.contains(&format!("GET {}", plain.url("/status")))
    })
    .await;
}

#[tokio::test]
#[ignore = "needs tinyproxy: .ci/test installs it"]
async fn a_proxy_that_wants_other_credentials_is_named() {
    let proxy = Tinyproxy::start("BasicAuth app s3cr3t").await;
    let plain = answering(|_| text(200, "ok")).await;
    let (_secure, indicator) = secure().await;
    let cases = [
        (
            "",
            "407 Proxy Authentication Required",
            ", which wants other credentials,",
        ),
        // Tinyproxy's own choice.
        (
            "app:hunter2@",
            "401 Unauthorized",
            " or the server behind it,",
        ),
    ];
    for (user, status, culprit) in cases {
        let url = proxy.url_of(user);
        let shown = proxy.url();
        let said = failure(&HttpIndicator::new("api", &plain.url("/")).proxy(&url)).await;
        let wanted = format!("answered {status}, by the proxy {shown}{culprit} instead of 200–299");
        assert!(said.ends_with(&wanted), "{said}");
        let said = failure(&indicator().proxy(&url)).await;
        let wanted = format!(
            "waiting for a tunnel by the proxy {shown}: it answered {status}, so it wants other \
             credentials"
        );
        assert!(said.ends_with(&wanted), "{said}");
    }
    assert_eq!(plain.accepted(), 0);
}

#[tokio::test]
#[ignore = "needs tinyproxy: .ci/test installs it"]
async fn a_proxy_that_is_gone_or_hangs_is_named() {
    let mut proxy = Tinyproxy::start("").await;
    let (_secure, indicator) = secure().await;
    let plain = answering(|_| text(200, "ok")).await;
    let limit = Duration::from_millis(500);
    let by_https = indicator().proxy(&proxy.url()).timeout(limit);
    let by_http = HttpIndicator::new("api", &plain.url("/"))
        .proxy(&proxy.url())
        .timeout(limit);
    let url = proxy.url();
    proxy.freeze();
    let said = failure(&by_https).await;
    let wanted = format!("waiting for a tunnel by the proxy {url}: no answer within 0.");
    assert!(said.contains(&wanted), "{said}");
    let said = failure(&by_http).await;
    let wanted = format!("waiting for the answer by way of the proxy {url}: no answer within 0.");
    assert!(said.contains(&wanted), "{said}");
    proxy.kill();
    for indicator in [by_https, by_http] {
        let said = failure(&indicator).await;
        let wanted = format!("connecting to the proxy {url}: Connection refused (os error 111)");
        assert!(said.ends_with(&wanted), "{said}");
    }
}

#[tokio::test]
#[ignore = "needs tinyproxy: .ci/test installs it"]
async fn a_target_that_is_gone_behind_a_proxy_is_named_with_it() {
    let proxy = Tinyproxy::start("").await;
    let absent = ClosedPort::bind();
    let address = absent.address();
    let by = |scheme: &str| {
        let url = format!("{scheme}://{address}/");
        HttpIndicator::new("api", &url).proxy(&proxy.url())
    };
    let said = failure(&by("https")).await;
    let wanted = format!("it answered 500 Unable to connect, so there is no way to {address}");
    assert!(said.ends_with(&wanted), "{said}");
    let said = failure(&by("http")).await;
    let wanted = format!(
        "answered 500 Internal Server Error, by the proxy {} or the server behind it, instead of \
         200–299",
        proxy.url()
    );
    assert!(said.ends_with(&wanted), "{said}");
}
