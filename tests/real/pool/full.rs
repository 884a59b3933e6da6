//! Servers that accept as many connections as the pools hold, and none beyond.

use std::time::Duration;

use rustix::process::Signal;
use sqlx::Pool;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;
use tower_health::indicators::{ExhaustedPool, SqlxDatabase, SqlxIndicator};
use tower_health::{HealthIndicator, Status};

use crate::deadpool::support as deadpool;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;
use crate::servers::process::{signal, stop};
use crate::support::eventually;
use crate::support::runs::passes;
use crate::support::sqlx_pool::{LONG, patient};

/// What these servers allow the application.
const ALL: u32 = 5;

const FULL: &str = "all connections that the server allows are taken";

pub(crate) async fn postgres() -> Postgres {
    let settings = [
        "max_connections=8",
        "superuser_reserved_connections=3",
        "max_wal_senders=0",
    ];
    Postgres::start_with(&settings).await
}

/// The administrator has one more.
pub(crate) async fn mariadb() -> MariaDb {
    MariaDb::start_with(&["--max-connections=10"]).await
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_postgres_allows_warns() {
    let server = postgres().await;
    let pool = PgPoolOptions::new()
        .max_connections(ALL)
        .connect_lazy_with(server.options());
    let indicator = patient(&pool);
    let strict = patient(&pool).exhausted_pool(ExhaustedPool::Fails);
    passes(&indicator).await;
    passes(&strict).await;
    let taken = take_all(&pool).await;
    let text = warning(&indicator).await;
    assert!(text.contains("5 of 5") && text.contains(FULL), "{text}");
    let failure = strict.check().await.unwrap_err();
    assert!(failure.output().contains(FULL), "{failure}");
    drop(taken);
    passes(&indicator).await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_mariadb_allows_warns() {
    let server = mariadb().await;
    let pool = MySqlPoolOptions::new()
        .max_connections(10)
        .connect_lazy_with(server.options());
    let indicator = patient(&pool);
    passes(&indicator).await;
    let taken = take_all(&pool).await;
    let text = warning(&indicator).await;
    assert!(text.contains("10 of 10") && text.contains(FULL), "{text}");
    drop(taken);
    passes(&indicator).await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_an_account_of_mariadb_allows_warns() {
    let server = MariaDb::start().await;
    server
        .run("ALTER USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS 3")
        .await;
    let pool = crate::sql::mariadb::pool(server.options());
    let indicator = patient(&pool);
    passes(&indicator).await;
    let taken = take_all(&pool).await;
    let text = warning(&indicator).await;
    assert!(text.contains("limit of its account"), "{text}");
    drop(taken);
    passes(&indicator).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_deadpool_that_holds_all_that_postgres_allows_warns() {
    let server = postgres().await;
    let config = deadpool::config(server.port());
    let all = usize::try_from(ALL).unwrap();
    let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, all);
    let indicator = deadpool::indicator(&pool, &config).timeout(LONG);
    passes(&indicator).await;
    let taken = deadpool::take(&pool, all).await;
    let text = warning(&indicator).await;
    assert!(text.contains("5 of 5") && text.contains(FULL), "{text}");
    drop(taken);
    passes(&indicator).await;
}

// The instance serves with those that it has, although its pool may hold more.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_cannot_grow_warns_while_the_application_uses_what_it_has() {
    let server = postgres().await;
    let config = deadpool::config(server.port());
    let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 4);
    let indicator = deadpool::indicator(&pool, &config).timeout(LONG);
    passes(&indicator).await;
    let own = deadpool::take(&pool, 2).await;
    let neighbour = deadpool::pool(&config);
    let others = deadpool::take_all(&neighbour).await;
    let text = warning(&indicator).await;
    assert!(text.contains("2 of 4") && text.contains(FULL), "{text}");

    // Without a connection, the others do better.
    drop(own);
    pool.retain(|_, _| false);
    let thief = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 2);
    let mut stolen = Vec::new();
    eventually("all places are taken again", async || {
        stolen.extend(thief.get().await.ok());
        stolen.len() == 2
    })
    .await;
    let failure = indicator.check().await.unwrap_err();
    assert!(failure.output().contains(FULL), "{failure}");
    // Closed pools keep no connections.
    neighbour.close();
    thief.close();
    drop((others, stolen));
    passes(&indicator).await;
}

// The listener answers, and no backend does. With the default settings.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn backends_that_hang_behind_a_full_postgres_fail() {
    let server = postgres().await;
    let pool = PgPoolOptions::new()
        .max_connections(ALL)
        .connect_lazy_with(server.options());
    let indicator = SqlxIndicator::<sqlx::Postgres>::new("db", pool.clone());
    passes(&indicator).await;
    let mut taken = take_all(&pool).await;
    let mut backends = Vec::new();
    for connection in &mut taken {
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **connection);
        let pid: i32 = pid.await.unwrap();
        backends.push(u32::try_from(pid).unwrap());
    }
    drop(taken.pop());
    eventually("it is idle", async || pool.num_idle() == 1).await;
    backends.iter().copied().for_each(stop);
    let failure = indicator.check().await.unwrap_err();
    let text = failure.output();
    assert!(
        text.contains("does not answer a query, and accepts no further connection"),
        "{text}"
    );
    // The idle one is closed, and the application holds the others.
    indicator.check().await.unwrap_err();
    backends.iter().for_each(|pid| signal(*pid, Signal::CONT));
    drop(taken);
    passes(&indicator).await;
}

// sqlx counts what its callers try to open.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_without_a_connection_fails_while_postgres_is_full() {
    let server = postgres().await;
    let options = || PgPoolOptions::new().acquire_timeout(Duration::from_secs(60));
    let neighbour = options()
        .max_connections(ALL)
        .connect_lazy_with(server.options());
    let others = take_all(&neighbour).await;
    for callers in [0, 2] {
        let pool = options()
            .max_connections(2)
            .connect_lazy_with(server.options());
        let mut trying = JoinSet::new();
        for _ in 0..callers {
            let pool = pool.clone();
            trying.spawn(async move { pool.acquire().await.map(drop) });
        }
        eventually("they try", async || pool.size() == callers).await;
        // A busy machine takes its time to refuse a connection.
        let indicator = SqlxIndicator::<sqlx::Postgres>::new("db", pool.clone())
            .timeout(Duration::from_secs(8));
        let failure = indicator.check().await.unwrap_err();
        assert!(failure.output().contains(FULL), "{callers}: {failure}");
        trying.shutdown().await;
    }
    drop(others);
}

/// All connections that this pool may have, once the server has noticed that those of the test
/// before are gone.
pub(crate) async fn take_all<DB: SqlxDatabase>(pool: &Pool<DB>) -> Vec<PoolConnection<DB>> {
    let most = usize::try_from(pool.options().get_max_connections()).unwrap();
    let mut taken = Vec::new();
    eventually("all are taken", async || {
        taken.extend(pool.acquire().await.ok());
        taken.len() == most
    })
    .await;
    taken
}

async fn warning(indicator: &impl HealthIndicator) -> String {
    let observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    observation.output().unwrap().to_owned()
}
