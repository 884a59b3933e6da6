//! Which methods are answered, and with which header fields.

use tower_health::Status;

use super::support::{ask, serve};
use crate::support::prober::{FAIL, PASS};

struct Case {
    name: &'static str,
    request: &'static str,
    code: u16,
    body: &'static str,
    content_type: Option<&'static str>,
    length: &'static str,
    allow: Option<&'static str>,
}

const HEALTH_JSON: Option<&str> = Some("application/health+json");
const ALLOWED: Option<&str> = Some("GET, HEAD, OPTIONS");

/// Each with the fields that every answer has.
async fn all_hold(status: Status, cases: &[Case]) {
    let (_, address) = serve(status).await;
    for case in cases {
        let answer = ask(address, case.request).await;
        assert_eq!(answer.code, case.code, "{}", case.name);
        assert_eq!(answer.body, case.body, "{}", case.name);
        assert_eq!(
            answer.field("content-type"),
            case.content_type,
            "{}",
            case.name
        );
        assert_eq!(
            answer.field("content-length"),
            Some(case.length),
            "{}",
            case.name
        );
        assert_eq!(answer.field("allow"), case.allow, "{}", case.name);
        assert_eq!(
            answer.field("cache-control"),
            Some("no-store"),
            "{}",
            case.name
        );
        assert_eq!(
            answer.field("x-content-type-options"),
            Some("nosniff"),
            "{}",
            case.name
        );
        for validator in [
            "etag",
            "last-modified",
            "accept-ranges",
            "location",
            "retry-after",
        ] {
            assert_eq!(answer.field(validator), None, "{}", case.name);
        }
    }
}

#[tokio::test]
async fn healthy_answers_are_200_with_the_fields_of_their_method() {
    let get = |name, request| Case {
        name,
        request,
        code: 200,
        body: PASS,
        content_type: HEALTH_JSON,
        length: "17",
        allow: None,
    };
    let bare = |name, request, code| Case {
        name,
        request,
        code,
        body: "",
        content_type: None,
        length: "0",
        allow: ALLOWED,
    };
    all_hold(
        Status::Pass,
        &[
            get("GET", "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"),
            get("GET of liveness", "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"),
            get("GET of startup", "GET /startupz HTTP/1.1\r\nHost: a\r\n\r\n"),
            get("HTTP/1.0 without Host", "GET /readyz HTTP/1.0\r\n\r\n"),
            get("HTTP/1.1 without Host", "GET /readyz HTTP/1.1\r\n\r\n"),
            get("a body is ignored", "GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
            get(
                "a chunked body is ignored",
                "GET /readyz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            ),
            get("If-None-Match", "GET /readyz HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n"),
            get(
                "If-Modified-Since",
                "GET /readyz HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Sat, 01 Jan 2033 00:00:00 GMT\r\n\r\n",
            ),
            get("If-Match", "GET /readyz HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n"),
            get("Range", "GET /readyz HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n"),
            get("Accept of another type", "GET /readyz HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"),
            Case { body: "", ..get("HEAD", "HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n") },
            Case { body: "", ..get("HEAD in HTTP/1.0", "HEAD /readyz HTTP/1.0\r\n\r\n") },
            bare("OPTIONS", "OPTIONS /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
            bare("OPTIONS as HAProxy asks", "OPTIONS /readyz HTTP/1.0\r\n\r\n", 200),
            bare("POST", "POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
            bare("PUT", "PUT /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
            bare("DELETE", "DELETE /livez HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            bare("TRACE", "TRACE /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            bare("an unknown method", "BREW /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            bare("methods are case-sensitive", "get /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ],
    )
    .await;
}

#[tokio::test]
async fn unhealthy_answers_are_503_with_the_fields_of_their_method() {
    let failing = |name, request, body, length, content_type, allow| Case {
        name,
        request,
        code: 503,
        body,
        content_type,
        length,
        allow,
    };
    all_hold(
        Status::Fail,
        &[
            failing(
                "GET",
                "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
                FAIL,
                "17",
                HEALTH_JSON,
                None,
            ),
            failing(
                "HEAD",
                "HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
                "",
                "17",
                HEALTH_JSON,
                None,
            ),
            failing(
                "OPTIONS",
                "OPTIONS /readyz HTTP/1.0\r\n\r\n",
                "",
                "0",
                None,
                ALLOWED,
            ),
            // RFC 9110, section 13.2.1: preconditions do not apply to what is not a success.
            failing(
                "If-None-Match",
                "GET /readyz HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n",
                FAIL,
                "17",
                HEALTH_JSON,
                None,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_warning_is_200_and_says_so() {
    let (_, address) = serve(Status::Warn).await;
    let answer = ask(address, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((answer.code, &*answer.body), (200, r#"{"status":"warn"}"#));
}
