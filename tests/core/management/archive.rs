//! `/history` beyond what memory covers, from the file of a recorder.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::{TempDir, tempdir};
use tower_health::management::Management;
use tower_health::recorder::{Archive, Recorder, RecorderBuilder, Simulation};
use tower_health::{Health, Status};

use super::support::{Port, Reply, listener};
use crate::support::child::is_alone;
use crate::support::recorded::{HOUR, check, healthy, passes, run_db};
use crate::support::{Dial, eventually, steady, wait_until};

fn recorder(path: &Path) -> RecorderBuilder {
    Recorder::sqlite(path)
        .service("shop")
        .instance("shop-1")
        .interval(Duration::from_secs(45 * 60))
}

fn port(health: &Health, archive: impl Into<Archive>) -> Port {
    Port::with(Management::new(health).history(archive))
}

fn hours_ago(hours: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(hours * HOUR)
}

fn seconds(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    since_1970.unwrap().as_secs() / 60 * 60
}

/// Writes minutes with this many runs, as an earlier process would have, and tidies up.
async fn earlier(path: &Path, minutes: impl Iterator<Item = (u64, usize)>) {
    let mut process = Simulation::sqlite(path, ["shop", "shop-0"], hours_ago(400 * 24))
        .await
        .unwrap();
    for (hours, runs) in minutes {
        let minute = passes(seconds(hours_ago(hours)), runs);
        let now = minute.start() + Duration::from_secs(60);
        let written = process.write(vec![(check("db"), minute)], [now, now]).await;
        assert_eq!(written.unwrap(), Some(0));
    }
    process.tidy(SystemTime::now(), 1_000).await.unwrap();
}

fn buckets(reply: &Reply) -> Vec<Value> {
    let json = reply.json();
    assert_eq!((reply.code, &json["archive"]["error"]), (200, &Value::Null));
    let checks = json["archive"]["checks"].as_array().unwrap().clone();
    let of_check = checks.iter().map(|check| check["buckets"].as_array());
    of_check.flatten().flatten().cloned().collect()
}

fn runs(buckets: &[Value]) -> u64 {
    let passes = buckets
        .iter()
        .map(|bucket| bucket["runs"]["pass"].as_u64().unwrap());
    passes.sum()
}

#[tokio::test]
async fn a_span_that_memory_covers_asks_no_archive_and_a_longer_one_does() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    earlier(&path, [(3, 7)].into_iter()).await;
    let health = healthy().await;
    let recorder = recorder(&path).start(&health).unwrap();
    recorder.flush().await.unwrap();
    let port = port(&health, &recorder);

    for query in [
        "/history",
        "/history?check=db",
        "/history?since=0s&check=db",
    ] {
        let json = port.get(query).json();
        assert_eq!(json.get("archive"), None, "{query}");
        assert_eq!(json["memorySince"], json["started"], "{query}");
    }

    for name in ["db", "readiness/db"] {
        let reply = port.get(&format!("/history?since=4h&check={name}"));
        let found = buckets(&reply);
        assert_eq!(runs(&found), 8, "{found:?}");
        let json = reply.json();
        let archive = &json["archive"];
        assert_eq!(archive["resolutionSeconds"], 60);
        assert_eq!(archive["checks"][0]["service"], "shop");
        assert_eq!(archive["checks"][0]["subject"], "readiness/db");
        assert_eq!(archive["since"], json["since"]);
        let transition = &archive["transitions"][0];
        assert_eq!(transition["subject"], "readiness/db");
        assert_eq!(transition["instance"], "shop-1");
        assert_eq!(archive["hasMoreTransitions"], false);
        // What memory has is there as ever.
        assert_eq!(json["checks"]["readiness/db"]["runs"]["pass"], 1);
    }
    let all = port.get("/history?since=4h").json();
    let transitions = all["archive"]["transitions"].as_array().unwrap();
    assert!(transitions.iter().any(|one| one["subject"] == "readiness"));
    assert_eq!(all["archive"].get("checks"), None);
    let head = port.send("HEAD", "/history?since=4h", &["host: localhost"]);
    assert_eq!((head.code, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn the_age_of_the_span_chooses_the_resolution() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    let days = (1..=360).rev().map(|day| (day * 24, 3));
    earlier(&path, days).await;
    let health = Health::fixed(Status::Pass);
    let port = port(&health, Archive::sqlite(&path).service("shop"));
    for (since, resolution) in [("47h", 60), ("30days", 3_600), ("1year", 86_400)] {
        let target = format!("/history?since={since}&check=db");
        let reply = port.get(&target);
        let found = buckets(&reply);
        assert_eq!(reply.json()["archive"]["resolutionSeconds"], resolution);
        let least = found.iter().map(|bucket| bucket["seconds"].as_u64());
        assert!(least.min() >= Some(Some(resolution)), "{found:?}");
    }
    let year = buckets(&port.get("/history?since=364days&check=db"));
    assert_eq!((year.len(), runs(&year)), (360, 3 * 360));
}

#[tokio::test]
async fn the_history_of_another_service_is_not_shown_with_that_of_a_recorder() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    let mut other = Simulation::sqlite(&path, ["desk", "desk-0"], hours_ago(3))
        .await
        .unwrap();
    let minute = passes(seconds(hours_ago(2)), 5);
    let now = [minute.start(), minute.start()];
    other.write(vec![(check("db"), minute)], now).await.unwrap();
    let health = healthy().await;
    let recorder = recorder(&path).start(&health).unwrap();
    recorder.flush().await.unwrap();
    let own = buckets(&port(&health, &recorder).get("/history?since=4h&check=db"));
    assert_eq!(runs(&own), 1);
    let all = buckets(&port(&health, Archive::sqlite(&path)).get("/history?since=4h&check=db"));
    assert_eq!(runs(&all), 6);
}

#[tokio::test]
async fn a_check_that_is_gone_is_found_in_the_archive_and_one_that_never_was_is_not() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    earlier(&path, [(3, 7)].into_iter()).await;
    let health = Health::fixed(Status::Pass);
    let port = port(&health, Archive::sqlite(&path));
    assert_eq!(port.get("/history?check=db").code, 404);
    assert_eq!(runs(&buckets(&port.get("/history?since=4h&check=db"))), 7);
    assert_eq!(port.get("/history?since=4h&check=cache").code, 404);
}

#[tokio::test]
async fn memory_that_forgets_asks_for_what_it_forgot() {
    let dir = tempdir().unwrap();
    let dial = Dial::pass();
    let mut limits = tower_health::Limits::default();
    limits.history_per_check = 4;
    let health = steady()
        .limits(limits)
        .readiness(dial.check("db"))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let recorder = recorder(&dir.path().join("health.db"));
    let recorder = recorder.start(&health).unwrap();
    let port = port(&health, &recorder);
    for turn in 0..6 {
        dial.turn([Status::Fail, Status::Pass][turn % 2]);
        health.run_now("db").await.unwrap();
        // One is announced soon after the run, and memory has room for four.
        eventually("the transition in the archive", async || {
            recorder.flush().await.unwrap();
            let always = SystemTime::UNIX_EPOCH..SystemTime::now();
            recorder.transitions(always, "db").await.unwrap().len() == turn + 2
        })
        .await;
    }
    let started = port.get("/history").json()["started"].clone();
    let json = port
        .get(&format!("/history?since={}", started.as_str().unwrap()))
        .json();
    let of_db = |transitions: &Value| {
        let all = transitions.as_array().unwrap().iter();
        all.filter(|one| one["subject"] == "readiness/db").count()
    };
    assert!(json["memorySince"].as_str() > started.as_str());
    assert_eq!(of_db(&json["transitions"]), 4);
    assert_eq!(of_db(&json["archive"]["transitions"]), 7);
}

#[tokio::test]
async fn only_the_latest_thousand_transitions_are_shown_and_it_is_said() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    let health = healthy().await;
    let recorder = recorder(&path).start(&health).unwrap();
    recorder.flush().await.unwrap();
    let copy = "INSERT INTO tower_health_transitions (series, at, process, ordinal, status_from, \
                status_to, failures, lateness) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
                SELECT i + 1 FROM n WHERE i < 1500) SELECT s.id, t.at - i * 1000, t.process, \
                100 + i, 'fail', 'pass', 0, 0 FROM n, tower_health_series s, \
                (SELECT min(at) AS at, min(process) AS process FROM tower_health_transitions) t \
                WHERE s.check_name = 'db'";
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(copy).execute(&mut connection).await.unwrap();
    let json = port(&health, &recorder)
        .get("/history?since=1h&check=db")
        .json();
    let archive = &json["archive"];
    let transitions = archive["transitions"].as_array().unwrap();
    assert_eq!(transitions.len(), 1_000, "{}", archive["error"]);
    assert_eq!(archive["hasMoreTransitions"], true);
    let times: Vec<_> = transitions.iter().map(|one| one["time"].as_str()).collect();
    assert!(times.is_sorted(), "oldest first");
    assert_eq!(
        transitions.last().unwrap()["from"],
        Value::Null,
        "the latest"
    );
}

/// What memory has, why the rest is missing, and a health that does not care.
fn assert_honest(reply: &Reply, health: &Health, fault: &str) {
    let json = reply.json();
    let error = json["archive"]["error"].as_str().unwrap();
    assert!(error.contains(fault), "{error}");
    assert_eq!(json["archive"].get("transitions"), None);
    assert!(!json["transitions"].as_array().unwrap().is_empty());
    assert_eq!(reply.code, 200);
    assert_eq!(health.status(tower_health::Probe::Readiness), Status::Pass);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_leaves_what_memory_has_and_says_why() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    let health = healthy().await;
    let port = port(&health, Archive::sqlite(&path));
    let target = "/history?since=1year&check=db";
    assert_honest(&port.get(target), &health, "unable to open database file");
    // A check that is unknown here might be in the file.
    let unknown = port.get("/history?since=1year&check=cache");
    assert_eq!(unknown.code, 200);
    fs::write(&path, "x".repeat(4_096)).unwrap();
    assert_honest(&port.get(target), &health, "not a database");
    fs::remove_file(&path).unwrap();
    let recorder = recorder(&path).start(&health).unwrap();
    recorder.flush().await.unwrap();
    assert_eq!(runs(&buckets(&port.get(target))), 1);
}

/// A file that blocks whoever opens it, as a disk does that hangs.
struct Stuck(TempDir);

impl Stuck {
    fn new() -> Self {
        let dir = tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(dir.path().join("health.db"))
            .status();
        assert!(made.unwrap().success());
        Self(dir)
    }

    fn archive(&self) -> Archive {
        Archive::sqlite(self.0.path().join("health.db"))
    }
}

/// Lets go of the threads that it has blocked.
impl Drop for Stuck {
    fn drop(&mut self) {
        const O_NONBLOCK: i32 = 0o4000;
        let mut open = fs::OpenOptions::new();
        let open = open.write(true).custom_flags(O_NONBLOCK);
        let _ = open.open(self.0.path().join("health.db"));
    }
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_neither_the_answer_nor_the_port() {
    let stuck = Stuck::new();
    let health = healthy().await;
    let port = port(&health, stuck.archive());
    let (replies, answered) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let (port, replies) = (&port, replies.clone());
            scope.spawn(move || {
                replies
                    .send(port.get("/history?since=1h&check=db"))
                    .unwrap()
            });
        }
        // While they wait, others do not.
        assert_eq!(port.get("/livez").code, 200);
        assert_eq!(port.get("/history?check=db").code, 200);
        assert!(answered.try_recv().is_err(), "they still wait");
        // More than run at a time, and all of them have their answer.
        for _ in 0..6 {
            assert_honest(&answered.recv().unwrap(), &health, "not answer within 5s");
        }
    });
    run_db(&health, 1).await;
}

#[test]
fn with_every_worker_blocked_a_file_is_read_all_the_same() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("health.db");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let health = runtime.block_on(async {
        earlier(&path, [(3, 7)].into_iter()).await;
        healthy().await
    });
    let port = port(&health, Archive::sqlite(&path));
    let (unblock, is_unblocked) = mpsc::channel::<()>();
    let (blocks, is_blocked) = mpsc::channel();
    runtime.spawn(async move {
        blocks.send(()).unwrap();
        let _ = is_unblocked.recv();
    });
    is_blocked.recv().unwrap();
    assert_eq!(runs(&buckets(&port.get("/history?since=4h&check=db"))), 7);
    drop(unblock);
}

/// Whether a thread waits for a file of SQLite.
fn is_reading() -> bool {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.flatten().any(|task| {
        let name = fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "health-history")
    })
}

#[test]
fn an_answer_that_waits_keeps_neither_the_health_nor_the_port_alive() {
    let name = "an_answer_that_waits_keeps_neither_the_health_nor_the_port_alive";
    if !is_alone(module_path!(), name) {
        return;
    }
    let stuck = Stuck::new();
    let health = Health::fixed(Status::Pass);
    let weak = health.downgrade();
    let port = port(&health, stuck.archive());
    let request = b"GET /history?since=1h HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut stream = port.connect();
    stream.write_all(request).unwrap();
    wait_until("the question to the archive", is_reading);
    drop(health);
    assert!(weak.upgrade().is_none());
    wait_until("the end of the port", || !port.server.is_running());
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or_default(), 0);
}

#[test]
fn a_pool_is_refused_outside_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = Health::fixed(Status::Pass);
    let pool = {
        let _context = runtime.enter();
        sqlx::PgPool::connect_lazy("postgres://app@127.0.0.1:9/orders").unwrap()
    };
    let management = |pool| Management::new(&health).history(Archive::postgres(pool));
    let error = management(pool.clone()).serve(listener()).unwrap_err();
    assert!(error.is_option(), "{error}");
    let _context = runtime.enter();
    management(pool).serve(listener()).unwrap();
}
