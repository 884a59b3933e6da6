//! Links of a check in the report, and nowhere that a stranger looks.

use tower_health::{Details, Health, HealthLayer, Probe};

use crate::support::prober::get;
use crate::support::{Dial, settle, steady};

async fn body(health: &Health, details: Details, path: &str) -> String {
    let layer = HealthLayer::builder(health.clone()).details(details);
    get(&layer.build().unwrap(), path).await.1
}

#[tokio::test(start_paused = true)]
async fn each_entry_of_a_check_has_its_links_and_a_check_without_any_has_no_field() {
    let health = steady()
        .readiness(
            Dial::pass()
                .check("db")
                .link("runbook", "https://example.org/<db>?a=1&b=\"2\"")
                .link("about", "https://example.org/about"),
        )
        .readiness(Dial::pass().check("cache"))
        .environment("production")
        .start()
        .unwrap();
    settle().await;
    let text = body(&health, Details::always(), "/readyz").await;
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "about": "https://example.org/about",
        "runbook": "https://example.org/<db>?a=1&b=\"2\"",
    });
    assert_eq!(report["checks"]["db"][0]["links"], expected);
    assert!(report["checks"]["cache"][0].get("links").is_none());
    assert!(report.get("links").is_none());
    // The environment is for formats and the page.
    assert!(!text.contains("production"), "{text}");

    let verbose = body(&health, Details::always(), "/readyz?verbose").await;
    assert_eq!(verbose, "[+]db ok\n[+]cache ok\nreadyz check passed\n");
    let single = body(&health, Details::always(), "/readyz/db").await;
    assert!(!single.contains("[+]cache"), "{single}");
    for path in ["/readyz", "/readyz?verbose", "/readyz/db"] {
        let stranger = body(&health, Details::never(), path).await;
        assert!(!stranger.contains("example.org"), "{path}: {stranger}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_reads_the_links_of_each_entry_and_the_environment() {
    let check = Dial::pass()
        .check("db")
        .link("runbook", "https://example.org/db");
    let builder = steady().environment("production").gate("migrations");
    let health = builder.readiness(check).start().unwrap();
    settle().await;
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let links: Vec<_> = report
        .entries()
        .iter()
        .flat_map(|entry| entry.links())
        .collect();
    assert_eq!(links, [("runbook", "https://example.org/db")]);
    assert_eq!(report.environment(), Some("production"));
    // A gate has none.
    let startup = snapshot.report(Probe::Startup);
    assert!(
        startup
            .entries()
            .iter()
            .all(|entry| entry.links().next().is_none())
    );
}
