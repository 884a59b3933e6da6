//! The gRPC and HTTP probers of Prometheus' blackbox exporter.

use tower_health::Status;

use super::curl::curl;
use super::process::{Daemon, Files, program, run};
use super::site::{ORDERS, Site};
use crate::support::port::free_port;

const CONFIG: &str = r#"
modules:
  http:
    prober: http
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp: ['^\{"status":"(pass|warn)"\}$']
  http_failing:
    prober: http
    http:
      preferred_ip_protocol: ip4
      valid_status_codes: [503]
      fail_if_body_not_matches_regexp: ['^\{"status":"fail"\}$']
  grpc:
    prober: grpc
    grpc:
      preferred_ip_protocol: ip4
  grpc_orders:
    prober: grpc
    grpc:
      preferred_ip_protocol: ip4
      service: shop.Orders
  grpc_liveness:
    prober: grpc
    grpc:
      preferred_ip_protocol: ip4
      service: liveness
  grpc_nobody:
    prober: grpc
    grpc:
      preferred_ip_protocol: ip4
      service: nobody
"#;

struct Exporter {
    daemon: Daemon,
    port: u16,
}

impl Exporter {
    async fn start() -> Self {
        assert!(CONFIG.contains(ORDERS));
        let files = Files::new();
        let port = free_port();
        let config = files.write("blackbox.yml", CONFIG);
        let mut exporter = program("prometheus-blackbox-exporter");
        exporter.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        exporter.arg("--config.file").arg(config);
        let daemon = Daemon::start(&mut exporter, files);
        let mut exporter = Self { daemon, port };
        let healthy = format!("http://127.0.0.1:{port}/-/healthy");
        let is_up = async |_: &Files| run(curl().arg(&healthy)).await.code == Some(0);
        exporter.daemon.until(true, is_up).await;
        exporter
    }

    /// The metrics of one probe.
    async fn probe(&self, module: &str, target: &str) -> Metrics {
        let port = self.port;
        let url = format!("http://127.0.0.1:{port}/probe?module={module}&target={target}");
        Metrics(run(curl().arg("--fail").arg(url)).await.success())
    }
}

struct Metrics(String);

impl Metrics {
    fn of(&self, metric: &str) -> &str {
        let value = |line| str::strip_prefix(line, metric)?.strip_prefix(' ');
        let value = self.0.lines().find_map(value);
        value.unwrap_or_else(|| panic!("no {metric} in {}", self.0))
    }

    fn serving_status(&self, status: &str) -> &str {
        self.of(&format!(
            r#"probe_grpc_healthcheck_response{{serving_status="{status}"}}"#
        ))
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn blackbox_exporter_follows_each_http_status() {
    let site = Site::start().await;
    let exporter = Exporter::start().await;
    for (status, code, healthy, failing) in [
        (Status::Pass, "200", "1", "0"),
        (Status::Warn, "200", "1", "0"),
        (Status::Fail, "503", "0", "1"),
    ] {
        site.turn(status).await;
        let probe = exporter.probe("http", &site.url("/readyz")).await;
        assert_eq!(probe.of("probe_success"), healthy, "{status}");
        assert_eq!(probe.of("probe_http_status_code"), code, "{status}");
        let probe = exporter.probe("http_failing", &site.url("/readyz")).await;
        assert_eq!(probe.of("probe_success"), failing, "{status}");

        let probe = exporter.probe("http", &site.url("/livez")).await;
        assert_eq!(probe.of("probe_success"), "1", "{status}");
        // The application's 200 is not health.
        let probe = exporter.probe("http", &site.url("/readyz/")).await;
        assert_eq!(probe.of("probe_http_status_code"), "200", "{status}");
        assert_eq!(probe.of("probe_failed_due_to_regex"), "1", "{status}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn blackbox_exporter_follows_each_grpc_status() {
    let site = Site::start().await;
    let exporter = Exporter::start().await;
    let target = site.address.to_string();
    for (status, serving, success) in [
        (Status::Pass, "SERVING", "1"),
        (Status::Warn, "SERVING", "1"),
        (Status::Fail, "NOT_SERVING", "0"),
    ] {
        site.turn(status).await;
        for module in ["grpc", "grpc_orders"] {
            let probe = exporter.probe(module, &target).await;
            assert_eq!(probe.of("probe_success"), success, "{module}: {status}");
            assert_eq!(probe.serving_status(serving), "1", "{module}: {status}");
            assert_eq!(probe.of("probe_grpc_status_code"), "0", "{module}");
        }
        let live = exporter.probe("grpc_liveness", &target).await;
        assert_eq!(live.of("probe_success"), "1", "{status}");
        assert_eq!(live.serving_status("SERVING"), "1", "{status}");
    }
    let nobody = exporter.probe("grpc_nobody", &target).await;
    assert_eq!(nobody.of("probe_success"), "0");
    assert_eq!(nobody.of("probe_grpc_status_code"), "5");
}
