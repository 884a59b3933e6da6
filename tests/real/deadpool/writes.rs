//! Postgres that takes no writes, or is behind.

use std::time::Duration;

use tower_health::Status;

use super::support::{config, indicator, pool, watch};
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_passes_unless_writes_are_wanted() {
    let primary = Postgres::start().await;
    let standby = primary.standby().await;
    let config = config(standby.port());
    watch(&config).passes().await;
    let watched = Watched::start("db", indicator(&pool(&config), &config).read_write());
    let expected = format!(
        "127.0.0.1:{}/orders accepts no writes: it is a standby, in recovery",
        standby.port()
    );
    assert_eq!(watched.fails().await, expected);
    standby.run("SELECT pg_promote()").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_with_read_only_transactions_takes_no_writes() {
    let server = Postgres::start().await;
    let config = config(server.port());
    let watched = Watched::start("db", indicator(&pool(&config), &config).read_write());
    watched.passes().await;
    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    watched
        .turns_with(Status::Fail, "its transactions are read-only")
        .await;
    // The session is clean, so that its connection is kept.
    watched.runs(3).await;
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_that_is_behind_fails_and_passes_once_it_caught_up() {
    let primary = Postgres::start().await;
    primary.run("CREATE TABLE t (i int)").await;
    let standby = primary.standby().await;
    let config = config(standby.port());
    let indicator = indicator(&pool(&config), &config).max_lag(Duration::from_secs(1));
    let watched = Watched::start("db", indicator);
    watched.passes().await;

    standby.run("SELECT pg_wal_replay_pause()").await;
    primary.run("INSERT INTO t VALUES (1)").await;
    watched
        .turns_with(Status::Fail, "behind its primary, more than 1 s")
        .await;
    standby.run("SELECT pg_wal_replay_resume()").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_statement_that_writes_fails_when_it_cannot() {
    let server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config);
    let indicator = indicator(&pool, &config).write_statement("UPDATE health SET seen = now()");
    let watched = Watched::start("db", indicator);
    watched
        .turns_with(Status::Fail, "relation \"health\" does not exist")
        .await;
    let client = pool.get().await.unwrap();
    let made = client.batch_execute("CREATE TABLE health (seen timestamptz)");
    made.await.unwrap();
    drop(client);
    watched.passes().await;
}

// Without a limit on the server there would be one more process that waits with each run.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_statement_that_meets_a_lock_is_given_up_by_the_server_too() {
    let server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config);
    let migration = pool.get().await.unwrap();
    let made = migration.batch_execute("CREATE TABLE health (seen timestamptz)");
    made.await.unwrap();
    let indicator = indicator(&pool, &config).write_statement("UPDATE health SET seen = now()");
    let watched = Watched::start("db", indicator);
    watched.passes().await;
    let locked = migration.batch_execute("BEGIN; LOCK TABLE health");
    locked.await.unwrap();
    let text = watched
        .turns_with(Status::Fail, "answers a query with")
        .await;
    assert!(text.contains("a lock"), "{text}");
    watched.runs(3).await;
    eventually("none of them waits on", async || {
        server.connections().await <= 3
    })
    .await;
    let unlocked = migration.batch_execute("ROLLBACK");
    unlocked.await.unwrap();
    drop(migration);
    watched.passes().await;
    // What was set for the statement ended with it.
    let client = pool.get().await.unwrap();
    for setting in ["lock_timeout", "statement_timeout"] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await;
        assert_eq!(row.unwrap().get::<_, String>(0), "0", "{setting}");
    }
}
