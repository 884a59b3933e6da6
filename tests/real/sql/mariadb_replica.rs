//! MariaDB that is behind, or meets a lock.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, raw_sql};
use tower_health::Status;
use tower_health::indicators::SqlxIndicator;

use super::mariadb::pool;
use crate::servers::mariadb::MariaDb;
use crate::support::eventually;
use crate::support::runs::run;
use crate::support::sqlx_pool::{indicator, watch};
use crate::support::watched::Watched;

const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_replica_that_is_behind_fails_and_passes_once_it_caught_up() {
    let mut primary = MariaDb::start_primary().await;
    primary
        .run("GRANT REPLICA MONITOR ON *.* TO app@'127.0.0.1'")
        .await;
    primary.run("CREATE TABLE orders.t (i int)").await;
    let replica = primary.replica().await;
    let pool = pool(replica.options());
    let watched = Watched::start("db", indicator(&pool).max_lag(LIMIT));
    watched.passes().await;
    let state = watched.state();
    let lag = state.readings().last().unwrap();
    assert_eq!(
        (lag.measurement(), lag.unit()),
        (Some("replicationLag"), Some("s"))
    );

    let mut reader = replica.admin().await.unwrap();
    eventually("the replica has the table", async || {
        raw_sql("LOCK TABLES orders.t READ")
            .execute(&mut reader)
            .await
            .is_ok()
    })
    .await;
    primary.run("INSERT INTO orders.t VALUES (1)").await;
    let text = watched.turns_with(Status::Fail, "behind").await;
    assert!(text.contains("more than 1 s"), "{text}");
    reader.close().await.unwrap();
    watched.passes().await;

    replica.run("STOP SLAVE SQL_THREAD").await;
    let text = watched.turns_with(Status::Fail, "does not replicate").await;
    assert!(text.contains("SQL_Running No"), "{text}");
    replica.run("START SLAVE SQL_THREAD").await;
    watched.passes().await;

    primary.kill();
    let text = watched
        .turns_with(Status::Fail, "IO_Running Connecting")
        .await;
    assert!(text.contains("Last_IO_Errno 20"), "{text}");
    assert!(!text.contains("replica@"), "{text}");
    primary.restart().await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_server_that_is_no_replica_is_not_behind_and_rights_that_are_missing_are_named() {
    let server = MariaDb::start().await;
    let pool = pool(server.options());
    let watched = Watched::start("db", indicator(&pool).max_lag(LIMIT));
    let text = watched.fails().await;
    assert!(text.contains("the user may not do this"), "{text}");
    server
        .run("GRANT REPLICA MONITOR ON *.* TO app@'127.0.0.1'")
        .await;
    // Rights that hold everywhere are those of the time of the connect.
    watched.passes().await;
}

// A metadata lock would be waited for a day, by one more thread of the server with each run.
#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_statement_that_meets_a_lock_is_given_up_by_the_server_too() {
    let server = MariaDb::start().await;
    let pool = pool(server.options());
    raw_sql("CREATE TABLE health (seen timestamp); INSERT INTO health VALUES (now())")
        .execute(&pool)
        .await
        .unwrap();
    // Longer than the whole second that is the least that the server waits.
    let indicator = || {
        SqlxIndicator::new("db", pool.clone())
            .timeout(Duration::from_secs(3))
            .write_statement("UPDATE health SET seen = now()")
    };
    let watched = Watched::start("db", indicator());
    watched.passes().await;
    let mut migration = server.options().connect().await.unwrap();
    raw_sql("LOCK TABLES health WRITE")
        .execute(&mut migration)
        .await
        .unwrap();
    let text = watched
        .turns_with(Status::Fail, "answers a query with")
        .await;
    assert!(text.contains("another transaction holds a lock"), "{text}");
    // Aborted, too.
    assert_eq!(run(&indicator(), 20, Duration::from_millis(30)).await, 0);
    eventually("none of them waits on", async || {
        server.connections().await <= 4
    })
    .await;
    migration.close().await.unwrap();
    watched.passes().await;
    let mut connection = pool.acquire().await.unwrap();
    let limits: (u64, u64) =
        sqlx::query_as("SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    assert_eq!(limits, (50, 86_400), "as they were");
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_database_that_does_not_exist_is_named() {
    let server = MariaDb::start().await;
    let watched = watch(&pool(server.options().database("invoices")));
    // Without rights to it the server does not say that there is none.
    let text = watched.fails().await;
    assert!(text.contains("to database 'invoices'"), "{text}");
    server
        .run("GRANT ALL ON invoices.* TO app@'127.0.0.1'")
        .await;
    watched
        .turns_with(Status::Fail, "there is no such database")
        .await;
    server.run("CREATE DATABASE invoices").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_does_not_hide_that_the_server_is_down() {
    let mut server = MariaDb::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    watched.turns(Status::Warn).await;
    server.freeze();
    watched
        .turns_with(Status::Fail, "does not answer a new connection either")
        .await;
    server.thaw();
    watched.turns(Status::Warn).await;
    drop(taken);
}
