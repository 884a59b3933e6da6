//! The query of a probe: `?verbose` and `?exclude=`, as the raw query of one request.

use serde_json::Value;
use tower_health::{Details, Probe, Status};

use crate::app::{APP, ENTRIES, Entry};
use crate::json;
use crate::paths::decoded_bytes;

/// Far below every limit. Beyond it, names may be ignored.
const MOST_NAMES: usize = 100;
const MOST_BYTES: usize = 2048;

pub fn run(input: &[u8]) {
    let given = String::from_utf8_lossy(input);
    let layer = APP.layer(Details::always());
    let ask = |query: Option<&str>| {
        layer
            .answer("GET", "/readyz", query, [("host", "localhost")])
            .expect("a probe")
    };
    let answer = ask(Some(&given));
    let code = answer.status();
    assert!([200, 503].contains(&code), "{code}");
    assert!(answer.body().len() < 64 * 1024, "{}", answer.body().len());

    // To a stranger the query does not exist.
    let public = APP.layer(Details::never());
    let body = public.answer("GET", "/readyz", Some(&given), [("host", "localhost")]);
    assert_eq!(body.expect("a probe").body(), br#"{"status":"fail"}"#);
    // Nor does it change the code for a caller who is known.
    let bearer = APP.layer(Details::bearer("token"));
    let credential = [("authorization", "Bearer token")];
    let known = bearer.answer("GET", "/readyz", Some(&given), credential);
    assert_eq!(known.expect("a probe").status(), 503);

    // What no server would accept is left out.
    let uri: Option<http::Uri> = format!("/readyz?{given}").parse().ok();
    let query = uri.as_ref().and_then(|uri| uri.query()).unwrap_or_default();
    let mut verbose = false;
    let mut excluded = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        verbose |= key == "verbose";
        if key == "exclude" {
            excluded.push(String::from_utf8_lossy(&decoded_bytes(value)).into_owned());
        }
    }
    if excluded.len() > MOST_NAMES || query.len() > MOST_BYTES {
        return;
    }
    let is_left = |entry: &&Entry| !excluded.iter().any(|name| name == entry.name);
    let left: Vec<_> = ENTRIES.iter().filter(is_left).collect();
    let status = left.iter().map(|entry| entry.status).max();
    let healthy = status.is_none_or(Status::is_healthy);
    assert_eq!(code, if healthy { 200 } else { 503 }, "{query}");

    if verbose {
        let text = String::from_utf8(answer.into_body()).expect("a text");
        assert_text(&text, &excluded, healthy);
        return;
    }
    let body = String::from_utf8(answer.into_body()).expect("a text");
    let report = json::parse(&body);
    let checks = report["checks"].as_object();
    let mut names: Vec<_> = checks.map_or(Vec::new(), |checks| checks.keys().collect());
    let mut expected: Vec<_> = left.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{query}");
    let status = status.unwrap_or(Status::Pass).as_str();
    assert_eq!(report["status"], Value::from(status), "{query}");
    if excluded.is_empty() {
        let whole = APP.health.snapshot().report(Probe::Readiness).to_json();
        assert_eq!(body, whole);
    }
}

/// One line for each entry, at most one of warning, and the outcome; no name forges another.
fn assert_text(text: &str, excluded: &[String], healthy: bool) {
    let mut lines = text.split('\n');
    for entry in &ENTRIES {
        let name = entry.name;
        let expected = if excluded.iter().any(|other| other == name) {
            format!("[+]{name} excluded: ok")
        } else {
            match entry.status {
                Status::Pass => format!("[+]{name} ok"),
                Status::Warn => format!("[+]{name} warn: {}", entry.output),
                Status::Fail => format!("[-]{name} failed: {}", entry.output),
            }
        };
        assert_eq!(lines.next(), Some(&*expected));
    }
    let is_unknown = |name: &String| ENTRIES.iter().all(|entry| entry.name != *name);
    if excluded.iter().any(is_unknown) {
        let line = lines.next().expect("a warning");
        assert!(
            line.starts_with("warn: some health checks cannot be excluded"),
            "{line}"
        );
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
    let outcome = if healthy { "passed" } else { "failed" };
    assert_eq!(lines.next(), Some(&*format!("readyz check {outcome}")));
    assert_eq!(lines.collect::<Vec<_>>(), [""]);
}
