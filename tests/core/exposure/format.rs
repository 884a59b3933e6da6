//! A report in a format of the user's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;

use http::Request;
use serde_json::{Value, json};
use tower_health::{
    ComponentType, Details, Failure, Health, HealthLayer, ObservedValue, Probe, Report,
    ReportEntry, Status,
};

use super::support::{Port, check, failing, passing};
use crate::support::{Dial, PATIENCE, lapse, secs, settle, steady};

/// The `/ready` body of the first seed: names to words.
fn simple(report: &Report<'_>) -> String {
    let checks = report.entries().iter().map(|entry| {
        let word = match (entry.status(), entry.output()) {
            (Status::Fail, Some(output)) => format!("unhealthy: {output}"),
            _ => "healthy".to_owned(),
        };
        (entry.name().to_owned(), word.into())
    });
    let status = if report.status().is_healthy() {
        "ready"
    } else {
        "not_ready"
    };
    let checks: serde_json::Map<String, serde_json::Value> = checks.collect();
    serde_json::json!({ "status": status, "checks": checks }).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_custom_format_writes_the_report_under_its_content_type() {
    let health = steady()
        .readiness(passing("database"))
        .readiness(failing("redis", "refused"))
        .format("application/vnd.ready+json", simple)
        .start()
        .unwrap();
    settle().await;
    let port = Port::management(&health);
    let expected =
        r#"{"checks":{"database":"healthy","redis":"unhealthy: refused"},"status":"not_ready"}"#;
    let answer = port.get("/readyz").await;
    assert_eq!((answer.code, &*answer.body), (503, expected));
    assert_eq!(answer.content_type(), "application/vnd.ready+json");
    assert_eq!(answer.headers["content-length"], expected.len().to_string());

    // One check, and a list without one, come in the same format.
    let one = port.get("/readyz/database").await;
    assert_eq!(
        one.body,
        r#"{"checks":{"database":"healthy"},"status":"ready"}"#
    );
    let without = port.get("/readyz?exclude=redis").await;
    assert_eq!((without.code, &*without.body), (200, &*one.body));
    assert_eq!(without.content_type(), "application/vnd.ready+json");

    // The text for people does not.
    let text = port.get("/readyz?verbose").await;
    assert_eq!(text.content_type(), "text/plain; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn strangers_get_the_public_answer_whatever_the_format() {
    let health = steady()
        .readiness(passing("database"))
        .format("text/plain", |_| "everything".to_owned())
        .start()
        .unwrap();
    settle().await;
    let answer = Port::guarded(&health).get("/readyz").await;
    assert!(answer.is_public());
    assert_eq!(answer.content_type(), "application/health+json");
}

fn counting(db: &Dial) -> (Health, Arc<AtomicUsize>) {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let health = steady()
        .readiness(db.check("db"))
        .format("text/plain", move |report| {
            let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
            format!("{} {count}", report.probe())
        })
        .start()
        .unwrap();
    (health, written)
}

#[tokio::test(start_paused = true)]
async fn a_report_is_written_once_for_each_snapshot_and_only_on_request() {
    let (health, written) = counting(&Dial::pass());
    let (public, management) = (Port::public(&health), Port::management(&health));
    settle().await;
    lapse(secs(10)).await;
    for _ in 0..10 {
        public.get("/readyz").await;
    }
    assert_eq!(written.load(Ordering::Relaxed), 0, "nobody may see it");

    for expected in ["readiness 1", "readiness 2", "readiness 3"] {
        for _ in 0..50 {
            assert_eq!(management.get("/readyz").await.body, expected);
        }
        lapse(secs(1)).await;
    }
    // Each probe has its own.
    assert_eq!(management.get("/livez").await.body, "liveness 4");
    assert_eq!(management.get("/livez").await.body, "liveness 4");
    // HEAD and OPTIONS need the length, and write nothing twice.
    for method in ["HEAD", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/livez");
        management.send(request).await;
    }
    assert_eq!(written.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_in_the_next_report_although_no_check_ran() {
    let health = steady()
        .format("text/plain", |report| format!("{:?}", report.output()))
        .start()
        .unwrap();
    settle().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/readyz").await.body, "None");
    health.drain();
    assert_eq!(port.get("/readyz").await.body, r#"Some("draining")"#);
}

// D20: a writer that fails is no answer 500, and leaks nothing.
#[tokio::test(start_paused = true)]
async fn a_format_that_panics_gives_what_a_stranger_gets() {
    let dial = Dial::pass();
    let health = steady()
        .readiness(dial.check("db"))
        .format("text/plain", |report| {
            panic!("cannot write {:?}", report.output())
        })
        .start()
        .unwrap();
    settle().await;
    let port = Port::management(&health);
    let answer = port.get("/readyz").await;
    assert_eq!((answer.code, &*answer.body), (200, r#"{"status":"pass"}"#));

    dial.turn(Err("hunter2".into()));
    lapse(secs(1)).await;
    for target in ["/readyz", "/readyz?exclude=x", "/readyz/db"] {
        let answer = port.get(target).await;
        assert_eq!((answer.code, &*answer.body), (503, r#"{"status":"fail"}"#));
    }
    // The refresher did not notice.
    assert_eq!(health.refresher_restarts(), 0);
    dial.turn(Ok(().into()));
    lapse(secs(1)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn an_empty_report_is_an_empty_body() {
    let health = steady()
        .format("text/plain", |_| String::new())
        .start()
        .unwrap();
    let answer = Port::management(&health).get("/livez").await;
    assert_eq!((answer.code, &*answer.body), (200, ""));
    assert_eq!(answer.headers["content-length"], "0");
}

/// The draft's report without its times, from what the public API returns.
fn draft(report: &Report<'_>) -> Value {
    let links: serde_json::Map<_, _> = report
        .links()
        .map(|(relation, uri)| (relation.to_owned(), uri.into()))
        .collect();
    let checks: serde_json::Map<_, _> = report
        .entries()
        .iter()
        .map(|entry| (entry.name().to_owned(), json!([element(entry)])))
        .collect();
    json!({
        "status": report.status().as_str(),
        "version": report.version(),
        "releaseId": report.release_id(),
        "serviceId": report.service_id(),
        "description": report.description(),
        "notes": report.notes(),
        "output": report.output(),
        "links": links,
        "checks": checks,
    })
}

fn element(entry: &ReportEntry<'_>) -> Value {
    let reading = &entry.readings()[0];
    let ObservedValue::Integer(value) = reading.value() else {
        panic!("{reading:?}")
    };
    json!({
        "componentId": entry.component_id(),
        "componentType": entry.component_type().map(ComponentType::as_str),
        "observedValue": value,
        "observedUnit": reading.unit(),
        "status": entry.status().as_str(),
        "affectedEndpoints": entry.affected_endpoints(),
        "output": entry.output(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_format_gets_everything_that_the_default_one_writes() {
    let db = check("db", Err(Failure::new("refused").value(3, "ms")))
        .component_id("db-1")
        .component_type(ComponentType::Datastore)
        .affected_endpoint("/orders/{id}");
    let health = steady()
        .readiness(db)
        .version("1")
        .release_id("1.4.2")
        .service_id("shop-7")
        .description("health of the shop")
        .note("canary")
        .link("about", "https://shop.example/runbook")
        .start()
        .unwrap();
    settle().await;
    health.refuse_traffic("maintenance");

    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let body = Port::management(&health).get("/readyz").await.body;
    let mut written: Value = serde_json::from_str(&body).unwrap();
    written.as_object_mut().unwrap().remove("time");
    let entry = &mut written["checks"]["db"][0];
    entry.as_object_mut().unwrap().remove("time");
    assert_eq!(draft(&report), written);
    assert_eq!(report.reasons(), ["refusing traffic: maintenance"]);
}

#[tokio::test(start_paused = true)]
async fn a_format_gets_what_speaks_against_the_status_of_a_check() {
    let db = Dial::pass();
    let health = steady()
        .readiness(db.check("db").failure_threshold(3))
        .start()
        .unwrap();
    settle().await;
    db.turn(Err("refused".into()));
    lapse(secs(1)).await;
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let [entry] = report.entries() else {
        panic!("{report:?}")
    };
    assert_eq!((entry.status(), entry.output()), (Status::Pass, None));
    assert_eq!(entry.contradiction(), Some("failed 1 of 3 times: refused"));
}

/// The readiness report, requested without a runtime.
fn report(layer: &HealthLayer) -> String {
    let headers: [(&str, &str); 0] = [];
    let answer = layer.answer("GET", "/readyz", None, headers).unwrap();
    String::from_utf8(answer.into_body()).unwrap()
}

/// What this returns on a thread of its own. A thread that hangs fails the test.
fn within_patience<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, returned) = mpsc::channel();
    thread::spawn(move || done.send(call()));
    returned.recv_timeout(PATIENCE).unwrap()
}

fn with_details(health: &Health) -> HealthLayer {
    let layer = HealthLayer::builder(health.clone()).details(Details::always());
    layer.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_format_may_request_the_report_that_it_writes() {
    let own = Arc::new(OnceLock::<HealthLayer>::new());
    let depth = AtomicUsize::new(0);
    let health = steady()
        .format("text/plain", {
            let own = Arc::clone(&own);
            move |_| match depth.fetch_add(1, Ordering::Relaxed) {
                0 => format!("outer, inner: {}", report(own.get().unwrap())),
                _ => "inner".to_owned(),
            }
        })
        .start()
        .unwrap();
    settle().await;
    own.set(with_details(&health)).unwrap();
    let layer = own.get().unwrap().clone();
    // The inner one was finished first, so it is the one that all callers share.
    assert_eq!(within_patience(move || report(&layer)), "inner");
}

#[tokio::test(start_paused = true)]
async fn a_format_that_blocks_holds_up_no_other_caller() {
    let calls = AtomicUsize::new(0);
    let (blocked, is_blocked) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let health = steady()
        .format("text/plain", move |_| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            if call == 0 {
                blocked.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
            }
            format!("call {call}")
        })
        .start()
        .unwrap();
    settle().await;
    let layer = with_details(&health);
    let first = thread::spawn({
        let layer = layer.clone();
        move || report(&layer)
    });
    is_blocked.recv_timeout(PATIENCE).unwrap();
    let second = within_patience({
        let layer = layer.clone();
        move || report(&layer)
    });
    assert_eq!(second, "call 1");
    release.send(()).unwrap();
    assert_eq!(first.join().unwrap(), "call 1", "all share one rendering");
    assert_eq!(report(&layer), "call 1");
}
