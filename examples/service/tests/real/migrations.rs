//! Migrations by the role `maintenance`: once, by one, or not at all.

use crate::support::postgres::Postgres;
use crate::support::process::Process;
use crate::support::service::{listeners, run, run_in};
use crate::support::wait_until;

const MAINTENANCE: [&str; 3] = ["--role", "maintenance", "--apply-migrations"];

/// How many processes start at once.
const PROCESSES: usize = 6;

fn variables<'a>(mode: &'a str, url: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("MODE", mode),
        ("DATABASE_URL", url),
        ("DATABASE_REQUIRE_SSL", "false"),
        ("MANAGEMENT_TOKEN", "a-token"),
    ]
}

/// How many migrations this log says were applied.
fn applied(log: &str) -> usize {
    log.matches("applying a migration").count()
}

#[test]
fn maintenance_migrates_opens_no_listener_and_ends() {
    let postgres = Postgres::start();
    let other = postgres.hold("CREATE TABLE notes (id int)");
    let (url, directory) = (postgres.url(), tempfile::tempdir().unwrap());
    let job = run_in(
        directory.path(),
        &MAINTENANCE,
        &variables("production", &url),
    );
    postgres.await_waiting();
    assert_eq!(listeners(job.pid()), 0);
    postgres.release(other);
    let (code, output) = job.end();
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(applied(&output), 2, "{output}");
    assert!(!output.contains("listening"), "{output}");
    assert_eq!(postgres.run("SELECT count(*) FROM notes"), "0");
}

#[test]
fn maintenance_exits_1_on_failure_in_every_mode() {
    let postgres = Postgres::start();
    postgres.run("CREATE TABLE notes (id int)");
    let right = postgres.url();
    let wrong = postgres.url_with("wrong");
    for mode in ["development", "staging", "production"] {
        for (url, reason) in [
            (&*right, "migration 1"),
            (&*wrong, "password authentication failed"),
            ("sqlite:/proc/nowhere/notes.db", "/proc/nowhere"),
            ("mysql://localhost", "database.url"),
        ] {
            let (code, output) = run(&MAINTENANCE, &variables(mode, url));
            assert_eq!(code, Some(1), "{mode}: {output}");
            assert!(output.contains(reason), "{mode}: {output}");
        }
    }
}

#[test]
fn a_migration_that_was_changed_after_it_was_applied_is_an_error() {
    let postgres = Postgres::start();
    let url = postgres.url();
    assert_eq!(run(&MAINTENANCE, &variables("production", &url)).0, Some(0));
    postgres.run("UPDATE _sqlx_migrations SET checksum = 'other' WHERE version = 2");
    let (code, output) = run(&MAINTENANCE, &variables("production", &url));
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("migration 2"), "{output}");
}

#[test]
fn a_schema_of_a_later_release_is_no_error_so_that_a_release_can_be_rolled_back() {
    let postgres = Postgres::start();
    let url = postgres.url();
    assert_eq!(run(&MAINTENANCE, &variables("production", &url)).0, Some(0));
    postgres.run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (999, 'later', true, 'x', 0)",
    );
    for arguments in [&MAINTENANCE[..], &MAINTENANCE[..2]] {
        let (code, output) = run(arguments, &variables("production", &url));
        assert_eq!(code, Some(0), "{output}");
    }
}

#[test]
fn processes_that_start_at_once_apply_each_migration_once_to_postgres() {
    let postgres = Postgres::start();
    // All of them come to wait before any may go on.
    let other = postgres.hold("CREATE TABLE _sqlx_migrations (id int)");
    let url = postgres.url();
    let directories = directories();
    let jobs: Vec<Process> = directories
        .iter()
        .map(|directory| {
            run_in(
                directory.path(),
                &MAINTENANCE,
                &variables("production", &url),
            )
        })
        .collect();
    wait_until("all of them wait", || {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
            WHERE usename = 'app' AND wait_event_type = 'Lock'";
        postgres.run(waiting) == PROCESSES.to_string()
    });
    postgres.release(other);
    assert_eq!(ended(jobs), 2);
    assert_eq!(postgres.run("SELECT count(*) FROM _sqlx_migrations"), "2");
}

#[test]
fn processes_that_start_at_once_apply_each_migration_once_to_sqlite() {
    let shared = tempfile::tempdir().unwrap();
    let database = shared.path().join("notes.db");
    let url = format!("sqlite:{}", database.display());
    // All of them come to wait before any may go on.
    let lock = std::fs::File::create(shared.path().join("notes.db.migrating")).unwrap();
    lock.lock().unwrap();
    let directories = directories();
    let jobs: Vec<Process> = directories
        .iter()
        .map(|directory| {
            run_in(
                directory.path(),
                &MAINTENANCE,
                &variables("development", &url),
            )
        })
        .collect();
    wait_until("all of them wait", || {
        jobs.iter().all(|job| has_open(job.pid(), ".migrating"))
    });
    assert!(!database.exists());
    drop(lock);
    assert_eq!(ended(jobs), 2);
}

/// Whether this process has a file open whose name ends so.
fn has_open(pid: u32, end: &str) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter();
    let mut targets = descriptors
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.any(|target| target.to_string_lossy().ends_with(end))
}

#[test]
fn services_that_start_at_once_with_the_flag_apply_each_migration_once() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let variables = variables("staging", &url);
    let flag = ["--apply-migrations"];
    let start = || crate::support::service::Service::start(&flag, &variables);
    let services = [start(), start(), start()].map(crate::support::service::Service::ready);
    let logs = services.map(crate::support::service::Service::stop);
    assert_eq!(
        logs.iter().map(|log| applied(log)).sum::<usize>(),
        2,
        "{logs:?}"
    );
}

fn directories() -> Vec<tempfile::TempDir> {
    (0..PROCESSES)
        .map(|_| tempfile::tempdir().unwrap())
        .collect()
}

/// Waits until each has ended well. Returns how many migrations they applied together.
fn ended(jobs: Vec<Process>) -> usize {
    let logs = jobs.into_iter().map(|job| {
        let (code, output) = job.end();
        assert_eq!(code, Some(0), "{output}");
        output
    });
    logs.map(|log| applied(&log)).sum()
}
