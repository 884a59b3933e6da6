//! Settings that are wrong are refused when they are made, and name the indicator.

use http::HeaderValue;
use tower_health::indicators::{HttpIndicator, IndicatorError};
use tower_health::{ComponentType, Criticality, HealthIndicator};

fn api() -> HttpIndicator {
    HttpIndicator::new("api", "http://api.example.com/").unwrap()
}

fn refused(made: Result<HttpIndicator, IndicatorError>) -> String {
    made.unwrap_err().to_string()
}

#[test]
fn a_url_that_cannot_work_is_refused() {
    let cases = [
        ("", "url is not a URL"),
        ("http://", "url is not a URL"),
        ("/status", "url has no scheme"),
        ("api.example.com", "url has no scheme"),
        ("api.example.com:80", "url has no scheme"),
        (
            "ftp://api.example.com/",
            "url has to begin with http:// or https://",
        ),
        (
            "http://api.example.com:0/",
            "url has a port that no server has",
        ),
        ("http://api.example.com:99999/", "url"),
        (
            "http://api.example.com:/",
            "url has a port that no server has",
        ),
        ("http://:80/", "url has no host"),
        ("http://api example.com/", "url is not a URL"),
        (
            "http://user:hunter2@api.example.com/",
            "url has a user in it",
        ),
        ("https://user@api.example.com/", "url has a user in it"),
    ];
    for (url, fault) in cases {
        let said = refused(HttpIndicator::new("api", url));
        assert!(
            said.starts_with(&format!("indicator \"api\": {fault}")),
            "{url}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    let _ = HttpIndicator::new("api", "http://[::1]:8080/status?x=y").unwrap();
    let _ = HttpIndicator::new("api", "https://api.example.com").unwrap();
}

#[test]
fn options_that_cannot_work_are_refused() {
    let none: [std::ops::RangeInclusive<u16>; 0] = [];
    #[allow(clippy::reversed_empty_ranges, reason = "that is the fault")]
    let reversed = [299..=200];
    assert!(refused(api().statuses(none)).contains("statuses has no status"));
    assert!(refused(api().statuses(reversed)).contains("statuses has no status"));
    assert!(refused(api().statuses([200..=999])).contains("between 200 and 599"));
    assert!(refused(api().statuses([100..=200])).contains("between 200 and 599"));

    assert!(refused(api().header("no good", "x")).contains("header has a name"));
    let said = refused(api().header("authorization", "hunter2\n"));
    assert!(
        said.contains("authorization has a value") && !said.contains("hunter2"),
        "{said}"
    );
    let _ = api().header("x", HeaderValue::from_static("y")).unwrap();

    let accepts = |_: &[u8]| Ok::<_, &str>(());
    assert!(refused(api().head().unwrap().body(accepts)).contains("no body"));
    assert!(refused(api().body(accepts).unwrap().head()).contains("no body"));
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    assert_eq!(HealthIndicator::timeout(&api()).unwrap().as_secs(), 2);
    assert_eq!(api().ttl().unwrap().as_secs(), 5);
    assert_eq!(api().criticality(), Criticality::Critical);
    assert_eq!(api().component_type(), Some(ComponentType::Component));
}
