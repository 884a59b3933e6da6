//! A statement of the application that writes, in Postgres.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, raw_sql};
use tower_health::Status;

use super::postgres::pool;
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::runs::run;
use crate::support::sqlx_pool::{LONG, indicator};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_statement_that_writes_fails_when_it_cannot() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let indicator = indicator(&pool).write_statement("UPDATE health SET seen = now()");
    let watched = Watched::start("db", indicator);
    let text = watched.fails().await;
    assert!(
        text.contains("relation \"health\" does not exist"),
        "{text}"
    );
    raw_sql("CREATE TABLE health (seen timestamptz); INSERT INTO health VALUES (now())")
        .execute(&pool)
        .await
        .unwrap();
    watched.passes().await;
}

// A process of the server that waits for a lock does not notice that its client is gone: without a
// limit there would be one more with each run, until the server has no connection left.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_statement_that_meets_a_lock_is_given_up_by_the_server_too() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    raw_sql("CREATE TABLE health (seen timestamptz); INSERT INTO health VALUES (now())")
        .execute(&pool)
        .await
        .unwrap();
    let indicator = || indicator(&pool).write_statement("UPDATE health SET seen = now()");
    let watched = Watched::start("db", indicator());
    watched.passes().await;
    let mut migration = server.options().connect().await.unwrap();
    raw_sql("BEGIN; LOCK TABLE health")
        .execute(&mut migration)
        .await
        .unwrap();
    let text = watched
        .turns_with(Status::Fail, "answers a query with")
        .await;
    assert!(text.contains("a lock"), "{text}");
    // Aborted, too.
    assert_eq!(run(&indicator(), 20, Duration::from_millis(30)).await, 0);
    watched.runs(3).await;
    eventually("none of them waits on", async || {
        server.connections().await <= 4
    })
    .await;
    migration.close().await.unwrap();
    watched.passes().await;
    // What was set for the statement ended with it.
    let mut connection = pool.acquire().await.unwrap();
    for setting in ["lock_timeout", "statement_timeout"] {
        let shown: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(shown, "0", "{setting}");
    }
    assert_eq!(run(&indicator().timeout(LONG), 1, LONG).await, 1);
}
