//! What no text may show: paths with tokens, credentials of proxies.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::{Empty, Full};
use hyper::body::Bytes;
use tower::service_fn;
use tower_health::HealthIndicator;
use tower_health::indicators::HttpIndicator;

use super::http_answers::quick;
use super::site::{Site, answering, text};
use super::verdict::failure;
use crate::support::port::ClosedPort;
use crate::support::watched::refused;

const PATH: &str = "/services/T024/B01/hunter2";

#[tokio::test]
async fn a_hidden_path_is_in_no_text() {
    let absent = ClosedPort::bind();
    let down = answering(|_| text(500, "no")).await;
    let silent = Site::silent().await;
    let broken = Site::says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let moved = Site::says(
        b"HTTP/1.1 302 Found\r\nlocation: http://h/services/T024/B01/hunter2\r\n\
          content-length: 0\r\n\r\n",
    )
    .await;
    let urls = [
        format!("http://{}{PATH}?key=hunter2", absent.address()),
        down.url(PATH),
        silent.url(PATH),
        broken.url(PATH),
        moved.url(PATH),
    ];
    for url in urls {
        let indicator = quick(HttpIndicator::new("hook", &url)).hide_path();
        let said = failure(&indicator).await;
        assert!(said.starts_with("GET http://127.0.0.1:"), "{said}");
        assert!(said.contains("/…: "), "{said}");
        let shown = format!("{said} {indicator:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("T024"),
            "{shown}"
        );
    }
    // Shown by default, and nothing to hide at the root.
    assert!(
        failure(&quick(HttpIndicator::new("hook", &down.url("/a"))))
            .await
            .contains("/a: ")
    );
    let root = quick(HttpIndicator::new("hook", &down.url("/"))).hide_path();
    assert!(failure(&root).await.contains("/: answered 500"));
}

#[tokio::test]
async fn a_client_that_names_the_url_in_its_error_reveals_neither_path_nor_query() {
    let telling = service_fn(async |request: Request<Empty<Bytes>>| {
        let text = format!("error sending request for url ({})", request.uri());
        Err::<Response<Full<Bytes>>, _>(text)
    });
    let url = format!("http://hooks.example.com{PATH}?key=hunter2");
    let indicator = HttpIndicator::with_client("hook", &url, telling).hide_path();
    let said = failure(&indicator).await;
    let wanted = "GET http://hooks.example.com/…: \
                  error sending request for url (http://hooks.example.com/…)";
    assert_eq!(said, wanted);
}

#[tokio::test]
async fn the_credentials_of_a_proxy_are_in_no_text() {
    let absent = ClosedPort::bind();
    let silent = Site::silent().await;
    for address in [absent.address(), silent.address()] {
        for url in ["http://api.example.com/", "https://api.example.com/"] {
            let proxy = format!("http://app:hunter2@{address}");
            let indicator = quick(HttpIndicator::new("api", url)).proxy(&proxy);
            let said = failure(&indicator).await;
            assert!(
                said.contains(&format!("the proxy http://{address}")),
                "{said}"
            );
            let shown = format!("{said} {indicator:?}");
            assert!(
                !shown.contains("hunter2") && !shown.contains("app:"),
                "{shown}"
            );
        }
    }
}

/// The proxies that are none: each is at fault, and is named.
#[tokio::test]
async fn a_proxy_that_speaks_something_else_is_named() {
    let cases: [(&'static [u8], &str); 4] = [
        (b"", "it closed the connection"),
        (
            b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
            "it does not answer in HTTP",
        ),
        (
            b"HTTP/1.1 403 Filtered\r\n\r\n",
            "it answered 403 Filtered, so there is no way to api.example.com:443",
        ),
        (&[b'x'; 100_000], "it sends no end of its answer"),
    ];
    for (answer, wanted) in cases {
        let proxy = Site::says(answer).await;
        let url = format!("http://{}", proxy.address());
        let indicator = HttpIndicator::new("api", "https://api.example.com/").proxy(&url);
        let said = failure(&indicator).await;
        let begin = "GET https://api.example.com/: waiting for a tunnel by the proxy ";
        assert!(said.starts_with(begin), "{said}");
        assert!(said.ends_with(&format!("{url}: {wanted}")), "{said}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_a_plain_request_is_named() {
    let proxy = answering(|request| {
        assert_eq!(request.uri(), "http://api.example.com/status?x=y");
        text(407, "")
    })
    .await;
    let url = format!("http://{}", proxy.address());
    let api = HttpIndicator::new("api", "http://api.example.com/status?x=y").proxy(&url);
    let said = failure(&api).await;
    let wanted = format!(
        "GET http://api.example.com/status: answered 407 Proxy Authentication Required, \
         by the proxy {url}, which wants other credentials, instead of 200–299"
    );
    assert_eq!(said, wanted);
}

#[test]
fn a_proxy_that_cannot_work_is_refused() {
    let api = || HttpIndicator::new("api", "http://api.example.com/");
    let cases = [
        ("", "is not a URL"),
        ("proxy:3128", "must begin with http://"),
        ("socks5://app:hunter2@proxy:1080", "must begin with http://"),
        ("https://app:hunter2@proxy:3128", "must begin with http://"),
        ("http://app:hunter2@:3128", "has no host"),
        (
            "http://app:hunter2@proxy:0",
            "has a port on which no server listens",
        ),
        ("http://app:hunter2@proxy/path", "has a path"),
        ("http://app:hunter2@pro xy/", "is not a URL"),
    ];
    for (url, fault) in cases {
        let said = refused(api().proxy(url));
        assert!(
            said.starts_with(&format!("\"api\": proxy {fault}")),
            "{url}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    let client = service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    let foreign = HttpIndicator::with_client("api", "http://api.example.com/", client);
    let said = refused(foreign.proxy("http://proxy:3128"));
    assert!(said.contains("proxy has no effect"), "{said}");
    assert_eq!(api().proxy("http://proxy.internal").config_error(), None);
    assert_eq!(api().proxy("http://[::1]:3128/").config_error(), None);
}
