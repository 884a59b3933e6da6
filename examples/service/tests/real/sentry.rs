//! Sentry, with an ingest of its own for each test.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::support::http::{connect, get, head, post, send};
use crate::support::ingest::Ingest;
use crate::support::postgres::Postgres;
use crate::support::service::Service;
use crate::support::wait_until;

const PROBES: [&str; 5] = [
    "/livez",
    "/readyz",
    "/startupz",
    "/readyz?verbose",
    "/health",
];

fn names(transactions: &[Value]) -> Vec<&str> {
    let names = transactions
        .iter()
        .map(|transaction| &transaction["transaction"]);
    let mut names: Vec<_> = names.map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// The transactions of requests, without those of work at the start.
fn of_requests(ingest: &Ingest) -> Vec<Value> {
    let all = ingest.transactions().into_iter();
    all.filter(|transaction| transaction["contexts"]["trace"]["op"] == "http.server")
        .collect()
}

#[test]
fn each_request_is_a_transaction_under_the_name_of_its_route_and_no_probe_is() {
    let (ingest, postgres) = (Ingest::start(), Postgres::start());
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [
        // The thread of SQLite may hold the span of a statement until its transaction is finished.
        ("DATABASE_URL", &*url),
        ("SENTRY_DSN", &*dsn),
        ("RELEASE", "service@abc123"),
    ];
    let service = Service::start(&[], &variables).ready();
    post(service.api, "/api/notes", r#"{"text":"traced"}"#);
    for path in ["/api/notes/1", "/api/notes/2", "/api/time", "/nowhere"] {
        service.get(path);
    }
    for port in [service.api, service.web, service.management] {
        for probe in PROBES {
            for method in ["GET", "HEAD", "OPTIONS"] {
                send(port, method, probe, &[], "");
            }
        }
    }
    let expected = [
        "GET /api/notes/{id}",
        "GET /api/notes/{id}",
        "GET /api/time",
        "POST /api/notes",
    ];
    wait_until("transactions", || {
        of_requests(&ingest).len() >= expected.len()
    });
    service.stop();
    let requests = of_requests(&ingest);
    assert_eq!(names(&requests), expected);
    for transaction in &requests {
        assert_eq!(transaction["environment"], "development");
        assert_eq!(transaction["release"], "service@abc123");
        let status = &transaction["contexts"]["trace"]["status"];
        assert!(status == "ok" || status == "not_found", "{transaction}");
    }
    // The statement is a part of the trace.
    let spans = requests
        .iter()
        .filter_map(|transaction| transaction["spans"].as_array());
    assert_eq!(spans.flatten().count(), 3, "{requests:?}");
    let others: BTreeSet<_> = ingest
        .transactions()
        .into_iter()
        .collect::<Vec<_>>()
        .iter()
        .map(|transaction| transaction["transaction"].to_string())
        .collect();
    assert!(others.iter().all(|name| !name.contains('z')), "{others:?}");
    assert!(ingest.events().is_empty(), "{:?}", ingest.events());
}

#[test]
fn a_tenth_of_the_requests_is_traced_in_production_and_each_one_elsewhere() {
    const REQUESTS: usize = 400;
    // The queue of the SDK is bounded: on a busy machine it drops some of them, and never most.
    // From outside, everybody could have each of their requests traced.
    let asked = ["sentry-trace: 09e04486820349518ac7b5d2adbf6ba5-9cf635fa5b870b3a-1"];
    for (mode, range) in [
        ("production", 5..=100),
        ("staging", REQUESTS / 2..=REQUESTS),
    ] {
        let ingest = Ingest::start();
        let dsn = ingest.dsn();
        let variables = [
            ("MODE", mode),
            ("SENTRY_DSN", &*dsn),
            ("DATABASE_URL", "sqlite:notes.db"),
            ("MANAGEMENT_TOKEN", "a-token"),
            ("HEALTH_DRAIN_DELAY", "0"),
        ];
        let service = Service::start(&["--apply-migrations"], &variables).ready();
        for _ in 0..REQUESTS {
            send(service.api, "GET", "/api/time", &asked, "");
        }
        wait_until("transactions", || {
            of_requests(&ingest).len() >= *range.start()
        });
        service.stop();
        let traced = of_requests(&ingest).len();
        assert!(range.contains(&traced), "{mode}: {traced} of {REQUESTS}");
    }
}

#[test]
fn a_check_that_begins_to_fail_is_one_event_with_the_report_however_often_it_is_probed() {
    let ingest = Ingest::start();
    let mut postgres = Postgres::start();
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
    let service = Service::start(&[], &variables).ready();
    for outages in 1..=2 {
        postgres.kill();
        service.await_code("/readyz", 503);
        for _ in 0..50 {
            service.get("/readyz");
            get(service.management, "/readyz");
        }
        wait_until("an event", || ingest.of_health().len() >= outages);
        postgres.bring_up();
        service.await_code("/readyz", 200);
        assert_eq!(
            ingest.of_health().len(),
            outages,
            "{:?}",
            ingest.of_health()
        );
    }
    service.stop(); // a drain is no failure
    let events = ingest.events();
    assert_eq!(events.len(), 2, "{events:?}");
    for event in &events {
        assert_eq!(event["tags"]["health"], "readiness/database");
        assert_ne!(event["level"], "warning"); // the SDK leaves out `error`, the default
        let message = event["message"].to_string();
        assert!(message.contains("-> fail"), "{message}");
        let report = &event["contexts"]["health"];
        assert_eq!(report["status"], "fail", "{event}");
        assert!(report["checks"].to_string().contains("database"), "{event}");
        assert_eq!(
            event["fingerprint"],
            serde_json::json!(["health", "readiness/database"])
        );
    }
}

#[test]
fn errors_of_the_network_are_dropped_and_others_are_sent_with_what_was_done() {
    let ingest = Ingest::start();
    let mut postgres = Postgres::start();
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
    let service = Service::start(&[], &variables).ready();
    postgres.kill();
    for _ in 0..2 {
        let answer = service.get("/api/notes");
        assert_eq!(answer.code, 503, "{answer:?}");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
    postgres.bring_up();
    service.await_code("/readyz", 200);
    assert!(service.get("/api/notes").code == 200);

    postgres.run("ALTER TABLE notes RENAME TO away");
    let answer = service.get("/api/notes/1");
    assert_eq!(
        (answer.code, &*answer.body),
        (500, r#"{"error":"internal error"}"#)
    );
    let errors = || -> Vec<_> {
        let events = ingest.events().into_iter();
        events.filter(|event| event["logger"] != "health").collect()
    };
    let statuses = || -> BTreeSet<_> {
        let traces = of_requests(&ingest).into_iter();
        traces
            .map(|trace| trace["contexts"]["trace"]["status"].to_string())
            .collect()
    };
    wait_until("the error and its transaction", || {
        !errors().is_empty() && statuses().contains("\"internal_error\"")
    });
    let log = service.stop();
    assert!(log.contains("a request failed"), "{log}");
    let errors = errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = &errors[0];
    assert_eq!(error["extra"]["operation"], "/api/notes/{id}");
    let exceptions = error["exception"]["values"].to_string();
    assert!(exceptions.contains("notes"), "{exceptions}");
    assert!(
        error["breadcrumbs"]
            .to_string()
            .contains("a request failed"),
        "{error}"
    );
    assert!(statuses().contains("\"unavailable\""), "{:?}", statuses());
}

#[test]
fn a_transaction_is_finished_if_the_client_leaves() {
    let ingest = Ingest::start();
    let postgres = Postgres::start();
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
    let service = Service::start(&[], &variables).ready();
    let _other = postgres.hold("LOCK TABLE notes");
    let mut stream = connect(service.api).unwrap();
    stream
        .write_all(head("GET", "/api/notes", &[], 0).as_bytes())
        .unwrap();
    postgres.await_waiting();
    drop(stream);
    wait_until("a transaction", || !of_requests(&ingest).is_empty());
    let transaction = &of_requests(&ingest)[0];
    assert_eq!(transaction["transaction"], "GET /api/notes");
    assert_eq!(transaction["contexts"]["trace"]["status"], "aborted");
}

#[test]
fn the_work_of_a_job_is_a_transaction_with_its_end_and_its_error_is_an_event() {
    let ingest = Ingest::start();
    let postgres = Postgres::start();
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
    let job = || {
        crate::support::service::run(&["--role", "maintenance", "--apply-migrations"], &variables)
    };
    assert_eq!(job().0, Some(0));
    postgres.run("UPDATE _sqlx_migrations SET checksum = 'other' WHERE version = 2");
    assert_eq!(job().0, Some(1));
    let transactions = ingest.transactions();
    assert_eq!(names(&transactions), ["migrations", "migrations"]);
    let status = |at: usize| transactions[at]["contexts"]["trace"]["status"].clone();
    assert_eq!(
        (status(0), status(1)),
        ("ok".into(), "internal_error".into())
    );
    let events = ingest.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["extra"]["operation"], "migrations");
}

#[test]
fn nothing_that_identifies_a_caller_is_sent() {
    let ingest = Ingest::start();
    let postgres = Postgres::start();
    let (url, dsn) = (postgres.url(), ingest.dsn());
    let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
    let service = Service::start(&[], &variables).ready();
    let fields = [
        "authorization: Bearer personal-token",
        "cookie: session=personal-cookie",
        "x-forwarded-for: 192.0.2.77",
        "x-real-ip: 192.0.2.77",
        "forwarded: for=192.0.2.77",
        "fly-client-ip: 192.0.2.77",
        "cf-connecting-ip: 192.0.2.77",
        "user-agent: personal-browser",
        "referer: https://example.com/personal-page",
        "x-user: personal-name",
        "content-type: application/json",
    ];
    let body = r#"{"text":"personal-note"}"#;
    send(
        service.api,
        "POST",
        "/api/notes?token=personal-query",
        &fields,
        body,
    );
    postgres.run("ALTER TABLE notes RENAME TO away");
    send(
        service.api,
        "POST",
        "/api/notes?token=personal-query",
        &fields,
        body,
    );
    wait_until("the error and both transactions", || {
        !ingest.events().is_empty() && of_requests(&ingest).len() >= 2
    });
    service.stop();
    let items = ingest.items();
    for item in items {
        let text = item.payload.to_string();
        assert!(
            !text.contains("personal-") && !text.contains("192.0.2.77"),
            "{text}"
        );
        assert!(item.payload["user"].is_null(), "{text}");
        if item.kind == "event" {
            // What remains is still of use.
            assert_eq!(item.payload["request"]["method"], "POST");
            assert_eq!(item.payload["request"]["url"], "http://service/api/notes");
        }
    }
}

#[test]
fn an_ingest_that_does_not_answer_holds_nothing_up() {
    // It takes connections, and is silent.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dsn = format!("http://key@127.0.0.1:{port}/1");
    let service = Service::start(&[], &[("SENTRY_DSN", &dsn)]).ready();
    for _ in 0..100 {
        assert_eq!(service.get("/api/time").code, 200);
    }
    let before = std::time::Instant::now();
    service.stop();
    // Far from the bound of the SDK, which is 0.7 s; without one it would be for ever.
    assert!(before.elapsed() < Duration::from_secs(30));
}
