//! The answer to a scrape, and its text.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tower_health::{Health, Status};

use crate::support::{Dial, lapse, secs, settle, steady};

const OPEN_METRICS: Option<&str> = Some("application/openmetrics-text; version=1.0.0");

/// The samples of a text: name and labels as they are written, with the value.
pub(super) fn samples(response: &Response<Bytes>) -> BTreeMap<String, f64> {
    let text = std::str::from_utf8(response.body()).unwrap();
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let known = samples.insert(series.to_owned(), value.parse().unwrap());
        assert!(known.is_none(), "twice: {series}");
    }
    samples
}

/// What a scrape shows now.
pub(super) fn scrape(health: &Health) -> BTreeMap<String, f64> {
    samples(&health.metrics(None))
}

/// The value of one series.
#[track_caller]
pub(super) fn value(health: &Health, series: &str) -> f64 {
    let samples = scrape(health);
    let value = samples.get(series).copied();
    value.unwrap_or_else(|| panic!("no {series} in {samples:#?}"))
}

fn types(response: &Response<Bytes>) -> BTreeSet<&str> {
    let text = std::str::from_utf8(response.body()).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.collect()
}

#[tokio::test(start_paused = true)]
async fn a_scrape_is_answered_with_200_whatever_the_health_is() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let is_answered = |ready: f64, draining: f64| {
        let response = health.metrics(None);
        assert_eq!(response.status(), 200);
        let samples = samples(&response);
        let state = r#"health_probe_state{probe="readiness",state="pass"}"#;
        assert_eq!(
            (samples[state], samples["health_draining"]),
            (ready, draining)
        );
        assert_eq!(health.metrics_slis(None).status(), 200);
    };
    is_answered(0.0, 0.0); // before the first result
    settle().await;
    is_answered(1.0, 0.0);
    db.turn(Status::Fail);
    lapse(secs(2)).await;
    is_answered(0.0, 0.0);
    health.drain();
    is_answered(0.0, 1.0);
}

#[tokio::test(start_paused = true)]
async fn no_check_runs_for_a_scrape() {
    let db = Dial::pass();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let runs = db.runs();
    for _ in 0..1_000 {
        health.metrics(OPEN_METRICS);
        health.metrics_slis(None);
    }
    settle().await;
    assert_eq!(db.runs(), runs);
}

#[test]
fn the_head_names_the_format_and_the_length_and_forbids_storing() {
    let health = Health::fixed(Status::Pass);
    for (accept, content_type) in [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        (
            OPEN_METRICS,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ] {
        for response in [health.metrics(accept), health.metrics_slis(accept)] {
            let headers = response.headers();
            assert_eq!(headers[CONTENT_TYPE], content_type);
            assert_eq!(headers[CACHE_CONTROL], "no-store");
            let length = response.body().len().to_string();
            assert_eq!(headers[CONTENT_LENGTH], *length);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_formats_have_the_same_samples() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .startup(Dial::at(Status::Fail).check("schema"))
        .count_probe_requests()
        .start()
        .unwrap();
    lapse(secs(3)).await;
    let [text, open_metrics] = [None, OPEN_METRICS].map(|accept| health.metrics(accept));
    assert_eq!(samples(&text), samples(&open_metrics));
    let [text, open_metrics] = [None, OPEN_METRICS].map(|accept| health.metrics_slis(accept));
    assert_eq!(samples(&text), samples(&open_metrics));
}

#[test]
fn each_format_describes_a_counter_and_a_unit_in_its_own_way() {
    let health = Health::fixed(Status::Pass);
    let (text, open_metrics) = (health.metrics(None), health.metrics(OPEN_METRICS));
    for (name, kind) in [
        ("health_check_runs_total", "counter"),
        ("health_check_run_duration_seconds", "histogram"),
        ("health_check_state", "gauge"),
    ] {
        assert!(types(&text).contains(&*format!("{name} {kind}")), "{name}");
        let name = name.trim_end_matches("_total");
        assert!(
            types(&open_metrics).contains(&*format!("{name} {kind}")),
            "{name}"
        );
    }
    let open_metrics = String::from_utf8(open_metrics.into_body().to_vec()).unwrap();
    assert!(open_metrics.contains("# UNIT health_check_run_duration_seconds seconds\n"));
    assert!(open_metrics.ends_with("\n# EOF\n"));
    let text = String::from_utf8(text.into_body().to_vec()).unwrap();
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
}

/// What the guide promises is what there is.
#[tokio::test(start_paused = true)]
async fn the_guide_has_a_row_for_each_metric_with_its_type_and_labels() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .count_probe_requests()
        .start()
        .unwrap();
    settle().await;
    let response = health.metrics(None);
    let mut shown = BTreeMap::new();
    for series in samples(&response).keys() {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        let labels = labels.map(|(name, _)| name.to_owned());
        let labels: BTreeSet<_> = labels.filter(|name| name != "le").collect();
        shown.insert(name.to_owned(), labels);
    }
    for line in types(&response) {
        let (name, kind) = line.split_once(' ').unwrap();
        let row = format!("| `{name}` | {kind} | ");
        let guide = include_str!("../../../docs/metrics.md");
        let row = guide.lines().find_map(|line| line.strip_prefix(&row));
        let row = row.unwrap_or_else(|| panic!("no row for {line}"));
        let told = row.split(" | ").next().unwrap();
        let told = told
            .split(['`', ',', ' ', '–'])
            .filter(|label| !label.is_empty());
        let suffix = if kind == "histogram" { "_sum" } else { "" };
        let labels = &shown[&format!("{name}{suffix}")];
        assert_eq!(
            told.map(str::to_owned).collect::<BTreeSet<_>>(),
            *labels,
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_in_another_registry_shows_the_same_and_keeps_no_health_alive() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    settle().await;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(health.metrics_collector()));
    let text = || {
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    };
    assert_eq!(text().as_bytes(), &**health.metrics(OPEN_METRICS).body());
    let weak = health.downgrade();
    drop(health);
    assert!(weak.upgrade().is_none());
    assert_eq!(text(), "# EOF\n");
}
