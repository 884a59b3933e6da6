//! Envoy's active health checks, gRPC and HTTP.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tower_health::Status;

use super::curl::curl;
use super::process::{Daemon, Files, program, run};
use super::site::{ORDERS, Site};

/// `{"status":"pass"}`, which Envoy expects in hexadecimal digits.
fn passing_body() -> String {
    let digits = br#"{"status":"pass"}"#.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn cluster(site: &Site, name: &str, check: (&str, Value), protocol: &str) -> Value {
    let (kind, check) = check;
    json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{
            "endpoint": { "address": { "socket_address": {
                "address": site.address.ip(), "port_value": site.address.port(),
            } } },
        }] }] },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type":
                    "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { protocol: {} },
            },
        },
        "health_checks": [{
            "timeout": "5s",
            "interval": "0.1s",
            // Nothing else goes through.
            "no_traffic_interval": "0.1s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            kind: check,
        }],
    })
}

fn start(site: &Site) -> Daemon {
    let http = |path: &str, codec: &str, body: Value| {
        let check = json!({ "path": path, "codec_client_type": codec, "receive": body });
        ("http_health_check", check)
    };
    let (any, passing) = (json!([]), json!([{ "text": passing_body() }]));
    let grpc = |service: &str| {
        let check = json!({ "service_name": service });
        ("grpc_health_check", check)
    };
    let (http1, http2) = ("http_protocol_options", "http2_protocol_options");
    let files = Files::new();
    let config = json!({
        "admin": { "address": { "pipe": { "path": files.path("admin") } } },
        "static_resources": { "clusters": [
            cluster(site, "http1", http("/readyz", "HTTP1", any), http1),
            cluster(site, "http2", http("/readyz", "HTTP2", passing.clone()), http2),
            cluster(site, "http_liveness", http("/livez", "HTTP1", passing), http1),
            cluster(site, "grpc", grpc(""), http2),
            cluster(site, "grpc_orders", grpc(ORDERS), http2),
            cluster(site, "grpc_liveness", grpc("liveness"), http2),
            cluster(site, "grpc_nobody", grpc("nobody"), http2),
        ] },
    });
    let config = files.write("envoy.json", &config.to_string());
    let mut envoy = program("envoy");
    envoy.args(["--disable-hot-restart", "--concurrency", "1", "-c"]);
    Daemon::start(envoy.arg(config), files)
}

async fn admin(files: &Files, path: &str) -> String {
    let url = format!("http://envoy{path}");
    let asked = run(curl()
        .arg("--unix-socket")
        .arg(files.path("admin"))
        .arg(url))
    .await;
    asked.stdout
}

/// The health flags of each cluster's host.
async fn flags(files: &Files) -> BTreeMap<String, String> {
    // http1::127.0.0.1:3000::health_flags::/failed_active_hc
    let clusters = admin(files, "/clusters").await;
    let fields = clusters
        .lines()
        .map(|line| line.split("::").collect::<Vec<_>>());
    fields
        .filter_map(|field| match field[..] {
            [cluster, _, "health_flags", flags] => Some((cluster.to_owned(), flags.to_owned())),
            _ => None,
        })
        .collect()
}

/// What the flags should be when those of readiness are these.
fn all(readiness: &str) -> BTreeMap<String, String> {
    [
        ("http1", readiness),
        ("http2", readiness),
        ("http_liveness", "healthy"),
        ("grpc", readiness),
        ("grpc_orders", readiness),
        ("grpc_liveness", "healthy"),
        ("grpc_nobody", "/failed_active_hc"),
    ]
    .map(|(cluster, flags)| (cluster.to_owned(), flags.to_owned()))
    .into()
}

/// How many checks of each kind could not be made, in clusters where any could not.
async fn network_failures(files: &Files) -> String {
    let stats = admin(files, "/stats?usedonly&filter=health_check.network_failure").await;
    let failed = stats.lines().filter(|line| !line.ends_with(": 0"));
    failed.collect()
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn envoy_takes_a_host_out_and_back_and_out_for_a_drain() {
    let site = Site::start().await;
    let mut envoy = start(&site);
    for (status, readiness) in [
        (Status::Pass, "healthy"),
        (Status::Fail, "/failed_active_hc"),
        (Status::Pass, "healthy"),
    ] {
        site.turn(status).await;
        envoy.until(all(readiness), flags).await;
    }
    site.health.drain();
    envoy.until(all("/failed_active_hc"), flags).await;

    // It was told, and did not merely fail to ask.
    envoy.until(String::new(), network_failures).await;
}
