//! Servers that accept as many connections as the pools hold, and none beyond.

use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use tower_health::Status;
use tower_health::indicators::ExhaustedPool;

use crate::deadpool::support as deadpool;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;
use crate::support::sqlx_pool::{indicator, watch};
use crate::support::watched::Watched;

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
    let watched = watch(&pool);
    watched.passes().await;
    let strict = indicator(&pool).exhausted_pool(ExhaustedPool::Fails);
    let strict = Watched::start("db", strict);
    let mut taken = Vec::new();
    for _ in 0..ALL {
        taken.push(pool.acquire().await.unwrap());
    }
    let text = watched.turns(Status::Warn).await;
    assert!(text.contains("5 of 5") && text.contains(FULL), "{text}");
    let text = strict.turns_with(Status::Fail, "the pool is exhausted").await;
    assert!(text.contains(FULL), "{text}");
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_mariadb_allows_warns() {
    let server = mariadb().await;
    let most = 10;
    let pool = MySqlPoolOptions::new()
        .max_connections(most)
        .connect_lazy_with(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    let mut taken = Vec::new();
    for _ in 0..most {
        taken.push(pool.acquire().await.unwrap());
    }
    let text = watched.turns(Status::Warn).await;
    assert!(text.contains("10 of 10") && text.contains(FULL), "{text}");
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_an_account_of_mariadb_allows_warns() {
    let server = MariaDb::start().await;
    server
        .run("ALTER USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS 3")
        .await;
    let pool = crate::sql::mariadb::pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(pool.acquire().await.unwrap());
    }
    let text = watched.turns(Status::Warn).await;
    assert!(text.contains("limit of its account"), "{text}");
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_deadpool_that_holds_all_that_postgres_allows_warns() {
    let server = postgres().await;
    let config = deadpool::config(server.port());
    let all = usize::try_from(ALL).unwrap();
    let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, all);
    let watched = Watched::start("db", deadpool::indicator(&pool, &config));
    watched.passes().await;
    let taken = deadpool::take(&pool, all).await;
    let text = watched.turns(Status::Warn).await;
    assert!(text.contains("5 of 5") && text.contains(FULL), "{text}");
    drop(taken);
    watched.passes().await;
}

// The instance serves with those that it has, although its pool may hold more.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_cannot_grow_warns_while_the_application_uses_what_it_has() {
    let server = postgres().await;
    let config = deadpool::config(server.port());
    let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 4);
    let watched = Watched::start("db", deadpool::indicator(&pool, &config));
    watched.passes().await;
    let own = deadpool::take(&pool, 2).await;
    let others = deadpool::pool(&config);
    let others = deadpool::take_all(&others).await;
    let text = watched.turns(Status::Warn).await;
    assert!(text.contains("2 of 4") && text.contains(FULL), "{text}");
    // Without a connection the others would do better.
    drop(own);
    watched.passes().await;
    pool.retain(|_, _| false);
    let thief = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 2);
    let stolen = deadpool::take(&thief, 2).await;
    let text = watched.turns(Status::Fail).await;
    assert!(text.contains(FULL), "{text}");
    drop((others, stolen));
    watched.passes().await;
}
