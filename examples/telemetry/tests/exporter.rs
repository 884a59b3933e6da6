//! The exporter that most services have shows through the facade what the health shows itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use tower_health::{Health, RunDurations, indicator_fn};

/// The samples of a text. The order of labels is that of their names.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let samples = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
        labels.sort();
        let labels = labels.join(",").replace(".0\"", "\"");
        (format!("{name}{{{labels}}}"), value.parse().unwrap())
    });
    samples.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prometheus_exporter_of_the_facade_shows_the_same_samples() {
    let bounds = RunDurations::BOUNDS.map(|bound| bound.as_secs_f64());
    let builder = PrometheusBuilder::new().set_buckets(&bounds).unwrap();
    let recorder = builder.build_recorder();
    let exporter = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(drop)
        .unwrap();

    let health = Health::builder()
        .ttl(Duration::from_secs(3_600))
        .readiness(indicator_fn("db", async || Ok::<_, &str>(())))
        .readiness(indicator_fn("cache", async || Err::<(), _>("refused")))
        .start()
        .unwrap();
    health.record_metrics().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = samples(&exporter.render());
        let response = health.metrics(None);
        let mut own = samples(std::str::from_utf8(response.body()).unwrap());
        // How late the refresher is may change at any moment.
        own.retain(|series, _| !series.contains("lateness"));
        let differing: Vec<_> = own
            .iter()
            .filter(|(series, value)| {
                let shown = shown.get(*series);
                shown.is_none_or(|shown| (shown - *value).abs() > 1e-6)
            })
            .collect();
        let has_run =
            own.get(r#"health_check_runs_total{check="db",outcome="pass",probe="readiness"}"#);
        if differing.is_empty() && has_run == Some(&1.0) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{differing:#?}\nshown: {shown:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
