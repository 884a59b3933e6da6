//! Migrations that do not come to their end: somebody ends them, or the database does not answer.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::ingest::Ingest;
use crate::support::postgres::Postgres;
use crate::support::process::Process;
use crate::support::service::{Service, run, run_in};
use crate::support::wait_until;

const MAINTENANCE: [&str; 3] = ["--role", "maintenance", "--apply-migrations"];

/// Keeps the first migration, which creates this table, from its end.
const IN_THE_WAY: &str = "CREATE TABLE notes (id int)";

/// Waits until no session of the service is left. A statement that outlives its client keeps the
/// lock of the migrations.
fn await_nobody(postgres: &Postgres) {
    wait_until("no session of the service", || {
        postgres.run("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") == "0"
    });
}

/// Asserts that a job ends with 1, and names this stage. On a busy machine it takes a while to come
/// as far as that.
#[track_caller]
fn assert_times_out(url: &str, stage: &str) {
    let mut output = String::new();
    for within in ["1s", "5s", "25s"] {
        let variables = [("DATABASE_URL", url), ("MIGRATION_TIMEOUT", within)];
        let (code, printed) = run(&MAINTENANCE, &variables);
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains(&format!("no schema within {within}: ")));
        if printed.contains(stage) {
            return;
        }
        output = printed;
    }
    panic!("{output}");
}

fn signal_server(postgres: u32, signal: Signal) {
    let pid = Pid::from_raw(postgres.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// The process that takes connections.
fn pid_of(postgres: &Postgres) -> u32 {
    let file = postgres.run("SELECT pg_read_file('postmaster.pid')");
    file.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_job_that_is_asked_to_end_is_an_error_leaves_nothing_behind_and_says_so_to_sentry() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let (postgres, ingest) = (Postgres::start(), Ingest::start());
        let _other = postgres.hold(IN_THE_WAY);
        let (url, dsn) = (postgres.url(), ingest.dsn());
        let variables = [("DATABASE_URL", &*url), ("SENTRY_DSN", &*dsn)];
        let directory = tempfile::tempdir().unwrap();
        let job = run_in(directory.path(), &MAINTENANCE, &variables);
        postgres.await_waiting();
        job.signal(signal);
        let (code, output) = job.end();
        assert_eq!(code, Some(1), "{output}");
        let error = format!("ended by {name} before the work was done");
        assert!(output.contains(&error), "{output}");
        await_nobody(&postgres);
        let transactions = ingest.transactions();
        assert_eq!(transactions.len(), 1, "{transactions:?}");
        let status = &transactions[0]["contexts"]["trace"]["status"];
        assert_eq!(status, "cancelled", "{transactions:?}");
    }
}

#[test]
fn a_service_that_is_asked_to_end_while_it_migrates_ends_well_and_says_what_is_not_done() {
    let postgres = Postgres::start();
    let other = postgres.hold(IN_THE_WAY);
    let url = postgres.url();
    let service = Service::start(&[], &[("DATABASE_URL", &url)]);
    postgres.await_waiting();
    let log = service.stop(); // with code 0
    let said = "stopped before the database had the schema of this version";
    assert!(log.contains(said), "{log}");
    await_nobody(&postgres);
    postgres.release(other);
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'notes'";
    assert_eq!(postgres.run(tables), "0");
}

#[test]
fn a_migration_that_takes_too_long_is_named_and_does_not_keep_the_lock() {
    let postgres = Postgres::start();
    let _other = postgres.hold(IN_THE_WAY);
    assert_times_out(&postgres.url(), "migration 1 has not ended");
    await_nobody(&postgres);
}

#[test]
fn a_job_that_waits_for_another_one_says_so() {
    let postgres = Postgres::start();
    let _other = postgres.hold(IN_THE_WAY);
    let url = postgres.url();
    let variables = [("DATABASE_URL", &*url)];
    let directory = tempfile::tempdir().unwrap();
    let _first = run_in(directory.path(), &MAINTENANCE, &variables);
    postgres.await_waiting();
    assert_times_out(&url, "waiting for the lock of the migrations");
}

#[test]
fn a_database_that_never_answers_is_named_and_not_taken_for_a_lock() {
    let postgres = Postgres::start();
    let (url, server) = (postgres.url(), pid_of(&postgres));
    signal_server(server, Signal::STOP);
    for arguments in [&MAINTENANCE[..], &MAINTENANCE[..2]] {
        let variables = [("DATABASE_URL", &*url), ("MIGRATION_TIMEOUT", "1s")];
        let (code, output) = run(arguments, &variables);
        assert_eq!(code, Some(1), "{output}");
        let error = "no schema within 1s: cannot reach the database";
        assert!(output.contains(error), "{output}");
    }
}

#[test]
fn a_database_that_begins_to_answer_is_asked_again() {
    let postgres = Postgres::start();
    let (url, server) = (postgres.url(), pid_of(&postgres));
    signal_server(server, Signal::STOP);
    let directory = tempfile::tempdir().unwrap();
    let job = run_in(directory.path(), &MAINTENANCE, &[("DATABASE_URL", &url)]);
    wait_until("an attempt that gave up", || {
        job.output().contains("no answer within 5s")
    });
    signal_server(server, Signal::CONT);
    let (code, output) = job.end();
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn a_job_that_may_not_read_what_is_applied_says_so_at_once() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let variables = [("DATABASE_URL", &*url), ("MODE", "staging")];
    let variables = [
        &variables[..],
        &[
            ("DATABASE_REQUIRE_SSL", "false"),
            ("MANAGEMENT_TOKEN", "a-token"),
        ],
    ]
    .concat();
    assert_eq!(run(&MAINTENANCE, &variables).0, Some(0));
    postgres.run("ALTER TABLE _sqlx_migrations OWNER TO postgres");
    let directory = tempfile::tempdir().unwrap();
    let job: Process = run_in(directory.path(), &MAINTENANCE[..2], &variables);
    let (code, output) = job.end();
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("permission denied"), "{output}");
}
