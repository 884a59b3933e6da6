//! A running Prometheus with the configuration of `examples/monitoring`.

use std::net::SocketAddr;

use serde_json::Value;

use crate::clients::curl::curl;
use crate::clients::process::{Daemon, Files, program, run};
use crate::support::eventually;
use crate::support::port::free_port;

pub(super) const CONFIG: &str = include_str!("../../../../examples/monitoring/prometheus.yml");
pub(super) const RULES: &str = include_str!("../../../../examples/monitoring/health_rules.yml");

pub(super) struct Prometheus {
    port: u16,
    _daemon: Daemon,
}

impl Prometheus {
    /// Returns when it has scraped this target.
    pub(super) async fn scraping(target: SocketAddr) -> Self {
        let files = Files::new();
        files.write("health_rules.yml", RULES);
        let config = with(CONFIG, "localhost:3001", &target.to_string());
        let config = with(&config, ": 15s", ": 200ms");
        let config = files.write("prometheus.yml", &config);
        let port = free_port();
        let mut prometheus = program("prometheus");
        prometheus.arg("--config.file").arg(config);
        prometheus
            .arg("--storage.tsdb.path")
            .arg(files.path("data"));
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let mut daemon = Daemon::start(&mut prometheus, files);
        let ready = format!("http://127.0.0.1:{port}/-/ready");
        let is_ready = async |_: &Files| {
            let answer = run(curl().args(["--fail", "--output", "/dev/null"]).arg(&ready)).await;
            answer.code == Some(0)
        };
        daemon.until(true, is_ready).await;
        let prometheus = Self {
            port,
            _daemon: daemon,
        };
        prometheus
            .until(r#"up{job="tower-health"}"#, Some(1.0))
            .await;
        prometheus
    }

    /// The samples of an instant query: each with its labels.
    pub(super) async fn query(&self, expr: &str) -> Vec<(Value, f64)> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let query = format!("query={expr}");
        let answer = run(curl().args(["--data-urlencode", &query, &url]))
            .await
            .success();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        let samples = answer["data"]["result"].as_array().unwrap().iter();
        let number = |sample: &Value| sample["value"][1].as_str().unwrap().parse().unwrap();
        samples
            .map(|sample| (sample["metric"].clone(), number(sample)))
            .collect()
    }

    /// The value of an expression that has one; `None` if it has no sample.
    pub(super) async fn value(&self, expr: &str) -> Option<f64> {
        let samples = self.query(expr).await;
        assert!(samples.len() < 2, "{expr}: {samples:?}");
        samples.first().map(|(_, value)| *value)
    }

    /// Waits until this is the value of an expression.
    pub(super) async fn until(&self, expr: &str, wanted: Option<f64>) {
        let is_wanted = async || self.value(expr).await == wanted;
        eventually(&format!("{expr} is {wanted:?}"), is_wanted).await;
    }
}

/// Replaces what must be there.
fn with(config: &str, from: &str, to: &str) -> String {
    assert!(config.contains(from), "{from}");
    config.replace(from, to)
}
