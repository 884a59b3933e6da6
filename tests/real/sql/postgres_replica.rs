//! Postgres that takes no writes, or is behind.

use std::time::Duration;

use tower_health::Status;

use super::postgres::pool;
use crate::servers::postgres::Postgres;
use crate::support::sqlx_pool::{indicator, watch};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_passes_unless_writes_are_wanted() {
    let primary = Postgres::start().await;
    let standby = primary.standby().await;
    let pool = pool(standby.options());
    watch(&pool).passes().await;
    let watched = Watched::start("db", indicator(&pool).read_write());
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
    let watched = Watched::start("db", indicator(&pool(server.options())).read_write());
    watched.passes().await;
    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    let text = watched.fails().await;
    assert!(text.contains("its transactions are read-only"), "{text}");
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_that_is_behind_fails_and_passes_once_it_caught_up() {
    let primary = Postgres::start().await;
    primary.run("CREATE TABLE t (i int)").await;
    let standby = primary.standby().await;
    let pool = pool(standby.options());
    let watched = Watched::start("db", indicator(&pool).max_lag(Duration::from_secs(1)));
    watched.passes().await;
    // An idle primary is nothing to be behind of.
    watched.runs(8).await;
    assert_eq!(watched.state().status(), Status::Pass);

    standby.run("SELECT pg_wal_replay_pause()").await;
    primary.run("INSERT INTO t VALUES (1)").await;
    let text = watched.fails().await;
    assert!(text.contains("behind its primary, more than 1 s"), "{text}");
    standby.run("SELECT pg_wal_replay_resume()").await;
    watched.passes().await;
}
