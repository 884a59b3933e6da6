//! Presets for well-known servers. The servers here answer as the documentation of each says; those
//! that can be installed are in `tests/real/http`.

use std::convert::Infallible;

use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use tower_health::indicators::HttpIndicator;
use tower_health::{HealthIndicator, Observation, Status};

use super::site::{Site, answering, http, text};
use super::verdict::failure;
use crate::support::watched::refused;

/// Answers this path, and no other, with this.
async fn site(path: &'static str, status: u16, body: &'static str) -> Site {
    answering(move |request| match request.uri() == path {
        true => text(status, body),
        false => text(404, "another path"),
    })
    .await
}

fn at(site: &Site) -> HttpIndicator {
    HttpIndicator::new("it", &site.url("/"))
}

/// The status, and the text of a warning or of a failure.
pub(crate) async fn verdict(indicator: HttpIndicator) -> (Status, String) {
    let told = |seen: Observation| {
        let output = seen.output().unwrap_or_default().to_owned();
        (seen.status(), output)
    };
    match indicator.check().await {
        Ok(seen) => told(seen),
        Err(failure) => (Status::Fail, failure.output().to_owned()),
    }
}

#[track_caller]
pub(crate) fn assert_said((status, said): (Status, String), wanted: Status, end: &str) {
    assert_eq!(status, wanted, "{said}");
    assert!(said.ends_with(end), "{said}");
}

#[tokio::test]
async fn elasticsearch_is_judged_by_its_colour() {
    let path = "/_cluster/health?local=true";
    let cases = [
        (
            200,
            r#"{"status":"green","unassigned_shards":0,"number_of_nodes":3}"#,
            Status::Pass,
            "",
        ),
        (
            200,
            r#"{"status":"yellow","unassigned_shards":5}"#,
            Status::Warn,
            "/_cluster/health: answered 200 OK: the cluster is yellow, 5 shards unassigned",
        ),
        (
            200,
            r#"{"status":"red"}"#,
            Status::Fail,
            "the cluster is red",
        ),
        (
            200,
            r#"{"status":"green","discovered_master":false}"#,
            Status::Fail,
            "the node has no master",
        ),
        (
            200,
            r#"{"status":"green","discovered_cluster_manager":false}"#,
            Status::Fail,
            "the node has no master",
        ),
        (200, "<html>", Status::Fail, "the body is not JSON"),
        (
            200,
            "{}",
            Status::Fail,
            "the body has no status of a cluster",
        ),
        (
            401,
            "",
            Status::Fail,
            "it refuses the credentials of the check",
        ),
        (
            503,
            r#"{"error":"master_not_discovered_exception"}"#,
            Status::Fail,
            "the node does not report the cluster's health",
        ),
    ];
    for (status, body, wanted, end) in cases {
        let site = site(path, status, body).await;
        assert_said(verdict(at(&site).elasticsearch()).await, wanted, end);
    }
    let site = site(
        path,
        200,
        r#"{"status":"yellow","unassigned_shards":5,"number_of_nodes":1}"#,
    );
    let seen = at(&site.await).elasticsearch().check().await.unwrap();
    let names: Vec<_> = { seen.readings().iter() }
        .filter_map(|reading| reading.measurement())
        .collect();
    assert_eq!(names, ["unassignedShards", "nodes", "responseTime"]);
}

#[tokio::test]
async fn vault_is_judged_by_its_status_code() {
    let cases = [
        (200, Status::Pass, ""),
        (429, Status::Pass, ""),
        (473, Status::Pass, ""),
        (
            472,
            Status::Fail,
            "disaster recovery, which serves no clients",
        ),
        (
            474,
            Status::Fail,
            "a standby that cannot reach the active server",
        ),
        (501, Status::Fail, "the server is not initialized"),
        (503, Status::Fail, "the server is sealed"),
        (530, Status::Fail, "the server was removed from its cluster"),
        (404, Status::Fail, "no answer of Vault's health endpoint"),
    ];
    for (status, wanted, end) in cases {
        let site = site("/v1/sys/health", status, "{}").await;
        assert_said(verdict(at(&site).vault()).await, wanted, end);
    }
}

#[tokio::test]
async fn consul_is_judged_by_its_leader() {
    let cases = [
        (200, r#""10.1.10.12:8300""#, Status::Pass, ""),
        (200, r#""""#, Status::Fail, "the datacenter has no leader"),
        (
            200,
            "{}",
            Status::Fail,
            "the body is not the address of a leader",
        ),
        (
            500,
            "No known Consul servers",
            Status::Fail,
            "the agent gets no answer from a server",
        ),
        (404, "", Status::Fail, "that is no answer of a Consul agent"),
    ];
    for (status, body, wanted, end) in cases {
        let site = site("/v1/status/leader", status, body).await;
        assert_said(verdict(at(&site).consul()).await, wanted, end);
    }
}

#[tokio::test]
async fn clickhouse_is_judged_by_its_ping_and_its_replicas() {
    let ping = site("/ping", 200, "Ok.\n").await;
    assert_said(verdict(at(&ping).clickhouse()).await, Status::Pass, "");
    let other = site("/ping", 200, "nginx").await;
    assert_said(
        verdict(at(&other).clickhouse()).await,
        Status::Fail,
        "the body is not `Ok.`",
    );

    let lags = "db.events:\tAbsolute delay: 412. Relative delay: 400.\n";
    let lagging = site("/replicas_status", 503, lags).await;
    let wanted = "a replica lags: db.events:\tAbsolute delay: 412. Relative delay: 400.";
    assert_said(
        verdict(at(&lagging).clickhouse_replica()).await,
        Status::Warn,
        wanted,
    );
    let broken = site("/replicas_status", 500, "Code: 60").await;
    let wanted = "the server does not report its replicas";
    assert_said(
        verdict(at(&broken).clickhouse_replica()).await,
        Status::Fail,
        wanted,
    );
}

/// A server with many replicated tables lists all of them, those that do not lag too.
#[tokio::test]
async fn a_clickhouse_that_lists_more_tables_than_the_limit_has_a_replica_that_lags() {
    let line = |table: usize, delay: u32| {
        format!("shop.table{table}:\tAbsolute delay: {delay}. Relative delay: 0.\n")
    };
    let mut lags: String = (0..2_000).map(|table| line(table, 0)).collect();
    lags.insert_str(300, &format!("\n{}", line(2_000, 412)));
    assert!(lags.len() > 64 * 1024, "it fits");
    let lags: &'static str = lags.leak();
    let whole = site("/replicas_status", 503, lags).await;
    // As ClickHouse sends it: without a length.
    let piecemeal = Site::start(move |connection| {
        http(connection, move |_| async move {
            let pieces = lags.as_bytes().chunks(4096).map(Bytes::from_static);
            let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
            let body = StreamBody::new(futures_util::stream::iter(frames));
            let response = http::Response::builder().status(503);
            response.body(body).unwrap()
        })
    })
    .await;
    for site in [whole, piecemeal] {
        let (status, said) = verdict(at(&site).clickhouse_replica()).await;
        assert_eq!(status, Status::Warn, "{said}");
        let worst = "a replica lags: shop.table2000:\tAbsolute delay: 412. Relative delay: 0.";
        assert!(said.contains(worst), "{said}");
        assert!(said.len() < 400, "{said}");
    }
    // `enable_verbose_replicas_status` is off.
    let terse = site("/replicas_status", 503, "Ok.\n").await;
    let said = verdict(at(&terse).clickhouse_replica()).await;
    assert_said(
        said,
        Status::Warn,
        "503 Service Unavailable: a replica lags",
    );
}

#[tokio::test]
async fn the_path_of_a_preset_is_added_to_that_of_the_url() {
    let site = site("/behind/ping", 200, "Ok.\n").await;
    for base in ["/behind", "/behind/"] {
        let indicator = HttpIndicator::new("it", &site.url(base)).clickhouse();
        assert_said(verdict(indicator).await, Status::Pass, "");
    }
    let hidden = HttpIndicator::new("it", &site.url("/s3cr3t")).hide_path();
    let said = failure(&hidden.clickhouse()).await;
    assert!(!said.contains("s3cr3t"), "{said}");
    assert!(said.contains("/…: answered 404"), "{said}");
}

#[test]
fn a_preset_needs_the_base_of_the_api() {
    let said = refused(HttpIndicator::new("it", "http://vault/?x=y").vault());
    assert!(said.contains("url has a query"), "{said}");
    let said = refused(HttpIndicator::new("it", "vault").vault());
    assert!(said.contains("url has no scheme"), "{said}");
    let both = HttpIndicator::new("it", "http://vault").vault();
    let said = refused(both.body(|_| Ok::<_, &str>(())));
    assert!(said.contains("body is not called"), "{said}");
}
