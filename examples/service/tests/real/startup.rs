//! From the first moment to readiness.

use crate::support::http::get;
use crate::support::postgres::Postgres;
use crate::support::service::{Service, listeners, run};

/// Postgres without TLS, as the service finds it in development.
fn development(url: &str) -> [(&'static str, &str); 1] {
    [("DATABASE_URL", url)]
}

#[test]
fn probes_are_answered_while_migrations_run_and_startup_waits_for_them() {
    let postgres = Postgres::start();
    // The first migration creates this table, and waits until it is known who has it.
    let other = postgres.hold("CREATE TABLE notes (id int)");
    let url = postgres.url();
    let service = Service::start(&[], &development(&url));
    postgres.await_waiting();
    for port in [service.api, service.web, service.management] {
        assert_eq!(get(port, "/livez").code, 200);
        assert_eq!(get(port, "/startupz").code, 503);
        assert_eq!(get(port, "/readyz").code, 503);
    }
    assert_eq!(service.get("/health").code, 503);
    let report = service.report("/startupz");
    assert!(report.contains("migrations"), "{report}");

    postgres.release(other);
    service.await_code("/startupz", 200);
    service.await_code("/readyz", 200);
    assert_eq!(service.get("/health").code, 200);
    assert_eq!(service.get("/api/notes").code, 200);
}

#[test]
fn a_service_that_starts_before_its_database_waits_for_it() {
    let mut postgres = Postgres::prepared();
    let url = postgres.url();
    let service = Service::start(&[], &development(&url));
    assert_eq!(service.get("/livez").code, 200);
    assert_eq!(service.get("/startupz").code, 503);
    assert_eq!(service.get("/api/time").code, 200);
    postgres.bring_up();
    service.await_code("/readyz", 200);
    let log = service.stop();
    assert!(log.contains("cannot reach the database"), "{log}");
}

#[test]
fn without_the_flag_startup_waits_until_a_job_has_migrated() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let variables = [
        ("MODE", "staging"),
        ("DATABASE_URL", &*url),
        ("DATABASE_REQUIRE_SSL", "false"),
        ("MANAGEMENT_TOKEN", "a-token"),
    ];
    let service = Service::start(&[], &variables);
    assert_eq!(service.get("/livez").code, 200);
    assert_eq!(service.get("/startupz").code, 503);
    assert_eq!(
        postgres.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
    let (code, output) = run(&["--role", "maintenance", "--apply-migrations"], &variables);
    assert_eq!(code, Some(0), "{output}");
    service.await_code("/readyz", 200);
}

#[test]
fn a_migration_that_fails_ends_the_process_with_1() {
    let postgres = Postgres::start();
    postgres.run("CREATE TABLE notes (id int)");
    let url = postgres.url();
    let (code, output) = run(&[], &development(&url));
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("a startup gate failed"), "{output}");
    assert!(output.contains("migration 1"), "{output}");
}

#[test]
fn migrations_that_take_longer_than_they_may_end_the_process_with_1() {
    let postgres = Postgres::start();
    let _other = postgres.hold("CREATE TABLE notes (id int)");
    let url = postgres.url();
    let variables = [("DATABASE_URL", &*url), ("MIGRATION_TIMEOUT", "1s")];
    let (code, output) = run(&[], &variables);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no schema within 1s"), "{output}");
}

#[test]
fn three_listeners_listen() {
    // What the test of maintenance, which has none, relies on.
    let service = Service::start(&[], &[]);
    assert_eq!(listeners(service.process.pid()), 3);
}
