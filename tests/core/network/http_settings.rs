//! Settings that cannot work are refused by `start()`, which names the check.

use http::HeaderValue;
use tower_health::indicators::HttpIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator};

use crate::support::watched::refused;

fn api() -> HttpIndicator {
    HttpIndicator::new("api", "http://api.example.com/")
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
            "url must begin with http:// or https://",
        ),
        (
            "http://api.example.com:0/",
            "url has a port on which no server listens",
        ),
        ("http://api.example.com:99999/", "url"),
        (
            "http://api.example.com:/",
            "url has a port on which no server listens",
        ),
        ("http://:80/", "url has no host"),
        ("http://api example.com/", "url is not a URL"),
        ("http://user:hunter2@api.example.com/", "url has a user"),
        ("https://user@api.example.com/", "url has a user"),
    ];
    for (url, fault) in cases {
        let said = refused(HttpIndicator::new("api", url));
        assert!(
            said.starts_with(&format!("\"api\": {fault}")),
            "{url}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    for url in ["http://[::1]:8080/status?x=y", "https://api.example.com"] {
        assert_eq!(HttpIndicator::new("api", url).config_error(), None);
    }
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
    let with_value = api().header("x", HeaderValue::from_static("y"));
    assert_eq!(with_value.config_error(), None);

    let accepts = |_: &[u8]| Ok::<_, &str>(());
    assert!(refused(api().head().body(accepts)).contains("no body"));
    assert!(refused(api().body(accepts).head()).contains("no body"));

    let judges = |_, _: &[u8]| Ok::<_, &str>(());
    let said = refused(api().head().judge(judges));
    assert!(said.contains("judge has no body"), "{said}");
    let said = refused(api().consul().head());
    assert!(said.contains("judge has no body"), "{said}");
    let said = refused(api().statuses([200..=204]).judge(judges));
    assert!(said.contains("statuses is not used"), "{said}");
    let said = refused(api().vault().statuses([200..=299]));
    assert!(said.contains("statuses is not used"), "{said}");
    assert_eq!(
        api().openid_provider().statuses([200..=200]).config_error(),
        None
    );
    let said = refused(api().judge(judges).vault());
    assert!(said.contains("a preset judges by itself"), "{said}");
    let said = refused(api().clickhouse().openid_provider());
    assert!(said.contains("a preset judges by itself"), "{said}");
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    assert_eq!(HealthIndicator::timeout(&api()).unwrap().as_secs(), 2);
    assert_eq!(api().ttl().unwrap().as_secs(), 5);
    assert_eq!(api().criticality(), Criticality::Critical);
    assert_eq!(api().component_type(), Some(ComponentType::Component));
}
