//! Every query of the dashboard returns data.

use serde_json::Value;
use tower_health::Status;

use super::server::Prometheus;
use super::service::Service;
use crate::clients::curl::curl;
use crate::clients::process::run;
use crate::support::eventually;

const DASHBOARD: &str = include_str!("../../../../examples/monitoring/dashboard.json");

/// The queries of each panel, by its title.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let array = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut queries = Vec::new();
    for panel in array(&dashboard["panels"]) {
        let targets = array(&panel["targets"]);
        assert!(!targets.is_empty(), "{panel}");
        let exprs = targets.iter().map(|target| text(&target["expr"]));
        queries.extend(exprs.map(|expr| (text(&panel["title"]), expr)));
    }
    queries
}

/// What Grafana puts in for "All" and for a scrape every fraction of a second.
fn filled_in(expr: &str) -> String {
    let expr = expr.replace("$job", ".+").replace("$instance", ".+");
    let expr = expr.replace("$__rate_interval", "1m");
    assert!(!expr.contains('$'), "{expr}");
    expr
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn every_panel_of_the_dashboard_shows_data_of_a_real_prometheus() {
    let service = Service::start().await;
    let prometheus = Prometheus::scraping(service.site.address()).await;
    for status in [Status::Fail, Status::Pass] {
        service.turn(status).await;
        run(curl().arg(service.site.url("/readyz"))).await.success();
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let queries = queries(&dashboard);
    assert!(queries.len() > 20, "{queries:?}");
    for (title, expr) in queries {
        let expr = filled_in(&expr);
        let has_data = async || {
            let samples = prometheus.query(&expr).await;
            samples.iter().any(|(_, value)| value.is_finite())
        };
        eventually(&format!("{title} shows {expr}"), has_data).await;
    }
}

/// Those that find trouble find none here.
#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn every_question_of_the_guide_is_one_that_prometheus_understands() {
    let service = Service::start().await;
    let prometheus = Prometheus::scraping(service.site.address()).await;
    let guide = include_str!("../../../../docs/metrics.md");
    let (_, questions) = guide.split_once("```promql\n").unwrap();
    let (questions, _) = questions.split_once("```").unwrap();
    for question in questions.split("\n\n") {
        let lines = question.lines().filter(|line| !line.starts_with('#'));
        // The steps of a subquery lie on whole minutes, for the next of which the test could wait too
        // long.
        let expr = lines.collect::<String>().replace(":1m]", ":1s]");
        if expr.contains(" > ") {
            prometheus.query(&expr).await;
            continue;
        }
        let has_data = async || !prometheus.query(&expr).await.is_empty();
        eventually(&expr, has_data).await;
    }
}

#[test]
fn each_panel_has_a_place_of_its_own_and_a_title() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let place = |panel: &Value, side: &str| panel["gridPos"][side].as_u64().unwrap();
    for (index, one) in panels.iter().enumerate() {
        assert!(!one["title"].as_str().unwrap().is_empty());
        assert!(!one["description"].as_str().unwrap().is_empty());
        assert!(place(one, "x") + place(one, "w") <= 24, "{one}");
        for other in &panels[..index] {
            assert_ne!(one["id"], other["id"]);
            let apart = |from: &str, size: &str| {
                place(one, from) >= place(other, from) + place(other, size)
                    || place(other, from) >= place(one, from) + place(one, size)
            };
            assert!(
                apart("x", "w") || apart("y", "h"),
                "{} over {}",
                one["id"],
                other["id"]
            );
        }
    }
}
