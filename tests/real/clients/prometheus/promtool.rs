//! What Prometheus' own tool says of the metrics, the configuration and the alerts.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::service::Service;
use crate::clients::process::{Ended, Files, program, run};

fn example(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("examples/monitoring").join(name)
}

async fn promtool(arguments: [&str; 2], file: &Path) -> Ended {
    run(program("promtool").args(arguments).arg(file)).await
}

/// It reads the text of 0.0.4 from its input, and complains about names, suffixes and descriptions.
#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn promtool_has_no_complaint_about_any_metric() {
    let service = Service::start().await;
    let files = Files::new();
    for response in [
        service.health.metrics(None),
        service.health.metrics_slis(None),
    ] {
        let text = std::str::from_utf8(response.body()).unwrap();
        let input = File::open(files.write("metrics", text)).unwrap();
        let mut promtool = program("promtool");
        let told = run(promtool.args(["check", "metrics"]).stdin(input)).await;
        let silence = (Some(0), "", "");
        assert_eq!((told.code, &*told.stdout, &*told.stderr), silence, "{text}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn promtool_accepts_the_configuration_and_the_alerts() {
    let config = example("prometheus.yml");
    promtool(["check", "config"], &config).await.success();
    let rules = example("health_rules.yml");
    promtool(["check", "rules"], &rules).await.success();
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn each_alert_fires_and_resolves() {
    let tests = example("health_rules_test.yml");
    promtool(["test", "rules"], &tests).await.success();
    let [tests, rules] = [tests, example("health_rules.yml")].map(std::fs::read_to_string);
    let (tests, rules) = (tests.unwrap(), rules.unwrap());
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        let fires = tests.contains(&format!("      - alertname: {alert}\n"));
        let resolves = tests.matches(&format!("{{alertname: {alert}, ")).count() >= 2;
        assert!(fires && resolves, "{alert}");
    }
}
