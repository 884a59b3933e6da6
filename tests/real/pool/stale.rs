//! After a failover: every idle connection of the pool is dead, and the server accepts new ones.

use std::time::Duration;

use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use tower_health::indicators::SqlxDatabase;
use tower_health::{HealthIndicator, Status};

use crate::deadpool::support as deadpool;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sqlx_pool::{assert_no_place_is_stranded, indicator};

/// Long enough for a busy machine, although a silent connection takes almost half of it.
const TIMEOUT: Duration = Duration::from_secs(8);

/// How many idle connections die at once.
const MANY: [u32; 2] = [8, 50];

/// How they die.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The server ended them.
    Terminated,
    /// The server is gone without a word.
    Silent,
}

const DEATHS: [Death; 2] = [Death::Terminated, Death::Silent];

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn the_first_run_over_dead_connections_to_postgres_is_ready() {
    for tested in [true, false] {
        let server = Postgres::start_with(&["max_connections=80"]).await;
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
        for (many, death) in MANY
            .into_iter()
            .flat_map(|n| DEATHS.map(|death| (n, death)))
        {
            let pool = PgPoolOptions::new()
                .max_connections(many)
                .test_before_acquire(tested)
                .connect_lazy_with(server.options().port(proxy.port()));
            fill(&pool).await;
            match death {
                Death::Terminated => server.terminate().await,
                Death::Silent => proxy.silence_those_that_are_open(),
            }
            let case = format!("{many} {death:?}, tested: {tested}");
            recovers(&indicator(&pool).timeout(TIMEOUT), &case).await;
            assert_no_place_is_stranded(&pool).await;
            pool.close().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn the_first_run_over_dead_connections_to_mariadb_is_ready() {
    for tested in [true, false] {
        let server = MariaDb::start().await;
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
        for (many, death) in MANY
            .into_iter()
            .flat_map(|n| DEATHS.map(|death| (n, death)))
        {
            let pool = MySqlPoolOptions::new()
                .max_connections(many)
                .test_before_acquire(tested)
                .connect_lazy_with(server.options().port(proxy.port()));
            fill(&pool).await;
            match death {
                Death::Terminated => server.run("KILL USER app").await,
                Death::Silent => proxy.silence_those_that_are_open(),
            }
            let case = format!("{many} {death:?}, tested: {tested}");
            recovers(&indicator(&pool).timeout(TIMEOUT), &case).await;
            assert_no_place_is_stranded(&pool).await;
            pool.close().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn the_first_run_over_dead_connections_of_deadpool_is_ready() {
    use deadpool_postgres::RecyclingMethod::{Fast, Verified};

    let server = Postgres::start_with(&["max_connections=80"]).await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let config = deadpool::config(proxy.port());
    for method in [Fast, Verified] {
        for (many, death) in MANY
            .into_iter()
            .flat_map(|n| DEATHS.map(|death| (n, death)))
        {
            let many = usize::try_from(many).unwrap();
            let pool = deadpool::pool_of(&config, method.clone(), many);
            drop(deadpool::take(&pool, many).await);
            match death {
                Death::Terminated => server.terminate().await,
                Death::Silent => proxy.silence_those_that_are_open(),
            }
            let case = format!("{many} {death:?}, {method:?}");
            let indicator = deadpool::indicator(&pool, &config).timeout(TIMEOUT);
            recovers(&indicator, &case).await;
            drop(deadpool::take(&pool, many).await);
            pool.close();
        }
    }
}

/// No run is red, and soon the pool holds only connections that answer.
async fn recovers(indicator: &impl HealthIndicator, case: &str) {
    for at in 1..=10 {
        let run = indicator.check().await;
        let observation = run.unwrap_or_else(|failure| panic!("{case}: run {at}: {failure}"));
        if observation.status() == Status::Pass {
            return;
        }
    }
    panic!("{case}: the pool still holds dead connections after ten runs");
}

async fn fill<DB: SqlxDatabase>(pool: &sqlx::Pool<DB>) {
    let most = pool.options().get_max_connections();
    let mut taken = Vec::new();
    for _ in 0..most {
        taken.push(pool.acquire().await.unwrap());
    }
    drop(taken);
    let most = usize::try_from(most).unwrap();
    eventually("all are idle", async || pool.num_idle() == most).await;
}
