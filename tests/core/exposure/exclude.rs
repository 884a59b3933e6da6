//! `?exclude=`: what it changes, and what it must never touch.
//!
//! Kubernetes honours it before its "has been ready" latch, so that a query can set the latch for
//! good (peers §4.19, K16). Here no query reaches a latch.

use tower_health::{Check, Criticality, Health, Observation, Probe, Status};

use super::support::{Port, check, failing, passing};
use crate::support::{Dial, settle, steady};

async fn down() -> Health {
    let health = steady()
        .readiness(passing("ping"))
        .readiness(failing("bad", "refused"))
        .readiness(failing("worse", "refused too"))
        .start()
        .unwrap();
    settle().await;
    health
}

#[tokio::test(start_paused = true)]
async fn on_a_public_port_it_changes_the_report_and_never_the_code() {
    let port = Port::guarded(&down().await);
    let answer = port
        .get_with_token("/readyz?exclude=bad&exclude=worse")
        .await;
    assert_eq!(answer.code, 503);
    let report = answer.json();
    assert_eq!(report["status"], "fail");
    let names: Vec<_> = report["checks"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["ping"]);

    let text = port
        .get_with_token("/readyz?verbose&exclude=bad&exclude=worse")
        .await;
    assert_eq!(text.code, 503);
    assert_eq!(
        text.body,
        "[+]ping ok\n[+]bad excluded: ok\n[+]worse excluded: ok\nreadyz check failed\n"
    );
}

#[tokio::test(start_paused = true)]
async fn with_details_for_every_caller_it_changes_the_code() {
    let port = Port::management(&down().await);
    let table = [
        ("/readyz", 503),
        ("/readyz?exclude=ping", 503),
        ("/readyz?exclude=bad", 503),
        ("/readyz?exclude=bad,worse", 503),
        ("/readyz?exclude=", 503),
        ("/readyz?exclude=bad&exclude=worse", 200),
        ("/readyz?exclude=%62ad&exclude=worse", 200),
        ("/readyz?exclude=bad&exclude=worse&exclude=ping", 200),
        ("/readyz?exclude=bad&exclude=worse&exclude=bad", 200),
        ("/readyz?exclude=BAD&exclude=worse", 503),
    ];
    for (target, code) in table {
        for target in [target.to_owned(), target.replace('?', "?verbose&")] {
            assert_eq!(port.get(&target).await.code, code, "{target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_exist_changes_nothing_in_the_report() {
    let health = down().await;
    let port = Port::management(&health);
    let plain = port.get("/readyz").await;
    let excluding = port.get("/readyz?exclude=nothing").await;
    assert_eq!(excluding.json(), plain.json());
}

#[tokio::test(start_paused = true)]
async fn gates_and_heartbeats_can_be_excluded_by_name() {
    let health = steady().gate("migrations").start().unwrap();
    drop(
        health
            .heartbeat("consumer", std::time::Duration::from_secs(1))
            .unwrap(),
    );
    settle().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/startupz").await.code, 503);
    assert_eq!(port.get("/startupz?exclude=migrations").await.code, 200);
    assert_eq!(port.get("/livez").await.code, 503);
    assert_eq!(port.get("/livez?exclude=consumer").await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn what_the_process_says_of_itself_cannot_be_excluded() {
    type Switch = fn(&Health);
    let cases: [(&str, Switch, &str); 4] = [
        ("draining", Health::drain, "/readyz"),
        ("refusing", |health| health.refuse_traffic("no"), "/readyz"),
        ("broken", |health| health.mark_broken("no"), "/livez"),
        ("unstarted", |_| {}, "/readyz"),
    ];
    for (name, switch, path) in cases {
        let mut builder = steady().readiness(passing("db"));
        if name == "unstarted" {
            builder = builder.gate("migrations");
        }
        let health = builder.start().unwrap();
        settle().await;
        switch(&health);
        let port = Port::management(&health);
        for query in ["db", name, "readyz", "draining", "migrations", "startup"] {
            let target = format!("{path}?exclude={query}&exclude=db");
            assert_eq!(port.get(&target).await.code, 503, "{name}: {target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn excluding_all_that_fails_does_not_set_the_startup_latch() {
    let schema = Dial::at(Err("missing".into()));
    let health = steady().startup(schema.check("schema")).start().unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    let port = Port::management(&health);
    for _ in 0..10 {
        assert_eq!(port.get("/startupz?exclude=schema").await.code, 200);
    }
    settle().await;
    assert_eq!(port.get("/startupz").await.code, 503);
    assert_eq!(health.status(Probe::Startup), Status::Fail);
    assert_eq!(port.get("/readyz?exclude=schema").await.code, 503);

    drop(port);
    drop(health);
    assert_eq!(transitions.next().await, None, "nothing was told");
}

// It holds startup up, although its failure would not.
#[tokio::test(start_paused = true)]
async fn a_non_critical_startup_check_that_has_not_run_fails_in_every_form_of_the_report() {
    let hanging = tower_health::indicator_fn("schema", || {
        std::future::pending::<Result<(), std::io::Error>>()
    });
    let never_runs = Check::new(hanging).criticality(Criticality::NonCritical);
    let health = steady().startup(never_runs).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    for target in [
        "/startupz",
        "/startupz?verbose",
        "/startupz?exclude=nothing",
        "/startupz/schema",
    ] {
        assert_eq!(port.get(target).await.code, 503, "{target}");
    }
    assert_eq!(port.get("/startupz?exclude=schema").await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn excluding_a_check_never_makes_a_probe_worse() {
    let warning = check("slow", Ok(Observation::warn("slow")));
    let health = steady()
        .startup(warning)
        .startup(passing("schema"))
        .start()
        .unwrap();
    settle().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/startupz").await.json()["status"], "pass");
    let excluding = port.get("/startupz?exclude=schema").await;
    assert_eq!(excluding.json()["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn no_query_runs_a_check() {
    let db = Dial::at(Err("refused".into()));
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    for query in [
        "exclude=db",
        "exclude=nothing&verbose",
        "verbose",
        "forceInstantExecution",
        "refresh=true",
    ] {
        for _ in 0..20 {
            port.get(&format!("/readyz?{query}")).await;
        }
    }
    assert_eq!(db.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_one_caller_excludes_the_next_one_sees() {
    let port = Port::management(&down().await);
    let before = port.get("/readyz").await;
    port.get("/readyz?exclude=bad&exclude=worse&exclude=ping")
        .await;
    assert_eq!(port.get("/readyz").await, before);
}
