//! `check_http` of the monitoring plugins, which Nagios and Icinga run.

use tokio::process::Command;
use tower_health::Status;

use super::process::{program, run};
use super::site::Site;

const OK: i32 = 0;
const CRITICAL: i32 = 2;

fn check_http(site: &Site, path: &str) -> Command {
    let mut check_http = program("check_http");
    check_http
        .args(["-I", "127.0.0.1", "-p", &site.address.port().to_string()])
        .args(["-u", path]);
    check_http
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn check_http_follows_the_code_for_each_method() {
    let site = Site::start().await;
    for (status, code, told) in [
        (Status::Pass, OK, "200 OK"),
        (Status::Warn, OK, "200 OK"),
        (Status::Fail, CRITICAL, "503 Service Unavailable"),
    ] {
        site.turn(status).await;
        for method in ["GET", "HEAD", "OPTIONS"] {
            let ended = run(check_http(&site, "/readyz").args(["-j", method])).await;
            assert_eq!(ended.code, Some(code), "{method}: {ended:?}");
            assert!(ended.stdout.contains(told), "{method}: {ended:?}");
        }
        let live = run(&mut check_http(&site, "/livez")).await;
        assert_eq!(live.code, Some(OK), "{live:?}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn check_http_finds_the_status_in_the_body() {
    let site = Site::start().await;
    for (status, code) in [(Status::Pass, "200"), (Status::Fail, "503")] {
        site.turn(status).await;
        let body = format!(r#"{{"status":"{status}"}}"#);
        let ended = run(check_http(&site, "/readyz").args(["-e", code, "-s", &body])).await;
        assert_eq!(ended.code, Some(OK), "{ended:?}");

        // Which it does not find in just any answer.
        let other = run(check_http(&site, "/readyz/").args(["-s", &body])).await;
        assert_eq!(other.code, Some(CRITICAL), "{other:?}");
    }
}
