//! curl: every method, and every version of HTTP that a prober may speak.

use http::HeaderMap;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::process::Command;
use tower_health::Status;

use super::process::{program, run};
use super::site::{APPLICATION, Site};

/// curl, telling only the answer.
pub(crate) fn curl() -> Command {
    let mut curl = program("curl");
    // Not what a user has in ~/.curlrc.
    curl.args(["-q", "-sS", "--max-time", "20"]);
    curl
}

struct Answer {
    /// The version and the code.
    status: String,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: http::HeaderName) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(site: &Site, options: &[&str], path: &str) -> Answer {
    let answer = run(curl().arg("-i").args(options).arg(site.url(path))).await;
    let answer = answer.success();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, fields) = head.split_once("\r\n").unwrap();
    let fields = fields.split("\r\n").map(|field| {
        let (name, value) = field.split_once(": ").unwrap();
        (name.parse().unwrap(), value.parse().unwrap())
    });
    let status: Vec<_> = status.split(' ').take(2).collect();
    Answer {
        status: status.join(" "),
        headers: HeaderMap::from_iter(fields.collect::<Vec<(http::HeaderName, _)>>()),
        body: body.to_owned(),
    }
}

const VERSIONS: [(&str, &str); 3] = [
    ("--http1.0", "HTTP/1.0"),
    ("--http1.1", "HTTP/1.1"),
    ("--http2-prior-knowledge", "HTTP/2"),
];

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn curl_gets_each_status_in_each_version() {
    let site = Site::start().await;
    for (status, code, body) in [
        (Status::Pass, 200, r#"{"status":"pass"}"#),
        (Status::Warn, 200, r#"{"status":"warn"}"#),
        (Status::Fail, 503, r#"{"status":"fail"}"#),
    ] {
        site.turn(status).await;
        for (version, told) in VERSIONS {
            let answer = ask(&site, &[version], "/readyz").await;
            assert_eq!(answer.status, format!("{told} {code}"));
            assert_eq!(answer.body, body, "{version}");
            assert_eq!(answer.header(CONTENT_TYPE), "application/health+json");
            assert_eq!(answer.header(CONTENT_LENGTH), "17");
            assert_eq!(answer.header(CACHE_CONTROL), "no-store");

            let livez = ask(&site, &[version], "/livez").await;
            assert_eq!(livez.status, format!("{told} 200"));
            assert_eq!(livez.body, r#"{"status":"pass"}"#, "{version}");
        }
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn curl_gets_the_code_without_content_for_head_and_options() {
    let site = Site::start().await;
    for (status, code) in [(Status::Pass, 200), (Status::Fail, 503)] {
        site.turn(status).await;
        for (version, told) in VERSIONS {
            let head = ask(&site, &[version, "--head"], "/readyz").await;
            assert_eq!(head.status, format!("{told} {code}"));
            assert_eq!(head.body, "", "{version}");
            assert_eq!(head.header(CONTENT_LENGTH), "17");

            let options = ask(&site, &[version, "-X", "OPTIONS"], "/readyz").await;
            assert_eq!(options.status, format!("{told} {code}"));
            assert_eq!(options.body, "", "{version}");
            assert_eq!(options.header(ALLOW), "GET, HEAD, OPTIONS");
        }
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn curl_never_takes_another_answer_for_health() {
    let site = Site::start().await;
    for (version, told) in VERSIONS {
        let posted = ask(&site, &[version, "-X", "POST"], "/readyz").await;
        assert_eq!(posted.status, format!("{told} 405"));
        assert_eq!(posted.body, "");

        let grpc = ask(&site, &[version], "/grpc.health.v1.Health/Check").await;
        assert_eq!(grpc.status, format!("{told} 405"));
        assert_eq!(grpc.header(ALLOW), "POST");
        assert_eq!(grpc.body, "");

        // The other way round: what is not a probe path is the application's.
        let other = ask(&site, &[version], "/readyz/").await;
        assert_eq!(other.status, format!("{told} 200"));
        assert_eq!(other.body, APPLICATION);
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn curl_asks_twice_on_one_connection() {
    let site = Site::start().await;
    // Debian 12's curl cannot do this with HTTP/2 in plain text, whatever the server.
    let told = run(curl()
        .args(["--http1.1", "-w", " %{http_code} %{num_connects}\n"])
        .args([site.url("/readyz"), site.url("/livez")]))
    .await;
    let pass = r#"{"status":"pass"}"#;
    assert_eq!(told.success(), format!("{pass} 200 1\n{pass} 200 0\n"));
}
