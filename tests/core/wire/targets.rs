//! Which request targets ask a probe, and which belong to the service.

use tower_health::Status;

use super::support::{ask, serve};
use crate::support::prober::FAIL;

#[tokio::test]
async fn only_exactly_a_probe_path_is_a_probe() {
    let long = format!("/readyz?{}", "x".repeat(8_000));
    // The page says which path it saw. Readiness fails, so a 200 is never a probe's.
    let cases: [(&str, &str, Option<&str>); 17] = [
        ("origin form", "/readyz", None),
        ("a query", "/readyz?x=1", None),
        (
            "a query of ours changes nothing",
            "/readyz?verbose&exclude=fixed",
            None,
        ),
        ("an empty query", "/readyz?", None),
        ("8 kB", &long, None),
        ("absolute form", "http://other.example/readyz", None),
        (
            "absolute form with a query",
            "https://other.example:8443/readyz?x",
            None,
        ),
        ("two slashes", "//readyz", Some("page GET //readyz")),
        ("a slash behind", "/readyz/", Some("page GET /readyz/")),
        (
            "a segment below",
            "/readyz/fixed",
            Some("page GET /readyz/fixed"),
        ),
        ("upper case", "/READYZ", Some("page GET /READYZ")),
        ("percent-encoding", "/%72eadyz", Some("page GET /%72eadyz")),
        (
            "an encoded slash",
            "/readyz%2f",
            Some("page GET /readyz%2f"),
        ),
        (
            "dot segments",
            "/x/../readyz",
            Some("page GET /x/../readyz"),
        ),
        ("a longer name", "/readyzz", Some("page GET /readyzz")),
        ("the root", "/", Some("page GET /")),
        (
            "absolute form of the root",
            "http://other.example",
            Some("page GET /"),
        ),
    ];
    let (_, address) = serve(Status::Fail).await;
    for (name, target, page) in cases {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = ask(address, &request).await;
        let expected = page.map_or((503, FAIL), |page| (200, page));
        assert_eq!((answer.code, &*answer.body), expected, "{name}");
    }
}

#[tokio::test]
async fn options_of_the_server_belongs_to_the_service() {
    let (_, address) = serve(Status::Fail).await;
    let answer = ask(address, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((answer.code, &*answer.body), (200, "page OPTIONS *"));
}

#[tokio::test]
async fn connect_belongs_to_the_service() {
    let (_, address) = serve(Status::Fail).await;
    let answer = ask(address, "CONNECT readyz:80 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.code, 200);
    assert_eq!(answer.field("content-type"), None);
}

#[tokio::test]
async fn eighty_header_fields_make_no_difference() {
    let fields: String = (0..80).map(|n| format!("X-Field-{n}: value\r\n")).collect();
    let (_, address) = serve(Status::Fail).await;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_eq!(ask(address, &request).await.body, FAIL);
}
