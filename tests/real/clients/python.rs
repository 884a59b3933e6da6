//! grpcio with grpcio-health-checking: the client that Python services have.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tower_health::{ServingStatus, Status};

use super::process::{Teller, program, run};
use super::site::{ORDERS, Site};

/// The client in `client.py`, asking in plain text.
pub(crate) fn client(site: &Site) -> Command {
    let mut python = script();
    python.arg(site.address.to_string());
    python
}

/// The client in `client.py`, asking over TLS and trusting this certificate.
pub(crate) fn tls_client(port: u16, certificate: &Path) -> Command {
    let mut python = script();
    python.arg("--ca").arg(certificate);
    python.arg(format!("127.0.0.1:{port}"));
    python
}

fn script() -> Command {
    let mut python = program("python3");
    python.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/real/clients/client.py"
    ));
    python
}

/// What `check` prints for every kind of name.
pub(crate) const NAMES: [&str; 6] = ["", "readiness", "liveness", "startup", ORDERS, "nobody"];

pub(crate) fn told_of_names(readiness: &str) -> String {
    format!(
        "'' {readiness}\n\
         'readiness' {readiness}\n\
         'liveness' SERVING\n\
         'startup' SERVING\n\
         'shop.Orders' {readiness}\n\
         'nobody' NOT_FOUND: unknown service\n"
    )
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_checks_each_name() {
    let site = Site::start().await;
    for (status, readiness) in [
        (Status::Pass, "SERVING"),
        (Status::Warn, "SERVING"),
        (Status::Fail, "NOT_SERVING"),
    ] {
        site.turn(status).await;
        let told = run(client(&site).arg("check").args(NAMES)).await.success();
        assert_eq!(told, told_of_names(readiness), "{status}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_lists_the_names_that_it_may_see() {
    let standard = "'' SERVING\n'liveness' SERVING\n'readiness' SERVING\n";
    for (name, site, told) in [
        ("public", Site::start().await, "'startup' SERVING\n"),
        (
            "listing",
            Site::listing().await,
            "'shop.Orders' SERVING\n'startup' SERVING\n",
        ),
    ] {
        let list = run(client(&site).arg("list")).await.success();
        assert_eq!(list, format!("{standard}{told}"), "{name}");
    }
}

/// An answer that does not wait for the request. It must not get lost when the server then gives
/// the rest of the request up, so the client requests it more than once.
#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_finds_no_unknown_method() {
    let site = Site::start().await;
    let told = run(client(&site).arg("call").args(["Nope"; 50])).await;
    let unimplemented = "UNIMPLEMENTED: no such method of the health service\n";
    assert_eq!(told.success(), unimplemented.repeat(50));
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_watches_a_service_fail_and_come_back() {
    let site = Site::start().await;
    for service in ["", ORDERS] {
        let mut watch = Teller::start(client(&site).args(["watch", service]));
        assert_eq!(watch.line_with("").await, "SERVING");
        site.turn(Status::Fail).await;
        assert_eq!(watch.line_with("").await, "NOT_SERVING");
        site.turn(Status::Pass).await;
        assert_eq!(watch.line_with("").await, "SERVING");
        assert!(watch.is_silent().await);
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_watches_an_unknown_service_appear() {
    let site = Site::start().await;
    let mut watch = Teller::start(client(&site).args(["watch", "shop.Basket"]));
    assert_eq!(watch.line_with("").await, "SERVICE_UNKNOWN");
    let serving = ServingStatus::Serving;
    site.health
        .set_serving_status("shop.Basket", serving)
        .unwrap();
    assert_eq!(watch.line_with("").await, "SERVING");
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn python_watches_a_drain_until_the_server_ends() {
    let site = Site::leaving_after(Duration::from_secs(4)).await;
    let mut late = client(&site);
    let mut watch = Teller::start(client(&site).args(["watch", ""]));
    assert_eq!(watch.line_with("").await, "SERVING");

    let ended = site.leave();
    assert_eq!(watch.line_with("").await, "NOT_SERVING");
    // Who comes meanwhile is served, and gets the same.
    let mut late = Teller::start(late.args(["watch", ""]));
    assert_eq!(late.line_with("").await, "NOT_SERVING");
    assert!(watch.is_silent().await);

    for watch in [&mut watch, &mut late] {
        let told = watch.ended().await.success();
        assert_eq!(told, "UNAVAILABLE: the server is shutting down\n");
    }
    ended.await;
}
