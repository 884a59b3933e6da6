//! `/history` of the management port, when what it asks for is in a Postgres that may be down.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tower_health::management::{Management, ManagementServer};
use tower_health::recorder::Archive;
use tower_health::{Health, Probe, Status};

use super::Schema;
use super::outages::{builder, pool, recovers};
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::recorded::{DAY, Store, check, healthy, passes};
use crate::support::sqlx_pool::assert_no_place_is_stranded;

const YEAR: &str = "/history?since=365days&check=db";

fn serve(health: &Health, archive: impl Into<Archive>) -> ManagementServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let management = Management::new(health).history(archive);
    management.serve(listener).unwrap()
}

/// Returns the JSON of a response with code 200.
async fn get(server: &ManagementServer, target: &str) -> Value {
    let url = format!("http://{}{target}", server.address().unwrap());
    let curl = tokio::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            "60",
            &url,
        ])
        .output();
    let output = curl.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The answer has what memory covers, says what is missing, and leaves the health alone.
async fn is_missing(server: &ManagementServer, health: &Health) -> String {
    let json = get(server, YEAR).await;
    assert_eq!(json["checks"]["readiness/db"]["status"], "pass");
    assert!(!json["transitions"].as_array().unwrap().is_empty());
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    let error = json["archive"]["error"].as_str();
    error.unwrap_or_else(|| panic!("{json}")).to_owned()
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_is_down_or_frozen_leaves_what_memory_has() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    let port = serve(&health, &recorder);
    let is_there = async || {
        let archive = get(&port, YEAR).await["archive"].clone();
        archive["checks"][0]["buckets"][0]["runs"]["pass"].as_u64() >= Some(1)
    };
    assert!(is_there().await);

    server.freeze();
    // More than there may be at a time, so that some only wait for their turn.
    let ask = || is_missing(&port, &health);
    let (one, two, three, four) = tokio::join!(ask(), ask(), ask(), ask());
    for error in [one, two, three, four] {
        assert!(error.contains("does not answer within 5s"), "{error}");
    }
    server.thaw();
    eventually("the archive answers", is_there).await;

    server.kill();
    is_missing(&port, &health).await;
    server.restart().await;
    eventually("the archive answers", is_there).await;
    // None of those who gave up keeps a connection of the application.
    assert_no_place_is_stranded(&pool).await;
    recovers(&recorder, &health).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_client_that_leaves_takes_its_question_along() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    let archive = recorder.archive().clone();
    server.freeze();
    // More than the turns of the archive, which hold for the work and not for who waits for it.
    for _ in 0..6 {
        let range = SystemTime::now() - Duration::from_secs(60)..SystemTime::now();
        let question = archive.history(range, "db");
        let left = tokio::time::timeout(Duration::from_millis(100), question).await;
        assert!(left.is_err());
    }
    // This one has a turn at once, and asks the server.
    let now = SystemTime::now();
    let range = now - Duration::from_secs(60)..now;
    let error = archive.history(range.clone(), "db").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the database does not answer"), "{text}");
    server.thaw();
    eventually("it answers", async || {
        archive.history(range.clone(), "db").await.is_ok()
    })
    .await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_year_of_days_is_one_answer() {
    let server = Postgres::start().await;
    let schema = Schema::new(&server, "year").await;
    let year_ago = SystemTime::now() - Duration::from_secs(364 * DAY);
    let mut process = schema.process("shop-0", year_ago).await;
    for day in 0..364 {
        let now = year_ago + Duration::from_secs(day * DAY);
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let minute = passes(since_1970.as_secs() / 60 * 60, 3);
        let minutes = (0..20).map(|number| (check(&format!("check-{number}")), minute));
        process.write(minutes.collect(), [now, now]).await.unwrap();
    }
    process.tidy(SystemTime::now(), 1_000).await.unwrap();
    let health = healthy().await;
    let port = serve(&health, schema.archive());
    let began = std::time::Instant::now();
    let json = get(&port, "/history?since=365days&check=check-7").await;
    println!("a year in days: {:?}, curl included", began.elapsed());
    let archive = &json["archive"];
    assert_eq!(archive["resolutionSeconds"], 86_400, "{archive}");
    let buckets = archive["checks"][0]["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 364);
}
