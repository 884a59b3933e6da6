//! No secret in a log, an answer or an error.

use crate::support::http::send;
use crate::support::ingest::{Ingest, KEY};
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::service::{Service, run};
use crate::support::wait_until;

/// Parts of every secret of these tests, plain and as URLs have them.
const CANARIES: [&str; 5] = ["canary-pg", "canary-redis", KEY, "canary-token", "p%40ss"];

fn assert_clean(what: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {what}:\n{text}");
    }
}

/// Everything that the service answers, with and without the token.
fn everything(service: &Service) -> String {
    let token = ["authorization: Bearer canary-token"];
    let mut text = String::new();
    for port in [service.api, service.web, service.management] {
        for path in [
            "/",
            "/livez",
            "/readyz",
            "/startupz",
            "/readyz?verbose",
            "/readyz/database",
            "/readyz/redis",
            "/health",
            "/info",
            "/history",
            "/history?check=database",
            "/metrics",
            "/api/notes",
            "/api/notes/1",
            "/api/time",
            "/nowhere",
        ] {
            for fields in [&[][..], &token] {
                let answer = send(port, "GET", path, fields, "");
                text.push_str(&format!("{answer:?}\n"));
            }
        }
    }
    text
}

#[test]
fn passwords_are_in_no_log_and_no_answer_whether_servers_accept_or_refuse_them() {
    let mut postgres = Postgres::start();
    let redis = Redis::start();
    redis.send("CONFIG SET requirepass canary-redis");
    let ingest = Ingest::start();
    let (right, dsn) = (postgres.url(), ingest.dsn());
    let of_redis = |password: &str| {
        let address = format!("127.0.0.1:{}", redis.port);
        format!("redis://:{password}@{address}")
    };
    for (redis_url, is_right) in [
        (of_redis("canary-redis"), true),
        (of_redis("canary-redis-wrong"), false),
    ] {
        let variables = [
            ("LOG", "trace"),
            ("DATABASE_URL", &*right),
            ("REDIS_URL", &*redis_url),
            ("SENTRY_DSN", &*dsn),
            ("MANAGEMENT_TOKEN", "canary-token"),
        ];
        let service = Service::start(&[], &variables).ready();
        wait_until("a result of Redis", || {
            let token = ["authorization: Bearer canary-token"];
            let report = send(service.management, "GET", "/readyz/redis", &token, "").body;
            let status = if is_right { "pass" } else { "warn" };
            report.contains(&format!(r#""status":"{status}""#))
        });
        assert_clean("the answers", &everything(&service));
        postgres.kill();
        service.await_code("/readyz", 503);
        service.get("/api/notes");
        assert_clean("the answers without a database", &everything(&service));
        postgres.bring_up();
        service.await_code("/readyz", 200);
        let log = service.stop();
        assert!(log.contains("DEBUG"), "not all of the log");
        assert_clean("the log", &log);
    }
    for item in ingest.items() {
        assert_clean("an envelope", &item.payload.to_string());
    }
}

#[test]
fn passwords_are_in_no_error_that_ends_the_process() {
    let postgres = Postgres::start();
    let arguments = ["--role", "maintenance", "--apply-migrations"];
    for url in [
        postgres.url_with("canary-pg-wrong"),
        "postgres://app:canary-pg@localhost:port/notes".to_owned(),
        "postgres://app:canary-pg@[::1/notes".to_owned(),
        "canary-pg@localhost".to_owned(),
        "mysql://app:canary-pg@localhost/notes".to_owned(),
    ] {
        let variables = [("DATABASE_URL", &*url), ("LOG", "trace")];
        let (code, output) = run(&arguments, &variables);
        assert_eq!(code, Some(1), "{output}");
        assert_clean("the output", &output);
    }
    for (variable, value) in [
        ("REDIS_URL", "redis://:canary-redis@local host"),
        ("REDIS_URL", "http://:canary-redis@localhost"),
        ("SENTRY_DSN", "https://canary-token"),
        ("MANAGEMENT_TOKEN", "canary-token\n"),
    ] {
        let (code, output) = run(&[], &[(variable, value), ("LOG", "trace")]);
        assert_eq!(code, Some(1), "{variable}: {output}");
        assert_clean("the output", &output);
    }
}
